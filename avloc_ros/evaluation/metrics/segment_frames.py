"""Segments of moving sources and what a network says of them, as the frames that tracking is scored on."""

from __future__ import annotations

import numpy as np

from avloc_ros.datasets.tracks.tracked_segments import TrackedSegment, reported_frames, true_frames
from avloc_ros.evaluation.metrics.direction_tracks import DirectionFrame


def direction_frames(
    segment: TrackedSegment, directions: np.ndarray, probability: np.ndarray, threshold: float = 0.5
) -> list[DirectionFrame]:
    """Truth beside what a network says: directions (frames, tracks, 3), probability (frames, tracks)."""
    pairs = zip(true_frames(segment), reported_frames(directions, probability, threshold), strict=True)
    return [DirectionFrame(*true, *found) for true, found in pairs]
