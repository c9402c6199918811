"""How much a mouth moves between two pictures: what tells, on small faces and without training, who of several talks.

Visual voice activity from the change of the mouth region, as in P. Liu and Z. Wang, "Voice activity detection using visual
information", ICASSP 2004, here measured against what the rest of the same face changes by (camera noise, compression, light)
and after the motion of the head is taken out.
"""

from __future__ import annotations

import cv2
import numpy as np

from avloc_ros.types import Face

PATCH = (32, 40)  # columns, rows that a face is brought to
BLOCK = 4  # pixels of a patch's side that are judged together
SMALLEST_FACE_PX = 12
MARGIN = 0.2  # of a face's size, kept around it for the motion of the head
MOUTH_HALF_WIDTH = 0.25  # of the face's width
MOUTH_ABOVE, MOUTH_BELOW = 0.05, 0.25  # of the face's height, around the middle between the corners of the mouth
USUAL_MOUTH = (0.5, 0.74)  # where that is in a face without landmarks
LANDMARKS = 5  # eyes, nose, corners of the mouth
FAINT = 4.0  # grey levels of contrast below which a face says less and less
CONTRAST_SHARE, QUIET_SHARE = 0.035, 0.25
ROUNDING = 0.3  # of whole grey levels and of their resampling, squared
USUAL_S, LONGEST_S = 0.04, 0.12  # between two pictures
GROWTH = 0.7  # of the change with the time between: measured at 40 and 80 ms on filmed talkers
STEPS = 3  # of the search for the head's motion
FARTHEST = 0.7  # pixels of the patch that a head may move between two pictures; beyond, motion of the mouth tells nothing
MOST_CHANGED = 0.3  # of the contrast, by the quiet quarter: beyond, it is another face, or the same one far from where it was
HANN = cv2.createHanningWindow(PATCH, cv2.CV_32F)


def mouth_motion(before: np.ndarray, now: np.ndarray, face: Face, apart_s: float = USUAL_S) -> float | None:
    """Change of the mouth over that of the rest of the face: about .7 at rest, 2 in speech; None where unknown.

    The root of the mean square of the mouth's change between two pictures, over that of a quiet quarter of the face and 3.5 %
    of the face's contrast together: where the camera is still and free of noise the contrast counts, else the noise.

    before, now: grey pictures uint8 (rows, columns) of one size, `apart_s` seconds apart; face: in `now`. Unknown are faces
    under 12 pixels a side, faces whose mouth is not in the picture, heads that move by more than 2 % of their width between the
    pictures (also out of reach of the search: all of the face changes then), and pictures more than .12 s apart.
    """
    if min(face.width, face.height) < SMALLEST_FACE_PX or not 0 < apart_s <= LONGEST_S or before.shape != now.shape:
        return None
    if not _is_inside(face, now.shape):
        return None
    mouth = _mouth_pixels(face)
    patch = _patch(now, face, (0.0, 0.0))
    head = _head_motion(patch, before, face, ~mouth)
    if head is None or np.hypot(*head) > FARTHEST:
        return None
    squares = np.square(patch - _patch(before, face, head))
    moved, still = float(squares[mouth].mean()), _quiet(squares, mouth)
    contrast = float(patch.std()) + FAINT
    if still > (MOST_CHANGED * contrast) ** 2:
        return None
    floor = (CONTRAST_SHARE * contrast) ** 2
    ratio = np.sqrt((moved + ROUNDING) / (still + floor))
    return float(ratio * (USUAL_S / apart_s) ** GROWTH)


def _head_motion(patch: np.ndarray, before: np.ndarray, face: Face, rest: np.ndarray) -> tuple[float, float] | None:
    """Where in the picture before the face was, in pixels of the patch to the right and down: (0, 0) if that fits better.

    Phase correlation, then steps of Lucas and Kanade on what is not the mouth. None where it was too far away to be found.
    """
    then = _patch(before, face, (0.0, 0.0))
    (right, down), _ = cv2.phaseCorrelate(then.copy(), patch.copy(), HANN)  # it weighs its inputs in place
    shift = np.array([-right, -down])
    if _is_too_far(shift):
        return None
    best, least = (0.0, 0.0), float(np.square(patch - then)[rest].mean())
    for _ in range(STEPS):
        if _is_too_far(shift):
            break
        there = _patch(before, face, (float(shift[0]), float(shift[1])))
        error = (patch - there)[rest]
        if np.square(error).mean() < least:
            best, least = (float(shift[0]), float(shift[1])), float(np.square(error).mean())
        slope_down, slope_right = np.gradient(there)
        slopes = np.stack([slope_right[rest], slope_down[rest]])
        shift = shift + np.linalg.solve(slopes @ slopes.T + np.eye(2), slopes @ error)
    return best


