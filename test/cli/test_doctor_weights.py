"""What the doctor says of weights: of those that ship, and of a folder in which one is cut short, missing or of another kind."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest

from avloc_ros.cli.checks import weights as checks
from avloc_ros.cli.checks.finding import State
from avloc_ros.cli.main import main
from avloc_ros.features.spectra import voice_network
from avloc_ros.runtime import weights
from avloc_ros.runtime.weights import SHIPPED_FOLDER, card_path

FILES = sorted(path.name for path in SHIPPED_FOLDER.iterdir() if not path.name.endswith(".card.json"))


def group_of(file: str) -> checks.Group:
    return next(group for group in checks.GROUPS if any(file in part.files for part in group.parts))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the shipped weights, which the systems take for the shipped ones."""
    copy = tmp_path / "weights"
    shutil.copytree(SHIPPED_FOLDER, copy)
    monkeypatch.setattr(weights, "SHIPPED_FOLDER", copy)
    return copy


def cut_short(path: Path, *, card_agrees: bool = False) -> None:
    content = path.read_bytes()[: path.stat().st_size // 2]
    path.write_bytes(content)
    if card_agrees:
        card = json.loads(card_path(path).read_text()) | {"sha256": hashlib.sha256(content).hexdigest()}
        card_path(path).write_text(json.dumps(card))


def test_every_file_that_ships_is_checked_once() -> None:
    checked = [file for group in checks.GROUPS for part in group.parts for file in part.files]
    assert sorted(checked) == FILES


def test_the_shipped_ones_load(folder: Path) -> None:
    pytest.importorskip("torch", reason="the weights for training are opened with torch")
    found = {finding.name: finding for finding in checks.check()}
    assert all(finding.state == State.OK for finding in found.values())
    assert set(found) == {"face detector", "voice network", *(group.name for group in checks.GROUPS)}
    for group in checks.GROUPS:
        assert all(file in found[group.name].found for part in group.parts for file in part.files)


@pytest.mark.parametrize("file", FILES)
def test_a_file_that_is_cut_short_is_named_with_what_to_do(folder: Path, file: str) -> None:
    whole = (folder / file).stat().st_size
    cut_short(folder / file)
    group = group_of(file)
    broken = [finding for finding in checks.check_group(group) if finding.state != State.OK]
    assert broken and all(finding.state == (State.FAIL if group.needed_live else State.NOTE) for finding in broken)
    assert any(str(folder / file) in finding.found and "was changed" in finding.found for finding in broken)
    if file.endswith(".onnx"):
        assert any(f"{whole // 2} bytes of {whole}" in finding.found for finding in broken)
    assert all(finding.name == group.name and "reinstall avloc_ros" in finding.advice for finding in broken)


@pytest.mark.parametrize("file", FILES)
def test_a_network_that_cannot_be_read_is_named_although_its_card_agrees(folder: Path, file: str) -> None:
    if file.endswith(".npz"):
        pytest.importorskip("torch")
    cut_short(folder / file, card_agrees=True)
    broken = [finding for finding in checks.check_group(group_of(file)) if finding.state != State.OK]
    assert any(file in finding.found for finding in broken)


def test_the_others_of_a_group_are_still_told(folder: Path) -> None:
    cut_short(folder / "any_array_look.onnx")
    good, bad = checks.check_group(group_of("any_array_look.onnx"))
    assert good.state == State.OK and good.found.startswith("mixture_talkers.onnx: loaded and run")
    assert "any_array_look.onnx" in bad.found and "tracker: srp" in bad.advice


@pytest.mark.parametrize("absent", ["dsw_fusion_spatial.onnx", "dsw_fusion_spatial.card.json"])
def test_a_missing_file_is_named(folder: Path, absent: str) -> None:
    (folder / absent).unlink()
    (bad,) = [finding for finding in checks.check_group(group_of("dsw_fusion_spatial.onnx")) if finding.state != State.OK]
    assert bad.state == State.FAIL and bad.found == f"{absent} missing in {folder}"


def test_weights_under_another_name_are_refused(folder: Path) -> None:
    for end in (".onnx", ".card.json"):
        shutil.copy(folder / f"dsw_fusion_flat{end}", folder / f"dsw_fusion_spatial{end}")
    (bad,) = [finding for finding in checks.check_group(group_of("dsw_fusion_spatial.onnx")) if finding.state != State.OK]
    assert "holds weights of 'dsw_fusion_flat', not of 'dsw_fusion_spatial'" in bad.found


def test_the_command_ends_with_2(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cut_short(folder / "diff_track_live.onnx")
    assert main(["doctor", "--only", "weights", "--json"]) == 2
    states = {item["name"]: item["state"] for item in json.loads(capsys.readouterr().out)}
    assert states["diff_track"] == "fail" and states["fusion"] == states["face detector"] == "ok"


def test_a_damaged_voice_network_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "voice_network.npz"
    for content in (voice_network.WEIGHTS.read_bytes()[:4000], b"", b"words"):
        path.write_bytes(content)
        with monkeypatch.context() as patched:
            patched.setattr(voice_network, "WEIGHTS", path)
            finding = checks.check_voice_network()
        assert finding.state == State.FAIL and str(path) in finding.found and "srp.voice_network" in finding.advice


def test_the_providers_that_would_run_them_are_told(folder: Path) -> None:
    engines = [SimpleNamespace(provider=f"{name}ExecutionProvider", note="") for name in ("CUDA", "CPU", "CPU")]
    part = checks.Part(("mixture_talkers.onnx",), lambda: engines)  # type: ignore[arg-type,return-value]
    (finding,) = checks.check_group(checks.Group("fusion", (part,), ""))
    assert finding.state == State.OK
    assert finding.found == "mixture_talkers.onnx: loaded and run; CPUExecutionProvider, CUDAExecutionProvider"


def test_a_gpu_that_did_not_start_is_a_note(folder: Path) -> None:
    engines = [SimpleNamespace(provider="CPUExecutionProvider", note="the GPU could not be started: runs on the CPU")]
    part = checks.Part(("mixture_talkers.onnx",), lambda: engines)  # type: ignore[arg-type,return-value]
    (finding,) = checks.check_group(checks.Group("fusion", (part,), ""))
    assert finding.state == State.NOTE and "could not be started" in finding.found
