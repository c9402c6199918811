"""How far a localizer is to be believed: fitted on validation segments, for decode/direction_grid.py."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize

from avloc_ros.decode.direction_grid import DirectionCalibration, vmf_density
from avloc_ros.evaluation.metrics.clear_mot import cheapest_pairs
from avloc_ros.types import InputError

FARTHEST_DEG = 40.0  # a track farther from every talker than this is nobody's
FEWEST = 20  # tracks that are somebody's, below which nothing can be fitted
THRESHOLDS = np.linspace(0.1, 0.9, 33)


@dataclass(frozen=True)
class TrackOutcomes:
    """Every track of every label frame: its logit (n,), its angle in degrees to its talker (n,), nan where it has none.

    talkers: how many talkers there were in all frames together.
    """

    logits: np.ndarray
    angles_deg: np.ndarray
    talkers: int


def track_outcomes(logits: Sequence[np.ndarray], angles_deg: Sequence[np.ndarray]) -> TrackOutcomes:
    """Per frame: logits (tracks,) and angles (talkers, tracks); each talker gets the track that is nearest over all."""
    outcome, talkers = [np.full(len(z), np.nan) for z in logits], 0
    for found, angles in zip(outcome, angles_deg, strict=True):
        talkers += len(angles)
        for talker, track in cheapest_pairs(np.where(angles <= FARTHEST_DEG, angles, np.nan), FARTHEST_DEG):
            found[track] = angles[talker, track]
    return TrackOutcomes(np.concatenate(list(logits)), np.concatenate(outcome), talkers)


def fit_calibration(outcomes: TrackOutcomes) -> DirectionCalibration:
    """Maximum likelihood: a logistic rule for the logits, a mixture of two von Mises-Fisher for the errors.

    Raises InputError where there is too little to fit.
    """
    is_talker = np.isfinite(outcomes.angles_deg)
    if is_talker.sum() < FEWEST or (~is_talker).sum() < FEWEST:
        raise InputError(
            f"{is_talker.sum()} tracks at a talker and {(~is_talker).sum()} elsewhere: need {FEWEST} of each; "
            "validate on more segments"
        )
    slope, intercept = _logistic(outcomes.logits, is_talker)
    sure = is_talker & (slope * outcomes.logits + intercept > 0)
    narrow, wide, wide_share = _error_mixture(outcomes.angles_deg[sure if sure.sum() >= FEWEST else is_talker])
    return DirectionCalibration(
        *(round(float(value), 4) for value in (slope, intercept, narrow, wide, wide_share))
    )


def best_threshold(outcomes: TrackOutcomes, calibration: DirectionCalibration, gate_deg: float) -> float:
    """The probability of a track from which to report it so that LF is highest."""
    talker, hit = calibration.talker_probability(outcomes.logits), outcomes.angles_deg <= gate_deg
    scores = [2 * (hit & (talker >= t)).sum() / (outcomes.talkers + (talker >= t).sum()) for t in THRESHOLDS]
    return round(float(THRESHOLDS[int(np.argmax(scores))]), 3)


def _logistic(logits: np.ndarray, is_talker: np.ndarray) -> tuple[float, float]:
    sign = np.where(is_talker, 1.0, -1.0)

    def cost(parameters: np.ndarray) -> float:
        return float(np.logaddexp(0, -sign * (parameters[0] * logits + parameters[1])).mean())

    found = minimize(cost, np.array([1.0, 0.0]), method="L-BFGS-B", bounds=[(0.0, 20.0), (-20.0, 20.0)])
    return float(found.x[0]), float(found.x[1])


def _error_mixture(angles_deg: np.ndarray) -> tuple[float, float, float]:
    """Concentrations of the good and of the other estimates, and the share of the others."""
    cosine = np.cos(np.radians(angles_deg))

    def cost(parameters: np.ndarray) -> float:
        narrow, wide = np.exp(parameters[:2])
        share = 1 / (1 + np.exp(-parameters[2]))
        density = (1 - share) * vmf_density(narrow, cosine) + share * vmf_density(wide, cosine)
        return float(-np.log(density + 1e-12).mean())

    bounds = [(0.0, 8.0), (-2.0, 6.0), (-4.0, 4.0)]
    found = minimize(cost, np.array([np.log(200.0), np.log(20.0), 0.0]), method="L-BFGS-B", bounds=bounds)
    first, second = np.exp(found.x[:2])
    share = float(1 / (1 + np.exp(-found.x[2])))
    return (first, second, share) if first >= second else (second, first, 1 - share)
