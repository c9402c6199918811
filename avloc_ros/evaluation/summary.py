"""From frame reports to the figures of metrics.json."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from avloc_ros.evaluation.bearings import frame_bearings, summarise_bearings
from avloc_ros.evaluation.frame_report import FrameReport
from avloc_ros.evaluation.identities import MotCounts, count_identities
from avloc_ros.evaluation.localisation import (
    SWEEP,
    FrameScore,
    PictureGeometry,
    by_talkers,
    score_frames,
    summarise,
)

PAPER_THRESHOLD = 0.75


@dataclass(frozen=True)
class Recording:
    """What one system reported on one input. picture: None where there is no camera; facts: extra keys of the input."""

    name: str
    frames: tuple[FrameReport, ...]
    picture: PictureGeometry | None
    facts: dict[str, Any]

    def scores_at(self, threshold: float) -> list[FrameScore]:
        """The same at another threshold; computed once."""
        if threshold not in self._at:
            scores = score_frames(self.frames, self.picture, threshold) if self.picture is not None else []
            self._at[threshold] = (scores, frame_bearings(self.frames, threshold))
        return self._at[threshold][0]

    def bearings_at(self, threshold: float) -> list[dict[str, Any]]:
        """Rows of bearings at another threshold."""
        self.scores_at(threshold)
        return self._at[threshold][1]

    @cached_property
    def bearings(self) -> list[dict[str, Any]]:
        """Rows of bearings at the threshold in use."""
        return frame_bearings(self.frames)

    @cached_property
    def _at(self) -> dict[float, tuple[list[FrameScore], list[dict[str, Any]]]]:
        return {}

    @cached_property
    def scores(self) -> list[FrameScore]:
        """Scores at the threshold in use; empty without a picture."""
        return score_frames(self.frames, self.picture) if self.picture is not None else []

    def sums(self) -> dict[str, tuple[float, float]]:
        """(sum, count) of LE, FR and FP, for intervals over recordings."""
        errors = [s.error_px for s in self.scores if s.error_px is not None]
        counted = [s for s in self.scores if s.counted]
        return {
            "le_px_mean": (float(np.sum(errors)), len(errors)),
            "frame_recall": (float(sum(s.detections == s.talkers for s in counted)), len(counted)),
            "false_positives": (float(sum(s.excess for s in counted)), len(counted)),
        }


def metrics_of(recordings: Sequence[Recording], has_identities: bool, sweep: bool = True) -> dict[str, Any]:
    """The figures of several recordings of one system, pooled over their frames (scene format, Reports)."""
    scores = [score for recording in recordings for score in recording.scores]
    rows = [row for recording in recordings for row in recording.bearings]
    times_ms = [frame.processing_ms for recording in recordings for frame in recording.frames]
    figures: dict[str, Any] = {"frames": len(times_ms), **summarise(scores), **summarise_bearings(rows)}
    counts = sum((count_identities(r.frames) for r in recordings), MotCounts()) if has_identities else None
    figures["mota"] = counts.mota if counts else None
    figures["id_switches"] = counts.switches if counts else None
    figures["latency_ms"] = percentiles(times_ms)
    if scores:
        figures["by_talkers"] = by_talkers(scores)
    if sweep:
        figures["sweep"] = [at_threshold(recordings, threshold) for threshold in SWEEP]
        figures["at_0.75"] = at_threshold(recordings, PAPER_THRESHOLD)
    return figures


def at_threshold(recordings: Sequence[Recording], threshold: float) -> dict[str, Any]:
    """The figures of the picture and of the bearings at one threshold."""
    scores = [score for recording in recordings for score in recording.scores_at(threshold)]
    rows = [row for recording in recordings for row in recording.bearings_at(threshold)]
    bearings = summarise_bearings(rows)
    kept = ("azimuth_within_10deg", "count_accuracy", "false_per_frame")
    return {"threshold": threshold, **summarise(scores), **{name: bearings[name] for name in kept}}


def percentiles(times_ms: Sequence[float]) -> dict[str, float | None]:
    """p50, p95, p99 of processing times in milliseconds."""
    if not len(times_ms):
        return {"p50": None, "p95": None, "p99": None}
    return {f"p{p}": float(np.percentile(times_ms, p)) for p in (50, 95, 99)}


def clip_error_deg(recording: Recording) -> float | None:
    """Error of the median azimuth that a labelled clip of one talker got, in degrees; None for other recordings."""
    labels = recording.facts.get("clip_azimuth_deg", [])
    reported = [
        c.azimuth_rad for frame in recording.frames for c in frame.reported() if c.azimuth_rad is not None
    ]
    if len(labels) != 1:
        return None
    if not reported:
        return 180.0
    offsets = np.degrees(np.angle(np.exp(1j * (np.array(reported) - np.radians(labels[0])))))
    return float(abs(np.median(offsets)))
