"""Bootstrap intervals over scenes, for one system and for the difference of two on the same scenes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

RESAMPLINGS = 4000
SEED = 20
LEAST_USABLE = 0.95  # share of the resamplings in which a ratio must exist


@dataclass(frozen=True)
class Interval:
    """A pooled mean with its 95 % percentile interval."""

    value: float
    low: float
    high: float

    @property
    def excludes_zero(self) -> bool:
        return self.low > 0 or self.high < 0


def pooled_interval(sums: np.ndarray, counts: np.ndarray) -> Interval:
    """Interval of sum / count pooled over scenes; sums, counts: (scenes,)."""
    return _interval(_pooled(sums, counts), _resampled(sums, counts))


def paired_difference(
    first_sums: np.ndarray, first_counts: np.ndarray, second_sums: np.ndarray, second_counts: np.ndarray
) -> Interval:
    """Interval of (first - second), both pooled over the same resampled scenes (Efron and Tibshirani 1993, ch. 8)."""
    value = _pooled(first_sums, first_counts) - _pooled(second_sums, second_counts)
    return _interval(value, _resampled(first_sums, first_counts) - _resampled(second_sums, second_counts))


def paired_ratio(
    first_sums: np.ndarray, first_counts: np.ndarray, second_sums: np.ndarray, second_counts: np.ndarray
) -> Interval | None:
    """Interval of (first / second), both pooled over the same resampled scenes; None where the second is zero.

    Resamplings in which the second vanishes are left out; None too where more than 1 in 20 do.
    """
    second = _pooled(second_sums, second_counts)
    below = _resampled(second_sums, second_counts)
    usable = below > 0
    if second <= 0 or usable.mean() < LEAST_USABLE:
        return None
    ratios = _resampled(first_sums, first_counts)[usable] / below[usable]
    return _interval(_pooled(first_sums, first_counts) / second, ratios)


def _pooled(sums: np.ndarray, counts: np.ndarray) -> float:
    return float(sums.sum() / max(counts.sum(), 1e-12))


def _resampled(sums: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """The pooled mean of each resampling (resamplings,)."""
    draws = _draws(len(sums))
    return sums[draws].sum(1) / np.maximum(counts[draws].sum(1), 1e-12)


def _draws(scenes: int) -> np.ndarray:
    """Indices (resamplings, scenes), the same in every run."""
    return np.random.default_rng(SEED).integers(0, scenes, (RESAMPLINGS, scenes))


def _interval(value: float, resampled: np.ndarray) -> Interval:
    low, high = np.percentile(resampled, [2.5, 97.5])
    return Interval(value, float(low), float(high))
