"""How well azimuths and counts are right, all around the array (scene format, Reports)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment

from avloc_ros.evaluation.metrics.frame_report import FrameReport
from avloc_ros.geometry import wrap_angle

MISSED_DEG = 180.0
FALSE_BEYOND_DEG = 20.0
WITHIN_DEG = 10.0
ONSET_S = 0.1  # a tracker may need this long; the peers' figures are given from there on


def azimuth_errors_deg(reported_rad: Sequence[float], true_rad: Sequence[float]) -> list[float]:
    """Per true talker the azimuth error in degrees under the best assignment; 180 for a talker without a report."""
    errors = [MISSED_DEG] * len(true_rad)
    if len(true_rad) == 1 and reported_rad:  # most frames: no assignment needed
        return [float(_distances_deg(reported_rad, true_rad).min())]
    if reported_rad and true_rad:
        distances = _distances_deg(reported_rad, true_rad)
        for row, column in zip(*linear_sum_assignment(distances), strict=True):
            errors[column] = float(distances[row, column])
    return errors


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


@dataclass(frozen=True)
class Bearings:
    """What one recording's reports are worth around the array.

    errors_deg (talker frames,), settled (talker frames,): whether the talker is past the onset; and in columns of
    (frames,): talkers, reported, false, false_strict.
    """

    errors_deg: np.ndarray
    settled: np.ndarray
    talkers: np.ndarray
    reported: np.ndarray
    false: np.ndarray
    false_strict: np.ndarray


def frame_bearings(frames: Sequence[FrameReport], threshold: float | None = None) -> Bearings:
    """Errors of all talkers of all frames in order, and false reports and counts of each frame."""
    errors: list[float] = []
    past_onset: list[bool] = []
    counts: list[tuple[int, int, int, int]] = []
    for frame, names in zip(frames, settled(frames), strict=True):
        talkers = frame.talkers()
        reported = [c.azimuth_rad for c in frame.reported(threshold) if c.azimuth_rad is not None]
        true = [row.azimuth_rad for row in talkers]
        errors += azimuth_errors_deg(reported, true)
        past_onset += [row.speaker in names for row in talkers]
        false = false_reports(reported, [row.azimuth_rad for row in frame.truth])
        counts.append((len(true), len(reported), false, false_reports(reported, true)))
    columns = np.array(counts, int).reshape(-1, 4).T
    return Bearings(np.array(errors, float), np.array(past_onset, bool), *columns)


def summarise_bearings(*parts: Bearings) -> dict[str, float | None]:
    """The azimuth figures of recordings; None where there was nothing to measure."""
    names = ("errors_deg", "settled", "talkers", "reported", "false", "false_strict")
    joined = [np.concatenate([getattr(part, name) for part in parts] or [np.zeros(0)]) for name in names]
    errors, past_onset, talkers, reported, false, false_strict = joined
    found, settled_errors = errors[errors < MISSED_DEG], errors[past_onset.astype(bool)]
    return {
        "azimuth_error_deg_median": float(np.median(errors)) if len(errors) else None,
        "azimuth_error_deg_mean": _mean(errors),
        "azimuth_error_deg_mean_found": _mean(found),
        "azimuth_within_10deg": _mean(errors <= WITHIN_DEG),
        "azimuth_within_10deg_after_onset": _mean(settled_errors <= WITHIN_DEG),
        "count_accuracy": _mean((reported == talkers)[talkers > 0]),
        "false_per_frame": _mean(false),
        "false_per_frame_strict": _mean(false_strict),
    }


def count_by_talkers(*parts: Bearings) -> dict[str, dict[str, float | int | None]]:
    """How often the count is right, and how many are reported, by the number of those who speak."""
    talkers, reported = (
        np.concatenate([getattr(part, name) for part in parts] or [np.zeros(0, int)]) for name in ("talkers", "reported")
    )
    rows = {int(number): reported[talkers == number] for number in np.unique(talkers)}
    return {
        str(number): {
            "frames": len(said),
            "count_accuracy": _mean(said == number),
            "reported_mean": _mean(said),
        }
        for number, said in rows.items()
    }


def _mean(values: np.ndarray) -> float | None:
    return float(np.mean(values)) if len(values) else None


def _distances_deg(first_rad: Sequence[float], second_rad: Sequence[float]) -> np.ndarray:
    """(first, second) absolute azimuth differences in degrees."""
    return np.degrees(np.abs(wrap_angle(np.asarray(first_rad)[:, None] - np.asarray(second_rad)[None])))
