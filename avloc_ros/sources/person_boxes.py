"""Who is where in the picture of a pair of glasses: face boxes, and the masks that follow from them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

WEARER = "wearer"  # the speaker in a scene's truth.csv who has no face because the camera sits on it


@dataclass(frozen=True)
class PersonBox:
    """A face in one frame, in pixels of the original picture: left, top, right, bottom; may stand out of the picture."""

    person: str
    left: float
    top: float
    right: float
    bottom: float
    speaking: bool


def speaker_mask(
    boxes: Iterable[PersonBox], rows: int, cols: int, scale_x: float = 1.0, scale_y: float = 1.0
) -> np.ndarray:
    """Boxes of those who speak as a mask, as box_mask has it."""
    return box_mask([box for box in boxes if box.speaking], rows, cols, scale_x, scale_y)


def box_mask(
    boxes: Iterable[PersonBox], rows: int, cols: int, scale_x: float = 1.0, scale_y: float = 1.0
) -> np.ndarray:
    """Boxes as a mask uint8 (rows, cols): the row is y, the column x, edges rounded to pixels."""
    mask = np.zeros((rows, cols), np.uint8)
    for box in boxes:
        top, bottom = _clipped(box.top * scale_y, box.bottom * scale_y, rows)
        left, right = _clipped(box.left * scale_x, box.right * scale_x, cols)
        mask[top:bottom, left:right] = 1
    return mask


def _clipped(first: float, last: float, size: int) -> tuple[int, int]:
    low, high = (int(np.clip(np.floor(x + 0.5), 0, size)) for x in (first, last))
    return low, high
