"""Pictures: any camera format in, letterbox there and back, brightness and sharpness per cell."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from avloc_ros.features.inputs.image import (
    bgr_picture,
    brighten_dark_parts,
    cell_visibility,
    letterbox,
)
from avloc_ros.types import InputError

BGR = np.random.default_rng(0).integers(0, 256, (40, 60, 3)).astype(np.uint8)


def test_bgr_is_passed_on_without_a_copy() -> None:
    assert bgr_picture(BGR) is BGR


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        (BGR[..., 0], np.repeat(BGR[..., :1], 3, axis=2)),
        (BGR[..., :1], np.repeat(BGR[..., :1], 3, axis=2)),
        (np.dstack([BGR, BGR[..., 0]]), BGR),
        (BGR.astype(np.uint16) * 257, BGR),
        (BGR.astype(np.float32) / 255, BGR),
    ],
    ids=["grey", "grey with axis", "bgra", "16 bit", "float"],
)
def test_other_formats_become_bgr(image: np.ndarray, expected: np.ndarray) -> None:
    np.testing.assert_array_equal(bgr_picture(image), expected)


@pytest.mark.parametrize(
    ("image", "said"),
    [
        (np.zeros((0, 0, 3), np.uint8), "0x0 pixels"),
        (np.zeros((8, 60, 3), np.uint8), "60x8 pixels"),
        (np.zeros((40, 60, 2), np.uint8), r"shape \(40, 60, 2\)"),
        (np.zeros(40, np.uint8), r"shape \(40,\)"),
        (np.zeros((40, 60, 3), np.int32), "type int32"),
        (np.full((40, 60), 200.0), "within 0 to 1"),
        (np.full((40, 60), np.nan), "finite"),
    ],
)
def test_what_is_no_picture_is_refused(image: np.ndarray, said: str) -> None:
    with pytest.raises(InputError, match=said):
        bgr_picture(image)


@pytest.mark.parametrize("size", [(480, 320), (832, 832), (64, 300), (60, 40)])
def test_letterbox_keeps_shape_and_points_come_back(size: tuple[int, int]) -> None:
    picture = np.zeros((450, 720, 3), np.uint8)
    cv2.circle(picture, (500, 130), 30, (255, 255, 255), -1)
    canvas, fit = letterbox(picture, *size, fill=0)
    assert canvas.shape == (size[1], size[0], 3)
    rows, cols = np.nonzero(canvas[..., 0] > 127)
    middle = fit.to_picture(np.array([cols.mean() + 0.5, rows.mean() + 0.5]))
    np.testing.assert_allclose(middle, (500.5, 130.5), atol=2.5)
    aspect = (np.ptp(cols) + 1) / (np.ptp(rows) + 1)
    assert abs(aspect - 1) < 0.35 if min(size) < 100 else abs(aspect - 1) < 0.06


def test_dark_parts_are_lifted_and_bright_pictures_stay() -> None:
    random = np.random.default_rng(2)
    bright = random.integers(60, 200, (320, 480, 3)).astype(np.uint8)
    assert brighten_dark_parts(bright) is bright
    half_dark = bright.copy()
    half_dark[:, :240] //= 10
    before = half_dark.copy()
    lifted = brighten_dark_parts(half_dark)
    np.testing.assert_array_equal(half_dark, before)
    assert 70 < lifted[:, :200].mean() < 110
    assert abs(lifted[:, 280:].mean() - bright[:, 280:].mean()) < 3
    assert brighten_dark_parts(np.zeros((320, 480, 3), np.uint8)).max() == 0


def test_visibility_falls_with_the_light_and_with_blur():
    """A textured picture of which one quarter is dark, one glares and one is blurred."""
    rng = np.random.default_rng(0)
    picture = rng.integers(60, 190, (450, 720, 1), np.uint8).repeat(3, axis=2)
    picture = cv2.resize(cv2.resize(picture, (240, 150)), (720, 450), interpolation=cv2.INTER_NEAREST)
    picture[:225, :360] //= 40
    picture[:225, 360:] = 254
    picture[225:, :360] = cv2.GaussianBlur(picture[225:, :360], (0, 0), 20)
    visible = cell_visibility(picture, 20, 24)
    assert visible.shape == (20, 24) and visible.dtype == np.float32
    assert visible[1:9, 1:11].max() < 0.1 and visible[1:9, 13:].max() < 0.1
    assert 0.4 < visible[12:, 1:10].min() and visible[12:, 1:10].max() < 0.65
    assert visible[12:, 14:].min() > 0.75 and visible.max() <= 1
    half = cell_visibility(cv2.resize(picture, (1440, 900)), 20, 24)
    assert abs(half - visible).mean() < 0.05
