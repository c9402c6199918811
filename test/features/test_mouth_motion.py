"""Motion of a mouth, on drawn faces whose motion is known."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from avloc_ros.features.inputs.mouth_motion import mouth_motion
from avloc_ros.types import Face

SIZE = (450, 720)


def picture(opening=0.0, shift=(0.0, 0.0), face=(300.0, 200.0, 52.0, 68.0), noise=0.0, seed=0):
    """A grey picture with a face whose mouth is open by a share of its height, drawn eight times as large and reduced."""
    left, top, width, height = face
    scale = 8
    cols, rows = int((width + 40) * scale), int((height + 40) * scale)
    canvas = np.full((rows, cols), 90.0, np.float32)

    def ellipse(x, y, half_x, half_y, value):
        middle = (20 + x * width + shift[0]) * scale, (20 + y * height + shift[1]) * scale
        cv2.ellipse(canvas, (middle, (2 * half_x * width * scale, 2 * half_y * height * scale), 0), value, -1)

    ellipse(0.5, 0.5, 0.5, 0.6, 170)
    for x in (0.28, 0.72):
        ellipse(x, 0.38, 0.09, 0.04, 60)
    ellipse(0.5, 0.56, 0.05, 0.1, 140)
    ellipse(0.5, 0.75, 0.2, 0.012 + opening, 70)
    canvas = cv2.GaussianBlur(canvas, (0, 0), 0.8 * scale)  # a lens
    small = cv2.resize(canvas, (cols // scale, rows // scale), interpolation=cv2.INTER_AREA)
    out = np.full(SIZE, 90.0, np.float32)
    out[int(top) - 20 : int(top) - 20 + small.shape[0], int(left) - 20 : int(left) - 20 + small.shape[1]] = small
    out += np.random.default_rng(seed).normal(0, noise, SIZE) if noise else 0
    return np.clip(np.round(out), 0, 255).astype(np.uint8)


def box(face=(300.0, 200.0, 52.0, 68.0), landmarks=()):
    return Face(*face, 0.9, landmarks)


@pytest.mark.parametrize("face", [(300.0, 200.0, 26.0, 34.0), (300.0, 200.0, 52.0, 68.0), (250.0, 100.0, 200.0, 260.0)])
def test_a_mouth_that_opens_moves_and_one_at_rest_does_not_whatever_its_size(face):
    rest = mouth_motion(picture(face=face), picture(face=face), box(face))
    opens = mouth_motion(picture(0.0, face=face), picture(0.03, face=face), box(face))
    assert rest < 0.6 and opens > 1.8


def test_eyes_that_close_are_no_speech():
    before, now = picture(), picture()
    now[222:232, 305:325] = 170
    assert mouth_motion(before, now, box()) < 0.6


@pytest.mark.parametrize("shift", [(1.0, 0.0), (0.0, 1.1), (-0.7, 0.7)])
def test_a_head_that_moves_a_little_does_not_speak(shift):
    moves = mouth_motion(picture(), picture(shift=shift), box())
    moves_and_speaks = mouth_motion(picture(0.0), picture(0.04, shift=shift), box())
    assert moves < 1.4 and moves_and_speaks > 3 * moves


@pytest.mark.parametrize("shift", [(2.5, 0.0), (0.0, -4.0), (-4.0, 2.5), (12.0, 0.0), (-18.0, 8.0)])
def test_a_head_that_moves_fast_tells_nothing(shift):
    assert mouth_motion(picture(), picture(shift=shift), box()) is None


@pytest.mark.parametrize("noise", [2.0, 5.0, 10.0])
def test_noise_of_the_camera_is_no_speech(noise):
    motions = [
        mouth_motion(picture(noise=noise, seed=2 * k), picture(noise=noise, seed=2 * k + 1), box()) for k in range(20)
    ]
    assert np.median(motions) < 1.2
    speaks = [
        mouth_motion(picture(0.0, noise=noise, seed=2 * k), picture(0.05, noise=noise, seed=2 * k + 1), box())
        for k in range(20)
    ]
    assert np.median(speaks) > 1.4 * np.median(motions)


def test_light_and_contrast_count_for_nothing():
    """The same face in a quarter of the light: the motion is a share of its contrast."""
    bright = mouth_motion(picture(0.0), picture(0.03), box())
    dim = mouth_motion(picture(0.0) // 3, picture(0.03) // 3, box())
    assert dim == pytest.approx(bright, rel=0.25)


def test_landmarks_tell_where_the_mouth_is():
    """Boxes of detectors differ: with a box that is a third too large downward the landmarks still find the mouth."""
    wide = (300.0, 200.0, 52.0, 90.0)
    corners = ((290 + 24.0, 226.0), (337.0, 226.0), (326.0, 238.0), (316.0, 251.0), (336.0, 251.0))
    before, now = picture(0.0), picture(0.03)
    assert mouth_motion(before, now, box(wide, corners)) > 1.8
    eyes = picture()
    eyes[222:232, 305:345] = 170
    assert mouth_motion(picture(), eyes, box(wide, corners)) < 0.6


def test_what_cannot_be_seen_is_unknown():
    before, now = picture(), picture(0.03)
    assert mouth_motion(before, now, box((300, 200, 10, 13))) is None, "too small"
    assert mouth_motion(before, now, box((300, 420, 52, 68))) is None, "the mouth is below the picture"
    assert mouth_motion(before, now, box((-30, 200, 52, 68))) is None, "half of the mouth is beside the picture"
    assert mouth_motion(before, now, box(), apart_s=0.3) is None, "the pictures are too far apart"
    assert mouth_motion(before[:300], now, box()) is None, "the camera changed its size between"


def test_slow_and_fast_cameras_see_the_same_speech():
    """Twice the time between pictures shows about twice the opening: it counts as much as at 25 pictures per second."""
    usual = mouth_motion(picture(0.0), picture(0.015), box(), 0.04)
    slow = mouth_motion(picture(0.0), picture(0.03), box(), 0.08)
    assert slow == pytest.approx(usual, rel=0.35)
