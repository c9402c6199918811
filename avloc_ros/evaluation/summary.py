"""From recordings to the figures of metrics.json."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from avloc_ros.evaluation.metrics.bearings import summarise_bearings
from avloc_ros.evaluation.metrics.identities import MotCounts
from avloc_ros.evaluation.metrics.localisation import SWEEP, FrameScores, summarise
from avloc_ros.evaluation.metrics.onsets import summarise_onsets
from avloc_ros.evaluation.recording import PAPER_THRESHOLD, Recording
from avloc_ros.evaluation.splits import splits
from avloc_ros.evaluation.sweep_table import BearingCounts


def metrics_of(recordings: Sequence[Recording], whole: bool = True) -> dict[str, Any]:
    """The figures of several recordings of one system, pooled over their frames (scene format, Reports).

    whole: with splits and sweep.
    """
    scores = FrameScores.joined([recording.scores for recording in recordings])
    times_ms = np.concatenate([recording.took_ms for recording in recordings] or [np.zeros(0)])
    figures: dict[str, Any] = {
        "frames": len(times_ms),
        **summarise(scores),
        **summarise_bearings(*(recording.bearings for recording in recordings)),
        **summarise_onsets([delay for recording in recordings for delay in recording.delays_s]),
    }
    followed = [recording.identities.counts for recording in recordings if recording.identities is not None]
    counts = sum(followed, MotCounts()) if followed else None
    figures["mota"] = counts.mota if counts else None
    figures["id_switches"] = counts.switches if counts else None
    figures["fragmentations"] = counts.fragmentations if counts else None
    figures["latency_ms"] = percentiles(times_ms)
    if not whole:
        return figures
    figures |= splits(recordings)
    figures["sweep"] = [at_threshold(recordings, threshold) for threshold in SWEEP]
    figures["at_0.75"] = at_threshold(recordings, PAPER_THRESHOLD)
    return figures


def at_threshold(recordings: Sequence[Recording], threshold: float) -> dict[str, Any]:
    """The figures of the picture and of the bearings at one threshold."""
    seen = [recording.table.scores(threshold) for recording in recordings if recording.picture is not None]
    heard = [recording.table.bearings(threshold) for recording in recordings]
    return {"threshold": threshold, **summarise(FrameScores.joined(seen)), **BearingCounts.summed(heard)}


def percentiles(times_ms: Sequence[float] | np.ndarray) -> dict[str, float | None]:
    """p50, p95, p99 of processing times in milliseconds."""
    if not len(times_ms):
        return {"p50": None, "p95": None, "p99": None}
    return {f"p{p}": float(np.percentile(times_ms, p)) for p in (50, 95, 99)}
