"""Pictures for networks: any camera format to BGR, reduced, letterbox, and how bright and sharp each grid cell is."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from avloc_ros.types import InputError

SMALLEST_SIDE_PX = 16
LIGHT_MAP = (24, 16)  # columns, rows
LIGHT_TARGET = 90.0  # grey levels
LARGEST_GAIN = 12.0
WORTH_A_GAIN = 2.0
NOISY_GAIN = 6.0
VISIBILITY_CELL_PX = 8  # pixels of one cell when its visibility is measured


@dataclass(frozen=True)
class Letterbox:
    """How a picture was fitted into a canvas: canvas = picture * scale + (left, top), all in pixels."""

    scale_x: float
    scale_y: float
    left: int
    top: int

    def to_picture(self, points: np.ndarray) -> np.ndarray:
        """Points (..., 2) of the canvas as points of the picture."""
        return (np.asarray(points, np.float32) - (self.left, self.top)) / (self.scale_x, self.scale_y)


def bgr_picture(image: np.ndarray) -> np.ndarray:
    """Any camera picture as uint8 (rows, columns, 3) in BGR order; a BGR picture is passed on without a copy.

    Takes grey (rows, columns) or (rows, columns, 1), BGR and BGRA, in uint8, uint16 (full range) or float in [0, 1].
    Raises InputError on other shapes and types, on an empty picture and on one under 16 pixels.
    """
    image = np.asarray(image)
    if image.ndim == 2:
        image = image[..., None]
    if image.ndim != 3 or image.shape[2] not in (1, 3, 4):
        raise InputError(
            f"a picture of shape {image.shape}: need (rows, columns), or (rows, columns, 1, 3 or 4)"
        )
    if min(image.shape[:2]) < SMALLEST_SIDE_PX:
        raise InputError(
            f"a picture of {image.shape[1]}x{image.shape[0]} pixels holds no face: need at least {SMALLEST_SIDE_PX} a side"
        )
    image = _as_uint8(image)
    if image.shape[2] == 1:
        return cv2.cvtColor(image, cv2.COLOR_GRAY2BGR)
    return cv2.cvtColor(image, cv2.COLOR_BGRA2BGR) if image.shape[2] == 4 else image


def _as_uint8(image: np.ndarray) -> np.ndarray:
    if image.dtype == np.uint8:
        return image
    if image.dtype == np.uint16:
        return (image >> 8).astype(np.uint8)
    if np.issubdtype(image.dtype, np.floating):
        if not np.isfinite(image).all() or image.min() < 0 or image.max() > 1:
            raise InputError(
                "a picture of floating point numbers must be finite and within 0 to 1: divide by its maximum"
            )
        return (image * 255 + 0.5).astype(np.uint8)
    raise InputError(f"a picture of type {image.dtype}: need uint8, uint16 or floating point in 0 to 1")


def letterbox(image: np.ndarray, width: int, height: int, fill: int = 0) -> tuple[np.ndarray, Letterbox]:
    """Fit a BGR picture into (height, width, 3) without distortion, centred, the rest filled with `fill`."""
    rows, cols = image.shape[:2]
    scale = min(width / cols, height / rows)
    fitted_width, fitted_height = max(1, round(cols * scale)), max(1, round(rows * scale))
    left, top = (width - fitted_width) // 2, (height - fitted_height) // 2
    fit = Letterbox(fitted_width / cols, fitted_height / rows, left, top)
    if (fitted_width, fitted_height) == (cols, rows) == (width, height):
        return image, fit
    # Area averaging keeps small faces where much is shrunk; down to 0.6 linear finds the same faces (docs/faces.md).
    method = cv2.INTER_AREA if scale < 0.6 else cv2.INTER_LINEAR
    canvas = np.full((height, width, 3), fill, np.uint8)
    canvas[top : top + fitted_height, left : left + fitted_width] = (
        image
        if (fitted_width, fitted_height) == (cols, rows)
        else cv2.resize(image, (fitted_width, fitted_height), interpolation=method)
    )
    return canvas, fit


def reduced_picture(image: np.ndarray, rows: int, cols: int) -> np.ndarray:
    """A picture uint8 (any, any, 3) at another size, each pixel the mean of what it covers: uint8 (rows, cols, 3)."""
    return cv2.resize(image, (cols, rows), interpolation=cv2.INTER_AREA)


def brighten_dark_parts(image: np.ndarray) -> np.ndarray:
    """A BGR picture whose dark parts are lifted to a common brightness; one without dark parts is passed on as it is.

    Each place is multiplied by up to 12, so that its surroundings (a 24 x 16 map of the picture, smoothed) reach 90 of
    255; a strong gain also smooths, because in the dark most detail is sensor noise.
    """
    grey = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
    level = cv2.GaussianBlur(
        cv2.resize(grey, LIGHT_MAP, interpolation=cv2.INTER_AREA).astype(np.float32), (0, 0), 1.0
    )
    gain = np.clip(LIGHT_TARGET / np.maximum(level, 0.5), 1.0, LARGEST_GAIN)
    if gain.max() < WORTH_A_GAIN:
        return image
    rows, cols = grey.shape
    smooth = image if gain.max() < NOISY_GAIN else cv2.GaussianBlur(image, (0, 0), 1.0)
    lifted = cv2.multiply(smooth, cv2.merge([cv2.resize(gain, (cols, rows))] * 3), dtype=cv2.CV_8U)
    return np.asarray(lifted)


def round_up(length_px: int, multiple: int) -> int:
    """The next multiple at or above a length."""
    return -(-length_px // multiple) * multiple


def cell_visibility(image: np.ndarray, rows: int, cols: int) -> np.ndarray:
    """How well the camera sees each grid cell, in [0, 1], float32 (rows, cols).

    The product of light and detail. Light rises from 0 at 4 grey levels to 1 at 40, and falls to 0 from 235 to 252
    (glare). Detail is s / (s + 6), with s the mean absolute Laplacian in grey levels over 3 x 3 cells, since a smooth cheek
    or wall in a sharp picture is seen well: 0 means blurred or covered, and counts for half at most. All on a picture of
    8 x 8 pixels per cell, so that it costs little and does not depend on the camera's size.
    """
    grey = cv2.cvtColor(bgr_picture(image), cv2.COLOR_BGR2GRAY)
    grey = _shrunk(grey, cols * VISIBILITY_CELL_PX, rows * VISIBILITY_CELL_PX)
    level = cv2.resize(grey, (cols, rows), interpolation=cv2.INTER_AREA).astype(np.float32)
    light = np.clip((level - 4) / 36, 0, 1) * np.clip((252 - level) / 17, 0, 1)
    edges = cv2.convertScaleAbs(cv2.Laplacian(grey, cv2.CV_16S))
    detail = cv2.resize(edges, (cols, rows), interpolation=cv2.INTER_AREA).astype(np.float32)
    around = cv2.blur(detail, (3, 3), borderType=cv2.BORDER_REPLICATE)
    return (light * (0.5 + 0.5 * around / (around + 6))).astype(np.float32)


def _shrunk(grey: np.ndarray, width: int, height: int) -> np.ndarray:
    """Area averaging to (height, width), at a tenth of its price: linear to a whole multiple, then whole pixels."""
    across, down = max(1, -(-grey.shape[1] // (2 * width))), max(1, -(-grey.shape[0] // (2 * height)))
    multiple = cv2.resize(grey, (width * across, height * down), interpolation=cv2.INTER_LINEAR)
    return np.asarray(cv2.resize(multiple, (width, height), interpolation=cv2.INTER_AREA))
