"""Stacked tracks: the events of each frame piled up from row 0, without holes (docs/papers.md: coloc; report Sec. 2.2)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from avloc_ros.sources.dcase_csv import EventRow, directions_of


@dataclass(frozen=True)
class StackedTracks:
    """directions: float32 (rows, frames, 3), zeros where empty; classes: int64 (rows, frames), `classes_count` where empty."""

    directions: np.ndarray
    classes: np.ndarray


def stack_tracks(
    rows: Iterable[EventRow],
    frames: int,
    height: int,
    classes_count: int,
    first_frame: int = 0,
    order: np.random.Generator | None = None,
) -> StackedTracks:
    """Stack the events of `frames` frames from `first_frame` on; what does not fit into `height` rows is left out.

    A track is one (class, source). Tracks are piled in the order in which they begin, or in a random one (Sec. 3.4), so
    that where one ends, those above move down.
    """
    chosen = [row for row in rows if 0 <= row.frame - first_frame < frames]
    tracks = list(
        dict.fromkeys((row.class_index, row.source) for row in sorted(chosen, key=lambda row: row.frame))
    )
    rank = order.permutation(len(tracks)) if order is not None else np.arange(len(tracks))
    rank_of = {track: int(rank[index]) for index, track in enumerate(tracks)}
    directions = np.zeros((height, frames, 3), np.float32)
    classes = np.full((height, frames), classes_count, np.int64)
    filled = np.zeros(frames, int)
    piled = sorted(chosen, key=lambda row: rank_of[row.class_index, row.source])
    for row, direction in zip(piled, directions_of(piled), strict=True):
        frame = row.frame - first_frame
        if filled[frame] < height:
            directions[filled[frame], frame] = direction
            classes[filled[frame], frame] = row.class_index
            filled[frame] += 1
    return StackedTracks(directions, classes)
