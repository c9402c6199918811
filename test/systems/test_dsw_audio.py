"""The CRNN tracker against torch on the same frames: which frame it answers, what it forgets, what it refuses."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("lightning")
pytest.importorskip("pyroomacoustics")

from avloc_ros.config import from_mapping, to_mapping  # noqa: E402
from avloc_ros.features.inputs.dsw_input import frame_maps, stacked_frames  # noqa: E402
from avloc_ros.geometry import CameraModel  # noqa: E402
from avloc_ros.microphone_array import MicrophoneArray  # noqa: E402
from avloc_ros.runtime.weights import sha256_of  # noqa: E402
from avloc_ros.systems.dsw_audio import DswAudioConfig, DswAudioTracker  # noqa: E402
from avloc_ros.training.dsw.audio_product import export_audio  # noqa: E402
from avloc_ros.training.dsw.audio_training import AudioRecipe, audio_network  # noqa: E402
from avloc_ros.types import AudioWindow, InputError  # noqa: E402

ARRAY = MicrophoneArray(np.array([[0.05, 0, 0], [-0.05, 0, 0], [0, 0.05, 0.0]]))
CAMERA = CameraModel(720, 450, 318.5, 268.1, 360.0, 225.0)
SMALL = {
    "input.microphones": 3, "input.sample_rate_hz": 16000, "input.fft_length": 1024, "input.bins": 512,
    "network.filters": 4, "network.gru_units": 4, "network.hidden": [8], "network.rows": 5, "network.cols": 6,
}  # fmt: skip


def written(folder, frames_before=1, frames_after=1):
    values = SMALL | {"input.frames_before": frames_before, "input.frames_after": frames_after}
    recipe = from_mapping(AudioRecipe, values)
    torch.manual_seed(0)
    network = audio_network(recipe).eval()
    path = folder / "crnn.onnx"
    path.write_bytes(export_audio(network, recipe))
    card = {
        "name": "own", "system": "dsw_audio", "sha256": sha256_of(path), "licence": "MIT", "recipe": {}, "data": {},
        "seed": 0, "metrics": {}, "threshold": 0.3, "grid": [5, 6], "array": ARRAY.to_mapping(),
        "camera": CAMERA.to_mapping(), "input": to_mapping(recipe.input),
    }  # fmt: skip
    path.with_suffix(".card.json").write_text(json.dumps(card))
    return recipe, network, DswAudioConfig(weights=str(path))


def windows(count, seed=0):
    rng = np.random.default_rng(seed)
    return [AudioWindow(k * 40_000_000, rng.normal(0, 0.1, (640, 3)).astype(np.float32), 16000) for k in range(count)]


@pytest.mark.parametrize(("before", "after"), [(1, 1), (2, 0)])
def test_each_frame_is_answered_with_those_around_it(tmp_path, before, after):
    recipe, network, config = written(tmp_path, before, after)
    heard = windows(6)
    spectra = stacked_frames(frame_maps(np.stack([w.samples for w in heard]), recipe.input), recipe.input)
    with torch.no_grad():
        expected = network(torch.from_numpy(spectra)).numpy()
    tracker = DswAudioTracker(config, ARRAY, CAMERA)
    answers = [tracker.step(window) for window in heard]
    assert answers[:after] == [None] * after
    for frame, grid in enumerate(answers[after:]):
        assert grid.stamp_ns == heard[frame].stamp_ns and grid.threshold == 0.3
        np.testing.assert_allclose(grid.probability, expected[frame], atol=1e-4)
        assert grid.layout.shape == (5, 6) and grid.audio_weight == pytest.approx(grid.probability.max())


def test_a_gap_starts_anew_and_a_short_window_is_filled(tmp_path):
    _, _, config = written(tmp_path, 2, 0)
    tracker, fresh = DswAudioTracker(config, ARRAY, CAMERA), DswAudioTracker(config, ARRAY, CAMERA)
    first, second, third = windows(3)
    tracker.step(first)
    late = replace(second, stamp_ns=10**9, samples=second.samples[:630])
    np.testing.assert_array_equal(tracker.step(late).probability, fresh.step(late).probability)
    after = replace(third, stamp_ns=10**9 + 40_000_000)
    np.testing.assert_array_equal(tracker.step(after).probability, fresh.step(after).probability)


def test_another_array_camera_or_rate_is_refused(tmp_path):
    _, _, config = written(tmp_path)
    moved = MicrophoneArray(ARRAY.positions_m + [[0.02, 0, 0], [0, 0, 0], [0, 0, 0]])
    with pytest.raises(InputError, match="trained for the array"):
        DswAudioTracker(config, moved, CAMERA)
    with pytest.raises(InputError, match="another camera"):
        DswAudioTracker(config, ARRAY, replace(CAMERA, fx=500.0))
    DswAudioTracker(config, ARRAY, CAMERA.scaled_to(1440, 900))
    with pytest.raises(InputError, match="was trained for 16000 Hz"):
        DswAudioTracker(config, ARRAY, CAMERA).step(replace(windows(1)[0], sample_rate_hz=48000))
