"""One row per frame and talker who speaks, in columns: what every split of the figures is made from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from scipy.optimize import linear_sum_assignment

from avloc_ros.evaluation.metrics.bearings import MISSED_DEG, WITHIN_DEG, azimuth_errors_deg
from avloc_ros.evaluation.metrics.frame_report import FrameReport
from avloc_ros.evaluation.metrics.identities import Identities
from avloc_ros.evaluation.metrics.localisation import PictureGeometry, padded_detections
from avloc_ros.evaluation.talker_speed import speeds_mps
from avloc_ros.evaluation.trouble import Trouble, place_in_trouble


@dataclass(frozen=True)
class TalkerScores:
    """Columns (rows,) over all frames and talkers who speak.

    azimuth_error_deg: 180 where missed. error_px: distance from the assigned detection, after filling up; NaN outside
    the picture. talkers: how many speak in the frame. in_scene: how many ever speak in the recording. switched: the
    identity changed here. speed_mps: how fast the talker walks. trouble (rows, kinds): 1 inside the troubled region or
    near the troubled direction, 0 outside it at that time, -1 where no trouble of the kind is on.
    """

    azimuth_error_deg: np.ndarray
    error_px: np.ndarray
    in_picture: np.ndarray
    talkers: np.ndarray
    in_scene: np.ndarray
    switched: np.ndarray
    speed_mps: np.ndarray
    trouble: np.ndarray
    kinds: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.talkers)

    def where(self, chosen: np.ndarray) -> TalkerScores:
        """The rows that a mask chooses."""
        return replace(self, **{name: getattr(self, name)[chosen] for name in COLUMNS})

    def trouble_of(self, kind: str) -> np.ndarray:
        """The column (rows,) of a kind of trouble; -1 where the recordings know none of it."""
        return self.trouble[:, self.kinds.index(kind)] if kind in self.kinds else np.full(len(self), -1)

    @staticmethod
    def joined(parts: Sequence[TalkerScores]) -> TalkerScores:
        """The rows of several recordings, with the kinds of trouble of all."""
        kinds = tuple(sorted({kind for part in parts for kind in part.kinds}))
        columns = {
            name: np.concatenate([getattr(part, name) for part in parts] or [np.zeros(0)])
            for name in COLUMNS
            if name != "trouble"
        }
        rows = [np.stack([part.trouble_of(kind) for kind in kinds], 1) if kinds else part.trouble[:, :0] for part in parts]
        return TalkerScores(**columns, trouble=np.concatenate(rows or [np.zeros((0, 0), int)]), kinds=kinds)


COLUMNS = tuple(item.name for item in fields(TalkerScores) if item.name != "kinds")


def score_talkers(
    frames: Sequence[FrameReport],
    picture: PictureGeometry | None,
    identities: Identities | None,
    facts: dict[str, Any],
    threshold: float | None = None,
) -> TalkerScores:
    """Rows of one recording at the system's own decision, or at a threshold."""
    troubles = Trouble.all_of(facts)
    kinds = tuple(sorted({trouble.kind for trouble in troubles}))
    in_scene = len({row.speaker for frame in frames for row in frame.talkers()})
    speed = speeds_mps([row for frame in frames for row in frame.truth])
    rows: list[tuple] = []
    for number, frame in enumerate(frames):
        talkers = frame.talkers()
        reported = frame.reported(threshold)
        angles = [c.azimuth_rad for c in reported if c.azimuth_rad is not None]
        errors = azimuth_errors_deg(angles, [row.azimuth_rad for row in talkers])
        distances = _distances_px(frame, picture, threshold)
        switched = identities.switched[number] if identities is not None else frozenset()
        for row, error in zip(talkers, errors, strict=True):
            rows.append(
                (
                    error,
                    distances.get(row.speaker, np.nan),
                    row.in_picture,
                    len(talkers),
                    in_scene,
                    row.speaker in switched,
                    speed.get((row.speaker, row.frame), np.nan),
                    [place_in_trouble(row, kind, troubles) for kind in kinds],
                )
            )
    kinds_of = (float, float, bool, int, int, bool, float)
    columns = list(zip(*rows, strict=True)) if rows else [()] * 8
    numbers: dict[str, Any] = {name: np.array(c, kind) for name, c, kind in zip(COLUMNS, columns, kinds_of, strict=False)}
    trouble = np.array(columns[7], int).reshape(len(rows), len(kinds))  # (rows, kinds)
    return TalkerScores(**numbers, trouble=trouble, kinds=kinds)


def talker_figures(scores: TalkerScores) -> dict[str, float | int | None]:
    """How well these talkers are found: shares and errors over their frames; None where there are none."""
    errors, pixels = scores.azimuth_error_deg, scores.error_px[np.isfinite(scores.error_px)]
    return {
        "talker_frames": len(scores),
        "azimuth_within_10deg": float((errors <= WITHIN_DEG).mean()) if len(errors) else None,
        "azimuth_error_deg_median": float(np.median(errors)) if len(errors) else None,
        "missed": float((errors >= MISSED_DEG).mean()) if len(errors) else None,
        "le_px_mean": float(pixels.mean()) if len(pixels) else None,
    }


def _distances_px(
    frame: FrameReport, picture: PictureGeometry | None, threshold: float | None
) -> dict[str, float]:
    """Of each talker in the picture the distance from the detection that the best assignment gives."""
    talkers = frame.talkers_in_picture()
    if picture is None or not talkers:
        return {}
    reported = [c for c in frame.reported(threshold) if c.in_picture]
    others = [c for c in frame.candidates if c.in_picture and c not in reported]
    points = padded_detections(reported, others, len(talkers), picture)  # (n, 2)
    truth = np.array([(row.u_px, row.v_px) for row in talkers], float)
    distances = np.linalg.norm(points[:, None] - truth[None], axis=-1)  # (n, talkers)
    pairs = zip(*linear_sum_assignment(distances), strict=True)
    return {talkers[column].speaker: float(distances[row, column]) for row, column in pairs}
