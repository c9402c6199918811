"""A face carried from picture to picture by what it looked like when a network last saw it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np

LEAST_MATCH = 0.6  # normalised correlation below which a face has gone
LOOK_PX = 32  # longest side of the remembered look; larger faces are shrunk to it


@dataclass(frozen=True)
class CarriedFace:
    """box (4,): left, top, right, bottom now; landmarks (k, 2); corner (2,): left and top of its look, all in pixels.

    look: grey (rows, cols), `shrink` times smaller than in the picture; stamp_ns: when the network saw it.
    """

    box: np.ndarray
    score: float
    landmarks: np.ndarray
    corner: np.ndarray
    look: np.ndarray
    shrink: float
    stamp_ns: int


def remember(
    box: np.ndarray, score: float, landmarks: np.ndarray, grey: np.ndarray, stamp_ns: int
) -> CarriedFace | None:
    """The face in `box` of a grey picture, to be followed from here on; None where it is less than 4 pixels wide or high."""
    left, top, right, bottom = np.round(box).astype(int)
    left, top = max(left, 0), max(top, 0)
    patch = grey[top:bottom, left:right]
    if min(patch.shape) < 4:
        return None
    shrink = max(1.0, max(patch.shape) / LOOK_PX)
    return CarriedFace(box, score, landmarks, np.array([left, top], float), _shrunk(patch, shrink).copy(), shrink, stamp_ns)


def follow(face: CarriedFace, grey: np.ndarray) -> CarriedFace | None:
    """Where the face has gone in the next picture, within half its size; None where it is no longer to be seen."""
    rows, cols = (round(side * face.shrink) for side in face.look.shape)
    left, top = np.round(face.corner).astype(int)
    reach_x, reach_y = cols // 2 + 2, rows // 2 + 2
    first_col, first_row = max(left - reach_x, 0), max(top - reach_y, 0)
    window = _shrunk(grey[first_row : top + rows + reach_y, first_col : left + cols + reach_x], face.shrink)
    if window.shape[0] < face.look.shape[0] or window.shape[1] < face.look.shape[1]:
        return None
    match = cv2.matchTemplate(window, face.look, cv2.TM_CCOEFF_NORMED)
    _, best, _, (col, row) = cv2.minMaxLoc(match)
    if not best >= LEAST_MATCH:
        return None
    place = np.array([_peak(match[row], col), _peak(match[:, col], row)]) * face.shrink
    corner = place + (first_col, first_row)
    step = (corner - face.corner).astype(np.float32)
    return replace(face, box=face.box + np.tile(step, 2), landmarks=face.landmarks + step, corner=corner)


def _shrunk(grey: np.ndarray, shrink: float) -> np.ndarray:
    if shrink == 1.0 or not grey.size:
        return grey
    size = max(round(grey.shape[1] / shrink), 1), max(round(grey.shape[0] / shrink), 1)
    return cv2.resize(grey, size, interpolation=cv2.INTER_AREA)


def _peak(line: np.ndarray, index: int) -> float:
    """The top of the parabola through the highest value of a line and its neighbours."""
    if not 0 < index < len(line) - 1:
        return float(index)
    before, here, after = (float(value) for value in line[index - 1 : index + 2])
    bend = before - 2 * here + after
    return index + (0.5 * (before - after) / bend if bend < 0 else 0.0)
