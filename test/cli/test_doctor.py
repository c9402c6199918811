"""The doctor: each check on a machine that is well, and what it says of one that is not."""

from __future__ import annotations

import json
import os
import threading
from functools import partial
from pathlib import Path

import pytest

from avloc_ros.cli import doctor
from avloc_ros.cli.checks import devices, environment
from avloc_ros.cli.checks.finding import Finding, State
from avloc_ros.cli.main import main


def test_checks_of_this_environment_pass(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--json", "--only", "environment", "gpu", "weights"]) == 0
    findings = {item["name"]: item for item in json.loads(capsys.readouterr().out)}
    assert findings["python"]["state"] == "ok"
    assert findings["onnxruntime"]["state"] == "ok"
    assert findings["face detector"]["found"].startswith("loads and runs; 0 faces in noise; ")


def test_dds_round_trip_between_two_processes(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--json", "--only", "dds"]) == 0
    (finding,) = json.loads(capsys.readouterr().out)
    median_ms = float(finding["found"].split()[0])
    assert 0 < median_ms < 250


def test_a_missing_package_is_named_with_its_cure() -> None:
    finding = environment.check_package(("no_such_module", "no-such-dist", "nothing", True))
    assert finding.state == State.FAIL
    assert "pip install no-such-dist" in finding.advice


def test_a_cache_that_cannot_be_written_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda path, mode: False)  # root may write anywhere
    finding = environment.check_cache(tmp_path / "not" / "there")
    assert finding.state == State.FAIL
    assert "XDG_CACHE_HOME" in finding.advice


def test_a_check_that_breaks_is_a_finding() -> None:
    def broken() -> list[Finding]:
        raise RuntimeError("no wires")

    (finding,) = doctor.examined("power", broken)
    assert finding.state == State.FAIL
    assert "no wires" in finding.found


def test_what_only_listens_runs_beside_the_others_and_is_told_in_its_place() -> None:
    computed, ran = threading.Event(), []

    def check(name: str) -> list[Finding]:
        ran.append(name)
        if name == "graph":  # ends only when what comes after it ran
            return [Finding(name, State.OK if computed.wait(10) else State.FAIL, "")]
        if name == "weights":
            computed.set()
        return [Finding(name, State.OK, "")]

    names = ("graph", "weights", "dds", "gpu", "ros")
    findings = doctor.examine([(name, partial(check, name)) for name in names])
    assert [(finding.name, finding.state) for finding in findings] == [(name, State.OK) for name in names]
    assert ran[:2] == ["dds", "ros"]  # DDS is timed while nothing else computes


def test_status_is_2_where_something_must_be_mended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "CHECKS", (("power", lambda: [Finding("power", State.FAIL, "none", "plug it in")]),))
    assert main(["doctor"]) == 2


def test_cameras_without_permission_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Path, "glob", lambda self, pattern: iter([Path("/dev/video7")]))
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    (finding,) = devices.check_cameras()
    assert "video7" in finding.found
    assert "usermod" in finding.advice


def test_square_brackets_of_an_advice_are_words(capsys: pytest.CaptureFixture[str]) -> None:
    doctor.print_findings([Finding("gpu", State.NOTE, "none [at all]", "pip install 'a[gpu]'")])
    said = " ".join(capsys.readouterr().out.split())
    assert "none [at all]" in said and "'a[gpu]'" in said and "note" in said and "0 to mend, 1 to know" in said


def test_a_long_name_is_broken_over_lines_and_not_cut_off(capsys: pytest.CaptureFixture[str]) -> None:
    file = "a_network_with_quite_a_long_name_that_no_column_of_eighty_holds.onnx"
    doctor.print_findings([Finding("weights", State.FAIL, file, f"reinstall {file}")])
    columns = [[part.strip() for part in line.split("│")] for line in capsys.readouterr().out.splitlines() if "│" in line]
    assert "".join(cells[3] for cells in columns) == file
    assert "".join(cells[4] for cells in columns).replace("reinstall", "") == file
