"""Scores of one recording at any threshold, quickly: a threshold reports the best k candidates, and few k differ.

Candidates are ordered by score, so what a frame reports at a threshold is a prefix of its list. Its errors are computed
once per prefix, not once per threshold; a sweep over 19 thresholds then reads tables.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from avloc_ros.evaluation.metrics.bearings import WITHIN_DEG, azimuth_errors_deg, false_reports
from avloc_ros.evaluation.metrics.frame_report import FrameReport
from avloc_ros.evaluation.metrics.localisation import (
    FrameScores,
    PictureGeometry,
    both_errors,
    outside_collars,
)


@dataclass(frozen=True)
class BearingCounts:
    """Frames in columns of (frames,): talkers, those within 10 degrees, reports, false reports."""

    talkers: np.ndarray
    within: np.ndarray
    reported: np.ndarray
    false: np.ndarray

    @staticmethod
    def summed(parts: Sequence[BearingCounts]) -> dict[str, float | None]:
        """The figures of several recordings; None where there was nothing to measure."""
        talkers, within, reported, false = (
            np.concatenate([getattr(part, name) for part in parts] or [np.zeros(0)])
            for name in ("talkers", "within", "reported", "false")
        )
        spoken = talkers > 0
        return {
            "azimuth_within_10deg": float(within.sum() / talkers.sum()) if spoken.any() else None,
            "count_accuracy": float((reported == talkers)[spoken].mean()) if spoken.any() else None,
            "false_per_frame": float(false.mean()) if len(false) else None,
        }


class SweepTable:
    """Tables of one recording; entries are filled when a threshold asks for them."""

    def __init__(self, frames: Sequence[FrameReport], picture: PictureGeometry | None) -> None:
        self._picture = picture
        self._true_px = [
            np.array([(row.u_px, row.v_px) for row in frame.talkers_in_picture()], float).reshape(-1, 2)
            for frame in frames
        ]
        self._speaking_rad = [[row.azimuth_rad for row in frame.talkers()] for frame in frames]
        self._all_rad = [[row.azimuth_rad for row in frame.truth] for frame in frames]
        self._counted = np.array(outside_collars([len(points) for points in self._true_px]), bool)
        self._seen = _Ranked([[(c.score, c.u_px, c.v_px) for c in f.candidates if c.in_picture] for f in frames], 2)
        self._heard = _Ranked(
            [[(c.score, c.azimuth_rad) for c in f.candidates if c.azimuth_rad is not None] for f in frames], 1
        )
        most = max((len(points) for points in self._true_px), default=0)
        self._errors = _Entries(len(frames), self._seen.most + most)  # pixels, cells
        self._bearings = _Entries(len(frames), self._heard.most)  # within, false

    def scores(self, threshold: float) -> FrameScores:
        """What `score_frames` gives at that threshold."""
        talkers = np.array([len(points) for points in self._true_px], int)
        detections = self._seen.counts(threshold)
        used = np.where(talkers > 0, np.maximum(detections, talkers), 0)  # filled up, or nothing to measure
        errors = self._errors.at(used, self._errors_of)
        return FrameScores(errors[:, 0], errors[:, 1], talkers, detections, self._counted)

    def bearings(self, threshold: float) -> BearingCounts:
        """Counts of the azimuths at that threshold."""
        reported = self._heard.counts(threshold)
        found = self._bearings.at(reported, self._bearings_of)
        talkers = np.array([len(angles) for angles in self._speaking_rad], int)
        return BearingCounts(talkers, found[:, 0], reported, found[:, 1])

    def _errors_of(self, frame: int, detections: int) -> tuple[float, float]:
        truth = self._true_px[frame]
        if not len(truth) or self._picture is None:
            return np.nan, np.nan
        points = self._seen.best(frame, detections)  # (at most detections, 2)
        missing = np.full((detections - len(points), 2), (self._picture.width / 2, self._picture.height / 2))
        return both_errors(np.concatenate([points, missing]), truth, self._picture)

    def _bearings_of(self, frame: int, reports: int) -> tuple[float, float]:
        angles = self._heard.best(frame, reports)[:, 0].tolist()
        errors = azimuth_errors_deg(angles, self._speaking_rad[frame])
        return sum(error <= WITHIN_DEG for error in errors), false_reports(angles, self._all_rad[frame])


class _Ranked:
    """Candidates of each frame from high to low: scores (frames, candidates), places (frames, candidates, numbers)."""

    def __init__(self, frames: Sequence[Sequence[tuple]], numbers: int) -> None:
        self.most = max((len(rows) for rows in frames), default=0)
        self._lengths = [len(rows) for rows in frames]
        self._scores = np.full((len(frames), self.most), -np.inf)
        self._places = np.zeros((len(frames), self.most, numbers))
        for k, rows in enumerate(frames):
            if rows:
                ordered = np.array(sorted(rows, key=lambda row: -row[0]), float)  # (candidates, 1 + numbers)
                self._scores[k, : len(rows)], self._places[k, : len(rows)] = ordered[:, 0], ordered[:, 1:]

    def counts(self, threshold: float) -> np.ndarray:
        """How many of each frame (frames,) reach the threshold."""
        return (self._scores >= threshold).sum(1)

    def best(self, frame: int, number: int) -> np.ndarray:
        """Places (at most number, numbers) of the best of a frame."""
        return self._places[frame, : min(number, self._lengths[frame])]


class _Entries:
    """Two values per frame and number of reports, computed when first asked for."""

    def __init__(self, frames: int, most: int) -> None:
        self._values = np.full((frames, most + 1, 2), np.nan)
        self._known = np.zeros((frames, most + 1), bool)

    def at(self, numbers: np.ndarray, compute: Callable[[int, int], tuple[float, float]]) -> np.ndarray:
        """(frames, 2) entries for a number of reports per frame (frames,)."""
        frames = np.arange(len(numbers))
        for frame in np.flatnonzero(~self._known[frames, numbers]):
            self._values[frame, numbers[frame]] = compute(int(frame), int(numbers[frame]))
        self._known[frames, numbers] = True
        return self._values[frames, numbers]
