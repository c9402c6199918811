"""Event rows ordered for scoring, and the best pairing of the directions of one frame and class."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
from scipy.optimize import linear_sum_assignment

from avloc_ros.geometry import angle_between
from avloc_ros.sources.dcase_csv import EventRow

ByFrame = dict[int, list[EventRow]]


@dataclass
class ClassFrames:
    """Rows of one recording: class -> frame -> rows, in the order of the file."""

    classes: dict[int, ByFrame] = field(default_factory=dict)

    @staticmethod
    def of(rows: Iterable[EventRow]) -> ClassFrames:
        """Group rows; the order within a frame is kept, because the evaluator's track is the index in it."""
        grouped = ClassFrames()
        for row in rows:
            grouped.classes.setdefault(row.class_index, {}).setdefault(row.frame, []).append(row)
        return grouped

    def between(self, class_index: int, first: int, end: int) -> ByFrame:
        """The frames of a class from `first` up to, not including, `end`."""
        frames = self.classes.get(class_index, {})
        return {frame: frames[frame] for frame in range(first, end) if frame in frames}


def highest_frame(rows: Iterable[EventRow]) -> int:
    """The highest frame index, 0 without rows; the evaluator takes it for the number of frames (docs/papers.md: av_seld)."""
    return max((row.frame for row in rows), default=0)


def pair_directions(
    reference: list[EventRow], predicted: list[EventRow]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Hungarian assignment on angles: (indices of the reference, of the prediction, angles in degrees), each (pairs,)."""
    true = np.stack([row.direction for row in reference])  # (references, 3)
    guessed = np.stack([row.direction for row in predicted])  # (predictions, 3)
    angles_deg = np.degrees(angle_between(true[:, None], guessed[None]))  # (references, predictions)
    rows, columns = linear_sum_assignment(angles_deg)
    return rows, columns, angles_deg[rows, columns]
