"""What a sound event network says about one label frame."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class FrameEvent:
    """One event in one frame: class, unit vector (3,) in the array frame, score in [0, 1]."""

    class_index: int
    direction: np.ndarray
    score: float


EventsByFrame = list[list[FrameEvent]]