def _is_too_far(shift: np.ndarray) -> bool:
    """Whether a patch moved by so much would leave what is cut out around the face."""
    return bool(np.any(np.abs(shift) >= MARGIN * np.array(PATCH)))


def _quiet(squares: np.ndarray, mouth: np.ndarray) -> float:
    """Mean square of the change of the quietest quarter of the rest of the face: noise of the camera."""
    blocks, of_mouth = _block_means(squares), _block_means(mouth.astype(np.float32)) > 0
    return float(np.quantile(blocks[~of_mouth], QUIET_SHARE))


def _patch(grey: np.ndarray, face: Face, shift: tuple[float, float]) -> np.ndarray:
    """The face as float32 (40, 32), moved by `shift` pixels of the patch; large faces are averaged down."""
    step_x, step_y = face.width / PATCH[0], face.height / PATCH[1]  # picture pixels per patch pixel
    left, top = face.left + shift[0] * step_x, face.top + shift[1] * step_y
    shrink_x, shrink_y = max(1, int(step_x)), max(1, int(step_y))
    first_col = max(int(left - MARGIN * face.width), 0)
    first_row = max(int(top - MARGIN * face.height), 0)
    cut = grey[first_row : int(top + (1 + MARGIN) * face.height) + 2, first_col : int(left + (1 + MARGIN) * face.width) + 2]
    if shrink_x > 1 or shrink_y > 1:
        size = max(cut.shape[1] // shrink_x, 1), max(cut.shape[0] // shrink_y, 1)
        scale_x, scale_y = size[0] / cut.shape[1], size[1] / cut.shape[0]
        cut = cv2.resize(cut, size, interpolation=cv2.INTER_AREA)
    else:
        scale_x = scale_y = 1.0
    # pixel centres: patch pixel i covers the picture from left + i * step to left + (i + 1) * step
    to_cut = np.array(
        [
            [step_x * scale_x, 0, (left + step_x / 2 - first_col) * scale_x - 0.5],
            [0, step_y * scale_y, (top + step_y / 2 - first_row) * scale_y - 0.5],
        ]
    )
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return cv2.warpAffine(cut, to_cut, PATCH, flags=flags, borderMode=cv2.BORDER_REPLICATE).astype(np.float32)


def _block_means(values: np.ndarray) -> np.ndarray:
    rows, cols = PATCH[1] // BLOCK, PATCH[0] // BLOCK
    return values.reshape(rows, BLOCK, cols, BLOCK).mean((1, 3))


def _mouth_pixels(face: Face) -> np.ndarray:
    """Which pixels (40, 32) of the patch are the mouth's."""
    across, down = _mouth(face)
    x = (np.arange(PATCH[0]) + 0.5) / PATCH[0]
    y = (np.arange(PATCH[1]) + 0.5) / PATCH[1]
    cols = np.abs(x - across) <= MOUTH_HALF_WIDTH
    rows = (y >= down - MOUTH_ABOVE) & (y <= down + MOUTH_BELOW)
    return np.outer(rows, cols)


def _mouth(face: Face) -> tuple[float, float]:
    """The middle of the mouth, as shares of the face's box; where landmarks are none, or none of a mouth, the usual place."""
    if len(face.landmarks) != LANDMARKS:
        return USUAL_MOUTH
    u, v = np.mean(face.landmarks[-2:], axis=0)
    across, down = (float(u) - face.left) / face.width, (float(v) - face.top) / face.height
    return (across, down) if 0.2 <= across <= 0.8 and 0.5 <= down <= 0.9 else USUAL_MOUTH


def _is_inside(face: Face, shape: tuple[int, ...]) -> bool:
    """Whether the picture holds the mouth."""
    across, down = _mouth(face)
    u, v = face.left + across * face.width, face.top + down * face.height
    margin = MOUTH_HALF_WIDTH * face.width
    return margin <= u <= shape[1] - margin and 0 <= v <= shape[0] - MOUTH_BELOW * face.height / 2
