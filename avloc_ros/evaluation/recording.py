"""What one system reported on one recording, as the columns that all figures are made from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from avloc_ros.evaluation.metrics.bearings import Bearings, frame_bearings
from avloc_ros.evaluation.metrics.frame_report import FrameReport
from avloc_ros.evaluation.metrics.identities import Identities, follow_identities
from avloc_ros.evaluation.metrics.localisation import SWEEP, FrameScores, PictureGeometry, score_frames
from avloc_ros.evaluation.metrics.onsets import onset_delays_s
from avloc_ros.evaluation.sweep_table import SweepTable
from avloc_ros.evaluation.talker_scores import TalkerScores, score_talkers

PAPER_THRESHOLD = 0.75


@dataclass(frozen=True)
class Recording:
    """One system on one input.

    frames: every report; empty where it was let go (`lean`). picture: None where there is no camera. facts: extra keys
    of the input. scores, bearings, talkers, identities, delays_s, clip_error_deg: at the system's own decision;
    table: at any threshold. identities: None without tracking. took_ms (frames,): processing of each frame.
    own_threshold: the median of the thresholds that the system set itself; None where it decides otherwise.
    """

    name: str
    frames: tuple[FrameReport, ...]
    picture: PictureGeometry | None
    facts: dict[str, Any]
    fps: float
    scores: FrameScores
    bearings: Bearings
    talkers: TalkerScores
    identities: Identities | None
    delays_s: tuple[float, ...]
    table: SweepTable
    took_ms: np.ndarray
    clip_error_deg: float | None
    own_threshold: float | None = None

    @staticmethod
    def of(
        name: str,
        frames: Sequence[FrameReport],
        picture: PictureGeometry | None,
        facts: dict[str, Any] | None = None,
        fps: float = 25.0,
        has_identities: bool = False,
        own_threshold: float | None = None,
    ) -> Recording:
        """Score the frames of one recording."""
        facts = facts or {}
        identities = follow_identities(frames) if has_identities else None
        table = SweepTable(frames, picture)
        for threshold in (*SWEEP, PAPER_THRESHOLD):  # here, where recordings run side by side
            table.scores(threshold), table.bearings(threshold)
        return Recording(
            name,
            tuple(frames),
            picture,
            facts,
            fps,
            score_frames(frames, picture) if picture is not None else FrameScores.joined([]),
            frame_bearings(frames),
            score_talkers(frames, picture, identities, facts),
            identities,
            tuple(onset_delays_s(frames)),
            table,
            np.array([frame.processing_ms for frame in frames], float),
            clip_error_deg(frames, facts),
            own_threshold,
        )

    def lean(self) -> Recording:
        """The same without its frames, which are most of its size."""
        return replace(self, frames=())

    def sums(self, talkers: int | None = None) -> dict[str, tuple[float, float]]:
        """(sum, count) of LE, FR and FP, for intervals over recordings; of frames with that many talkers, or of all."""
        scores = self.scores if talkers is None else self.scores.where(self.scores.talkers == talkers)
        spoken, counted = scores.talkers > 0, scores.where(scores.counted)
        return {
            "le_px_mean": (float(scores.error_px[spoken].sum()), float(spoken.sum())),
            "le_cell_px_mean": (float(scores.error_cell_px[spoken].sum()), float(spoken.sum())),
            "frame_recall": (float(counted.right.sum()), float(len(counted))),
            "false_positives": (float(counted.excess.sum()), float(len(counted))),
        }


def clip_error_deg(frames: Sequence[FrameReport], facts: dict[str, Any]) -> float | None:
    """Error of the median azimuth that a labelled clip of one talker got, in degrees; None for other recordings."""
    labels = facts.get("clip_azimuth_deg", [])
    reported = [c.azimuth_rad for frame in frames for c in frame.reported() if c.azimuth_rad is not None]
    if len(labels) != 1:
        return None
    if not reported:
        return 180.0
    offsets = np.degrees(np.angle(np.exp(1j * (np.array(reported) - np.radians(labels[0])))))
    return float(abs(np.median(offsets)))
