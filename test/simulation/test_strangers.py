"""People put together from parts: a face detector sees a face where the truth says, and another look moves nothing."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

pytest.importorskip("skimage", reason="the small faces are in scikit-image")

from avloc_ros.simulation.glasses.config import EgocentricConfig
from avloc_ros.simulation.glasses.guests import EgocentricParts, draw_guests
from avloc_ros.simulation.glasses.strangers import draw_stranger, small_faces
from avloc_ros.simulation.looks.another_look import with_another_look
from avloc_ros.simulation.looks.talker_clip import TalkerClip, yunet_detector
from avloc_ros.types import InputError

DATA = Path(os.environ.get("AVLOC_DATA", "/nowhere"))
MODELS = sorted((DATA / "models").glob("*yunet*640*.onnx"))
needs_model = pytest.mark.skipif(not MODELS, reason="needs a YuNet file in AVLOC_DATA/models")


def overlap(one, other):
    left, top = np.maximum(one[:2], other[:2])
    right, bottom = np.minimum(one[:2] + one[2:], other[:2] + other[2:])
    common = max(0.0, right - left) * max(0.0, bottom - top)
    return common / (one[2] * one[3] + other[2] * other[3] - common)


@needs_model
def test_a_detector_finds_the_strangers_faces_in_their_boxes():
    detect, rng, hits = yunet_detector(MODELS[0]), np.random.default_rng(0), 0
    for _ in range(12):
        stranger = draw_stranger(rng, MODELS[0])
        picture = stranger.picture[..., :3] + 0.6 * (1 - stranger.picture[..., 3:])
        faces = detect((np.clip(picture, 0, 1) * 255).astype(np.uint8))
        hits += any(overlap(face[:4], stranger.box) > 0.6 for face in faces)
        assert (stranger.picture[..., :3] <= stranger.picture[..., 3:] + 1e-3).all()  # premultiplied
    assert hits >= 10


@needs_model
def test_strangers_are_many_and_differ_from_draw_to_draw():
    assert 90 <= len(small_faces(MODELS[0])) <= 100
    rng = np.random.default_rng(1)
    one, other = draw_stranger(rng, MODELS[0]), draw_stranger(rng, MODELS[0])
    assert np.abs(one.picture - other.picture).mean() > 0.02
    again = draw_stranger(np.random.default_rng(1), MODELS[0])
    assert np.array_equal(one.picture, again.picture) and again.name == one.name


def test_another_look_keeps_outlines_boxes_and_voice():
    rng = np.random.default_rng(2)
    cut_outs = np.zeros((3, 40, 30, 4), np.uint8)
    cut_outs[:, 5:, 5:25, 3], cut_outs[:, 5:, 5:25, :3] = 255, 120
    clip = TalkerClip("a", cut_outs, np.ones((3, 4)), np.ones(1920, np.float32), 16000, np.ones(3, bool))
    looks = [with_another_look(rng, clip, 0.3) for _ in range(40)]
    for look in looks:
        assert np.array_equal(look.cut_outs[..., 3], cut_outs[..., 3]) and look.boxes is clip.boxes
        assert (look.cut_outs[..., :3] <= look.cut_outs[..., 3:]).all()
        assert np.array_equal(look.cut_outs[0], look.cut_outs[2])  # the light does not flicker
        assert np.exp(-0.15) <= look.pixel_aspect <= np.exp(0.15)
    levels = np.log(np.maximum(1, [look.cut_outs[0, 10, 10, 0] for look in looks]) / 120)
    expected = 0.3 * np.sqrt(1 + 0.5**2 + 0.4**2)  # of the place, the person and the colour; smoothing takes a little
    assert 0.5 * expected < levels.std() < 1.3 * expected
    assert cv2.countNonZero(clip.cut_outs[0, ..., 0]) == 35 * 20


def test_strangers_need_a_face_model():
    config = replace(EgocentricConfig(seconds=2.0), stranger_share=1.0)
    with pytest.raises(InputError, match="stranger_share needs"):
        draw_guests(np.random.default_rng(0), config, EgocentricParts())
