"""How well azimuths and counts are right, all around the array (scene format, Reports)."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from scipy.optimize import linear_sum_assignment

from avloc_ros.evaluation.frame_report import FrameReport
from avloc_ros.geometry import wrap_angle

MISSED_DEG = 180.0
FALSE_BEYOND_DEG = 20.0
ONSET_S = 0.1  # a tracker may need this long; the peers' figures are given from there on


def azimuth_errors_deg(reported_rad: Sequence[float], true_rad: Sequence[float]) -> list[float]:
    """Per true talker the azimuth error in degrees under the best assignment; 180 for a talker without a report."""
    errors = [MISSED_DEG] * len(true_rad)
    if reported_rad and true_rad:
        distances = _distances_deg(reported_rad, true_rad)
        for row, column in zip(*linear_sum_assignment(distances), strict=True):
            errors[column] = float(distances[row, column])
    return errors


@lru_cache(maxsize=65536)
def _errors_of(reported_rad: tuple[float, ...], true_rad: tuple[float, ...]) -> tuple[float, ...]:
    """The same, kept: most thresholds of a sweep report the same speakers."""
    return tuple(azimuth_errors_deg(reported_rad, true_rad))


def false_reports(reported_rad: Sequence[float], true_rad: Sequence[float]) -> int:
    """Number of reported speakers farther than 20 degrees from every true one.

    `false_per_frame` counts against all talkers of the frame, speaking or silent: a report that outlasts a word by a
    moment is late, not false. `false_per_frame_strict` counts against those who speak.
    """
    if not reported_rad:
        return 0
    if not true_rad:
        return len(reported_rad)
    return int((_distances_deg(reported_rad, true_rad).min(axis=1) > FALSE_BEYOND_DEG).sum())


def settled(frames: Sequence[FrameReport]) -> list[set[str]]:
    """Per frame the talkers who have been speaking for at least 0.1 s."""
    since: dict[str, float] = {}
    result = []
    for frame in frames:
        names = {row.speaker for row in frame.talkers()}
        since = {name: since.get(name, frame.time_s) for name in names}
        result.append({name for name in names if frame.time_s - since[name] >= ONSET_S - 1e-6})
    return result


def frame_bearings(frames: Sequence[FrameReport], threshold: float | None = None) -> list[dict[str, object]]:
    """Per frame: errors of all talkers, errors of those past their onset, false reports, counts."""
    rows: list[dict[str, object]] = []
    for frame, past_onset in zip(frames, settled(frames), strict=True):
        talkers = frame.talkers()
        reported = [c.azimuth_rad for c in frame.reported(threshold) if c.azimuth_rad is not None]
        true = [row.azimuth_rad for row in talkers]
        errors = _errors_of(tuple(reported), tuple(true))
        rows.append(
            {
                "errors_deg": errors,
                "settled_deg": [
                    e for e, row in zip(errors, talkers, strict=True) if row.speaker in past_onset
                ],
                "false": false_reports(reported, [row.azimuth_rad for row in frame.truth]),
                "false_strict": false_reports(reported, true),
                "reported": len(reported),
                "talkers": len(true),
            }
        )
    return rows


def summarise_bearings(rows: Sequence[dict]) -> dict[str, float | None]:
    """The azimuth figures of a report; None where there was nothing to measure."""
    errors = np.array([e for row in rows for e in row["errors_deg"]])
    past_onset = np.array([e for row in rows for e in row["settled_deg"]])
    found = errors[errors < MISSED_DEG]
    spoken = [row for row in rows if row["talkers"]]
    return {
        "azimuth_error_deg_median": float(np.median(errors)) if len(errors) else None,
        "azimuth_error_deg_mean": float(errors.mean()) if len(errors) else None,
        "azimuth_error_deg_mean_found": float(found.mean()) if len(found) else None,
        "azimuth_within_10deg": float((errors <= 10).mean()) if len(errors) else None,
        "azimuth_within_10deg_after_onset": float((past_onset <= 10).mean()) if len(past_onset) else None,
        "count_accuracy": float(np.mean([row["reported"] == row["talkers"] for row in spoken]))
        if spoken
        else None,
        "false_per_frame": float(np.mean([row["false"] for row in rows])) if rows else None,
        "false_per_frame_strict": float(np.mean([row["false_strict"] for row in rows])) if rows else None,
    }


def _distances_deg(first_rad: Sequence[float], second_rad: Sequence[float]) -> np.ndarray:
    """(first, second) absolute azimuth differences in degrees."""
    return np.degrees(np.abs(wrap_angle(np.asarray(first_rad)[:, None] - np.asarray(second_rad)[None])))
