"""The audio network from an array to weights, in seconds, at the smallest size."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("lightning")
pytest.importorskip("pyroomacoustics")
pytest.importorskip("espeakng_loader")

from avloc_ros.cli.main import main  # noqa: E402
from avloc_ros.runtime.engines import OnnxEngine  # noqa: E402
from avloc_ros.runtime.weights import find_weights  # noqa: E402
from avloc_ros.training.dsw import audio_product  # noqa: E402

SMALL = {
    "bank.rooms": 1, "bank.validation_rooms": 1, "bank.places": 6, "bank.longest_response_s": 0.05, "voices": 2,
    "network.filters": 4, "network.gru_units": 4, "network.hidden": [8], "network.pooling": [8, 8, 4],
    "steps_per_epoch": 2, "validation_steps": 2, "optimizer.max_epochs": 1, "optimizer.batch_size": 16,
}  # fmt: skip
ARRAY = "positions_m: [[0.05, 0.0, 0.0], [-0.05, 0.0, 0.0], [0.0, 0.05, 0.02]]\n"


@pytest.fixture
def array_file(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text(ARRAY)
    return path


def test_one_command_from_an_array_to_weights(tmp_path, array_file):
    settings = [argument for name, value in SMALL.items() for argument in ("--set", f"{name}={value}")]
    out = tmp_path / "run"
    arguments = ["train", "dsw_audio", "--array", str(array_file), "--sample-rate", "16000", "--out", str(out)]
    assert main([*arguments, "--device", "cpu", "--threads", "1", *settings]) == 0
    weights = find_weights(str(out / "dsw_audio.onnx"), "", "dsw_audio")
    assert weights.card["input"]["microphones"] == 3 and weights.card["input"]["bins"] == 512
    assert weights.card["largest_difference_to_torch"]["fp32"] < 1e-4
    spectra = np.random.default_rng(0).random((5, 6, 3, 512), np.float32)
    grid = OnnxEngine(weights.path, "cpu").run({"spectra": spectra})["probability"]
    assert grid.shape == (5, 20, 24) and 0 <= grid.min() and grid.max() <= 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["dsw"], "--array is missing"),
        (["dsw_audio", "--camera", "none.yaml"], "no camera file at none.yaml"),
        (["dsw_audio", "--set", "optimizer.batch_size=60"], "multiple of mix.clip_frames 8"),
        (["dsw_audio", "--array", "none"], "no microphone array file at none"),
        (["dsw", "--array", "head_6mic", "--set", "voices=3"], "begin with audio. or fusion."),
    ],
)
def test_bad_input_is_said_before_rooms_are_simulated(tmp_path, capsys, monkeypatch, arguments, words):
    monkeypatch.setattr(audio_product, "make_bank", lambda *_: pytest.fail("rooms are simulated"))
    assert main(["train", *arguments, "--out", str(tmp_path / "new")]) == 2
    assert words in " ".join(capsys.readouterr().err.split())
