"""Packed scenes of glasses: what is read is what was simulated, and heads turn as they did."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from avloc_ros.datasets.glasses.pack import GlassesFrames, joined, pack_scenes, read_frames, turned_heads
from avloc_ros.datasets.glasses.recording import recording_of_scene
from avloc_ros.types import InputError


def test_turned_heads_are_the_rotations_that_were_made():
    rng = np.random.default_rng(1)
    turns = Rotation.from_euler("zyx", np.r_[np.zeros((1, 3)), rng.uniform(-0.5, 0.5, (6, 3))])
    still = rng.standard_normal((3, 3))
    still /= np.linalg.norm(still, axis=1, keepdims=True)
    seen = np.stack([turn.inv().apply(still) for turn in turns])
    np.testing.assert_allclose(turned_heads(seen), turns.as_matrix(), atol=1e-6)


def test_a_packed_scene_is_the_simulated_one(tmp_path):
    pytest.importorskip("pyroomacoustics")
    pytest.importorskip("av")
    from avloc_ros.simulation.glasses.config import EgocentricConfig
    from avloc_ros.simulation.glasses.guests import EgocentricParts
    from avloc_ros.simulation.glasses.scene import compose_egocentric

    rng, voices = np.random.default_rng(0), []
    import soundfile

    for number in range(2):
        voices.append(tmp_path / f"{number}.wav")
        hum = rng.standard_normal(48_000) * (np.arange(48_000) % 12_000 < 9_000) * 0.1
        soundfile.write(voices[-1], hum, 16_000)
    config = EgocentricConfig(width=128, height=72, seconds=1.0, reflections=1, tables=1, clip_face_px=40.0)
    compose_egocentric(tmp_path / "scene", 0, seed=3, config=config, parts=EgocentricParts(voices=tuple(voices)))
    count = pack_scenes([tmp_path / "scene"], tmp_path / "pack", 36, 64, sound=True)
    found, wanted = read_frames(tmp_path / "pack"), recording_of_scene(tmp_path / "scene", 36, 64)
    assert count == len(found) == wanted.frames == 20
    assert np.abs(found.pictures.astype(int) - wanted.images).mean() < 6
    np.testing.assert_allclose(found.samples[0] / 32_767, wanted.samples, atol=1e-4)
    np.testing.assert_array_equal(found.wearer, wanted.wearer_speaking)
    faces = [sorted((b.left / 2, b.speaking) for b in boxes) for boxes in wanted.boxes]
    seen = found.boxes[..., 2] > found.boxes[..., 0]
    assert seen.any()
    for frame in range(20):
        packed = sorted(zip(found.boxes[frame, seen[frame], 0], found.speaking[frame, seen[frame]], strict=True))
        np.testing.assert_allclose(np.array(packed, float), np.array(faces[frame], float), atol=1e-3)
    twice = joined([found, found])
    assert len(twice) == 40 and list(twice.first_frames) == [0, 20]


def test_packs_with_and_without_sound_do_not_mix():
    empty = GlassesFrames(*(np.zeros((0, 1)) for _ in range(7)), samples=np.zeros((1, 0, 6), np.int16))
    heard = GlassesFrames(*(np.zeros((0, 1)) for _ in range(7)), samples=np.zeros((1, 5, 6), np.int16))
    with pytest.raises(InputError, match="without sound"):
        joined([empty, heard])
