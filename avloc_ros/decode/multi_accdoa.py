"""Multi-ACCDOA output to events (Shimada et al. 2022; docs/papers.md: av_seld).

A track holds one vector per class: its direction is where, its length whether (active above 0.5). Tracks of one class
that point to nearly the same place are one event.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from avloc_ros.config import setting
from avloc_ros.decode.frame_event import EventsByFrame, FrameEvent
from avloc_ros.types import InputError


@dataclass(frozen=True)
class MultiAccdoaConfig:
    """When a vector is an event, and when two are the same one."""

    activity_threshold: float = setting(
        0.5, "an event is active where its vector is longer", low=0.0, high=1.0
    )
    merge_deg: float = setting(
        15.0, "tracks of one class closer than this are one event", low=0.0, high=180.0
    )


def decode_multi_accdoa(
    output: np.ndarray, classes: int, config: MultiAccdoaConfig | None = None
) -> EventsByFrame:
    """Events per frame of a network's output (frames, tracks * 3 * classes), in the order track, axis, class.

    Raises InputError where the last axis is no multiple of 3 * classes.
    """
    config = config or MultiAccdoaConfig()
    frames, values = output.shape
    if values % (3 * classes):
        raise InputError(f"output has {values} values per frame, need tracks * 3 * {classes} classes")
    vectors = output.reshape(frames, -1, 3, classes).transpose(0, 3, 1, 2)  # (frames, classes, tracks, 3)
    active = np.linalg.norm(vectors, axis=-1) > config.activity_threshold  # (frames, classes, tracks)
    events: EventsByFrame = [[] for _ in range(frames)]
    for frame, class_index in np.argwhere(active.any(-1)):
        chosen = vectors[frame, class_index][active[frame, class_index]]  # (active tracks, 3)
        for vector in merge_close(chosen, config.merge_deg):
            length = float(np.linalg.norm(vector))
            events[frame].append(FrameEvent(int(class_index), vector / length, min(1.0, length)))
    return events


def merge_close(vectors: np.ndarray, closer_than_deg: float) -> list[np.ndarray]:
    """Means (3,) of the groups of vectors (n, 3) that are linked by angles below the limit."""
    if len(vectors) == 1:
        return [vectors[0]]
    units = vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)
    linked = (units @ units.T > np.cos(np.radians(closer_than_deg))) | np.eye(len(vectors), dtype=bool)
    for _ in range(len(vectors) - 2):  # friends of friends
        linked = linked @ linked
    groups = {tuple(np.flatnonzero(row)) for row in linked}
    return [vectors[list(group)].mean(0) for group in sorted(groups)]
