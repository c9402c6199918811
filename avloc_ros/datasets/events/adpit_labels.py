"""Targets of multi-ACCDOA training: events of a frame in the six places that ADPIT tells apart."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

import numpy as np

from avloc_ros.sources.dcase_csv import EventRow, directions_of

PLACES = 6  # A0 (one of the class), B0 B1 (two), C0 C1 C2 (three)
FIRST_PLACE = {1: 0, 2: 1, 3: 3}
MOST_OF_ONE_CLASS = 3


def adpit_labels(rows: Iterable[EventRow], frames: int, classes: int, first_frame: int = 0) -> np.ndarray:
    """float32 (frames, 6, 4, classes): activity, x, y, z per place (docs/papers.md: av_seld).

    Frame 0 of the result is `first_frame` of the rows; of more than three events of a class the first three are kept.
    """
    labels = np.zeros((frames, PLACES, 4, classes), np.float32)
    cells: dict[tuple[int, int], list[np.ndarray]] = defaultdict(list)
    chosen = [row for row in rows if 0 <= row.frame - first_frame < frames and row.class_index < classes]
    for row, direction in zip(chosen, directions_of(chosen), strict=True):
        cells[row.frame - first_frame, row.class_index].append(direction)
    for (frame, class_index), directions in cells.items():
        kept = directions[:MOST_OF_ONE_CLASS]
        first = FIRST_PLACE[len(kept)]
        labels[frame, first : first + len(kept), 0, class_index] = 1
        labels[frame, first : first + len(kept), 1:, class_index] = kept
    return labels
