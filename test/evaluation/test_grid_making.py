"""Grids of a scene on disk: what the front ends say in each frame, and the truth beside it."""

from __future__ import annotations

import shutil

import numpy as np
import pytest

from avloc_ros.config import from_mapping
from avloc_ros.datasets.grids.grid_recordings import load_grids
from avloc_ros.evaluation.chain.stages import run_stages
from avloc_ros.evaluation.grid_making import cache_grids, make_grid_recording, truth_arrays
from avloc_ros.evaluation.inputs.scene_input import scene_input
from avloc_ros.features.inputs.image import cell_visibility
from avloc_ros.geometry import CameraModel
from avloc_ros.microphone_array import MicrophoneArray
from avloc_ros.sources.scene import write_scene
from avloc_ros.sources.truth import TruthRow
from avloc_ros.systems.localizer import LocalizerConfig
from avloc_ros.types import InputError

pytest.importorskip("av")
FRAMES, RATE = 4, 16000
ARRAY = MicrophoneArray(np.array([[0.05, 0, 0], [-0.05, 0, 0], [0, 0.05, 0], [0, -0.05, 0.0]]))
CAMERA = CameraModel(320, 200, 150.0, 150.0, 160.0, 100.0)
CONFIG = from_mapping(
    LocalizerConfig, {"faces.precision": "fp32", "faces.small_faces": "off", "srp.image_rows": 10, "srp.image_cols": 12}
)


def row(frame, speaker, u, speaking):
    box = None if u is None else (u - 10, 90.0, 20.0, 20.0)
    unseen = TruthRow.unseen(frame, 25.0, speaker, 0.1, 0.0, 2.0, speaking)
    return unseen if box is None else unseen.with_face(box, 320, 200)


TRUTH = [row(f, "anna", 40.0 + f, f > 0) for f in range(FRAMES)] + [row(f, "ben", None, True) for f in range(FRAMES)]


@pytest.fixture(scope="module")
def scene(tmp_path_factory):
    rng = np.random.default_rng(0)
    images = [rng.integers(0, 255, (200, 320, 3)).astype(np.uint8) for _ in range(FRAMES)]
    for image in images:
        image[:, :160] = 3
    return write_scene(
        tmp_path_factory.mktemp("scenes") / "one",
        array=ARRAY,
        camera=CAMERA,
        audio=rng.normal(0, 0.05, (RATE * FRAMES // 25, 4)),
        sample_rate_hz=RATE,
        images=images,
        truth=TRUTH,
        extra={"condition": "dark", "split": "train"},
    )


def test_truth_stands_per_frame_and_talker():
    u, v, speaking, visible = truth_arrays([[r for r in TRUTH if r.frame == f] for f in range(FRAMES)])
    np.testing.assert_array_equal(u[:, 0], [40, 41, 42, 43])
    assert np.isnan(u[:, 1]).all() and (v[:, 0] == 100).all()
    np.testing.assert_array_equal(speaking, [[0, 1], [1, 1], [1, 1], [1, 1]])
    assert visible[:, 0].all() and not visible[:, 1].any()


def test_grids_are_those_of_the_front_ends(scene, tmp_path):
    (file,) = cache_grids([scene.folder], tmp_path / "grids", CONFIG)
    recording = load_grids(file)
    stages = run_stages(scene_input(scene), CONFIG)
    assert recording.frames == FRAMES and recording.grid_shape == (10, 12) and recording.image_size == (320, 200)
    for frame, stage in enumerate(stages):
        np.testing.assert_allclose(recording.audio[frame], stage.audio.image.probability, atol=1e-3)
        voice = recording.reliability[frame, 1]
        np.testing.assert_allclose(voice, stage.audio.voice_probability, atol=1e-3)
        visibility = cell_visibility(np.zeros((200, 320, 3), np.uint8), 10, 12)
        assert recording.reliability[frame, 0][:, :5].max() < 0.2 + visibility.max()
        assert recording.reliability[frame, 0][:, 8:].min() > 0.5
    assert recording.condition == "dark" and recording.facts["split"] == "train"
    assert recording.talkers == 1  # ben is never in the picture
    np.testing.assert_array_equal(recording.counts, [0, 1, 1, 1])


def test_a_cache_is_gone_on_with_and_not_mixed(scene, tmp_path):
    (file,) = cache_grids([scene.folder], tmp_path, CONFIG)
    before = file.stat().st_mtime_ns
    calls = []
    cache_grids([scene.folder], tmp_path, CONFIG, progress=lambda done, total: calls.append((done, total)))
    assert file.stat().st_mtime_ns == before and calls == [(1, 1)]
    other = from_mapping(LocalizerConfig, {"faces.precision": "fp32", "faces.small_faces": "off"})
    with pytest.raises(InputError, match="other settings"):
        cache_grids([scene.folder], tmp_path, other)
    shutil.copytree(scene.folder, tmp_path / "elsewhere" / "one")
    with pytest.raises(InputError, match="holds the grids of"):
        cache_grids([tmp_path / "elsewhere"], tmp_path, CONFIG)


def test_a_scene_of_one_sense_is_refused(scene, tmp_path):
    sound = write_scene(
        tmp_path / "sound", array=ARRAY, audio=np.zeros((RATE, 4)), sample_rate_hz=RATE,
        truth=[TruthRow.unseen(0, 25.0, "anna", 0.1, 0.0, 2.0, True)],
    )  # fmt: skip
    with pytest.raises(InputError, match="both sound and pictures"):
        make_grid_recording(scene_input(sound), CONFIG)
