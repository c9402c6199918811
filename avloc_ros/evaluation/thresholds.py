"""Each system's own threshold, chosen on validation recordings (docs/papers.md: dsw)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from avloc_ros.evaluation.chain.contestants import Contestant
from avloc_ros.evaluation.metrics.localisation import FrameScores, summarise
from avloc_ros.evaluation.recording import Recording
from avloc_ros.evaluation.run import Evaluation
from avloc_ros.evaluation.sweep_table import BearingCounts

TRIED = tuple(round(0.01 * k, 2) for k in range(1, 100))
EQUAL = 0.002  # frame recalls this close are the same: of such thresholds the middle one is safest


def best_threshold(recordings: Sequence[Recording]) -> float:
    """The threshold with the highest frame recall; of equally good ones the middle. Without pictures: the best count."""
    recalls = np.array([_recall(recordings, threshold) for threshold in TRIED])
    good: list[int] = np.flatnonzero(recalls >= recalls.max() - EQUAL).tolist()
    first = int(np.argmax(recalls))
    run = [k for k in good if set(range(min(k, first), max(k, first) + 1)) <= set(good)]  # around the best
    return TRIED[run[len(run) // 2]]


def with_validated_thresholds(
    contestants: Sequence[Contestant], validation: Evaluation
) -> tuple[Contestant, ...]:
    """The contestants that report peaks, each with the threshold chosen on the validation recordings.

    The speaker tracker and the plain rule decide by other means and stay as they are.
    """
    return tuple(
        replace(c, threshold=best_threshold(validation.recordings[c.name]), label=c.name)
        if c.tracker == "none" and c.fusion != "nearest_face" and c.threshold is None
        else c
        for c in contestants
    )


def _recall(recordings: Sequence[Recording], threshold: float) -> float:
    seen = [recording.table.scores(threshold) for recording in recordings if recording.picture is not None]
    recall = summarise(FrameScores.joined(seen))["frame_recall"] if seen else None
    if recall is None:
        recall = BearingCounts.summed([r.table.bearings(threshold) for r in recordings])["count_accuracy"]
    return recall if recall is not None else 0.0
