"""The cache of the front ends: it gives back what was said, exactly, and never what belongs to something else."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pytest

from avloc_ros.config import from_mapping
from avloc_ros.evaluation.chain import audio_trackers, front_end_cache
from avloc_ros.evaluation.chain.front_end_cache import FrontEndCache, heard_key, seen_key
from avloc_ros.evaluation.chain.front_end_frames import (
    HeardFrame,
    SeenFrame,
    heard_arrays,
    heard_frames,
    seen_arrays,
    seen_frames,
)
from avloc_ros.evaluation.chain.source_digest import source_files
from avloc_ros.evaluation.chain.stages import run_stages
from avloc_ros.evaluation.inputs.find import find_inputs
from avloc_ros.geometry import image_grid, sphere_grid
from avloc_ros.microphone_array import MicrophoneArray
from avloc_ros.sources.scene import write_scene
from avloc_ros.sources.truth import TruthRow
from avloc_ros.systems.localizer import LocalizerConfig
from avloc_ros.systems.srp import AudioGrids
from avloc_ros.types import Face, FaceDetections, Modality, SpeakerGrid

SQUARE = MicrophoneArray(np.array([[1, 1, 0], [-1, 1, 0], [-1, -1, 0], [1, -1, 0]]) * 0.03, name="square")


def grid(layout, number, weight=None):
    values = np.random.default_rng(number).random(layout.shape, np.float32)
    return SpeakerGrid(number, layout, Modality.AUDIO, values, 0.1 + number / 7, "srp", "a", 0.04, weight)


def heard(with_image):
    """Four frames, one of them deaf."""
    image, sphere = image_grid(720, 450, 4, 6), sphere_grid(6, 12)
    weight = np.asarray(0.3, np.float32)
    grids = [
        AudioGrids(grid(image, k) if with_image else None, grid(sphere, k, weight), k / 3, ("why",) * k) for k in range(3)
    ]
    return [HeardFrame(k, k * 40, found, k / 10) for k, found in enumerate([grids[0], None, *grids[1:]])]


def same(first, second):
    """Whether two records hold the same, arrays bit for bit."""
    if isinstance(first, np.ndarray):
        return second is not None and first.dtype == second.dtype and np.array_equal(first, second)
    if isinstance(first, (tuple, list)):
        return len(first) == len(second) and all(same(a, b) for a, b in zip(first, second, strict=True))
    if hasattr(first, "__dataclass_fields__"):
        return all(same(getattr(first, f.name), getattr(second, f.name)) for f in fields(first))
    return first == second


@pytest.mark.parametrize("with_image", [True, False])
def test_grids_come_back_bit_for_bit(with_image):
    assert same(heard(with_image), heard_frames(heard_arrays(heard(with_image))))
    deaf = [HeardFrame(0, 0, None, 0.5)]
    assert heard_frames(heard_arrays(deaf)) == deaf


def test_faces_come_back_as_they_were():
    faces = (Face(1.5, 2.25, 30, 40, 0.9, ((1.0, 2.0), (3.5, 4.0)), "f1"), Face(100, 50, 20, 25, 0.4))
    frames = [
        SeenFrame(0, 0, FaceDetections(0, faces, (720, 450)), 1.0),
        SeenFrame(1, 40, None, 0.0),
        SeenFrame(2, 80, FaceDetections(80, (), (720, 450)), 2.0),
    ]
    assert same(frames, seen_frames(seen_arrays(frames)))


def scene(folder, loudness=0.01):
    rows = [TruthRow(k, k / 25, "anna", *[None] * 6, 0.5, 0.0, 2.0, k > 5, False) for k in range(10)]
    samples = np.random.default_rng(1).normal(0, loudness, (6400, 4)).astype(np.float32)
    write_scene(folder, array=SQUARE, audio=samples, sample_rate_hz=16000, truth=rows)
    (item,) = find_inputs([folder])
    return item


def test_what_is_kept_is_not_computed_again_and_is_the_same(tmp_path, monkeypatch):
    item, config = scene(tmp_path / "scene"), LocalizerConfig()
    cache = FrontEndCache(tmp_path / "cache")
    plain, first = run_stages(item, config, "srp"), run_stages(item, config, "srp", cache)
    kind = audio_trackers.AUDIO_TRACKERS["srp"]
    opened = []
    counted = replace(kind, open=lambda *words: opened.append(1) or kind.open(*words))
    monkeypatch.setitem(audio_trackers.AUDIO_TRACKERS, "srp", counted)
    second = run_stages(item, config, "srp", cache)
    assert not opened
    for frames in (first, second):
        assert [same(a.audio, b.audio) for a, b in zip(plain, frames, strict=True)] == [True] * len(plain)
        assert [(f.frame, f.stamp_ns, f.faces) for f in frames] == [(f.frame, f.stamp_ns, f.faces) for f in plain]
    assert [f.audio_ms for f in second] == [f.audio_ms for f in first]  # what it cost when it was computed
    (file,) = (tmp_path / "cache").glob("*.srp.*.npz")
    file.write_bytes(file.read_bytes()[:500])
    run_stages(item, config, "srp", cache)
    assert opened, "a damaged file is computed anew"


def test_grids_of_a_tracker_with_look_ahead_stand_at_the_frames_that_they_are_about(tmp_path, monkeypatch):
    class OneFrameLate:
        """Answers each window with the grids of the one before."""

        def __init__(self, tracker):
            self.tracker, self.waiting = tracker, None

        def step(self, window):
            answer, self.waiting = self.waiting, self.tracker.step(window)
            return answer

    item, config = scene(tmp_path / "scene"), LocalizerConfig()
    kind = audio_trackers.AUDIO_TRACKERS["srp"]
    late = replace(kind, open=lambda *words: OneFrameLate(kind.open(*words)), look_ahead_s=0.04)
    monkeypatch.setitem(audio_trackers.AUDIO_TRACKERS, "late", late)
    plain, shifted = run_stages(item, config, "srp"), run_stages(item, config, "late")
    assert all(same(a.audio, b.audio) for a, b in zip(plain[:-1], shifted[:-1], strict=True))
    assert shifted[-1].audio is None and shifted[-1].stamp_ns == plain[-1].stamp_ns


def test_whatever_decides_the_content_makes_another_key(tmp_path, monkeypatch):
    item, config = scene(tmp_path / "one"), LocalizerConfig()
    keys = {heard_key(item, config, "srp")}
    assert heard_key(scene(tmp_path / "same"), config, "srp") in keys  # another folder, the same bytes
    keys.add(heard_key(scene(tmp_path / "other", loudness=0.02), config, "srp"))
    keys.add(heard_key(item, from_mapping(LocalizerConfig, {"srp.memory_s": 0.2}), "srp"))
    moved = MicrophoneArray(SQUARE.positions_m * 1.01, name="square")
    keys.add(heard_key(replace(item, array=moved), config, "srp"))
    keys.add(heard_key(replace(item, extra={"rotated_channels": 1}), config, "srp"))
    monkeypatch.setattr(front_end_cache, "source_digest", lambda module: "another version")
    keys.add(heard_key(item, config, "srp"))
    assert len(keys) == 6


def test_settings_of_one_front_end_leave_the_other_ones_key(tmp_path):
    item, config = scene(tmp_path / "one"), LocalizerConfig()
    other = from_mapping(LocalizerConfig, {"srp.memory_s": 0.2})
    assert seen_key(item, config) == seen_key(item, other)
    faces = from_mapping(LocalizerConfig, {"faces.nms_iou": 0.4})
    assert heard_key(item, config, "srp") == heard_key(item, faces, "srp")
    assert seen_key(item, config) != seen_key(item, faces)


def test_the_code_of_a_front_end_is_all_that_it_imports_and_no_fusion():
    names = {path.name for path in source_files("avloc_ros.systems.srp")}
    assert {"srp.py", "srp_phat.py", "stft.py", "geometry.py", "types.py", "voice_network.py"} <= names
    assert not {"flat_fusion.py", "localizer.py", "faces.py", "speaker_tracker.py"} & names
