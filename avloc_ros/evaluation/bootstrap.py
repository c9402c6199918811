"""Bootstrap intervals over scenes, for one system and for the difference of two on the same scenes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

RESAMPLINGS = 4000
SEED = 20


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
    draws = _draws(len(sums))
    resampled = sums[draws].sum(1) / np.maximum(counts[draws].sum(1), 1e-12)
    return _interval(float(sums.sum() / max(counts.sum(), 1e-12)), resampled)


def paired_difference(
    first_sums: np.ndarray, first_counts: np.ndarray, second_sums: np.ndarray, second_counts: np.ndarray
) -> Interval:
    """Interval of (first - second), both pooled over the same resampled scenes (Efron and Tibshirani 1993, ch. 8)."""
    draws = _draws(len(first_sums))

    def pooled(sums: np.ndarray, counts: np.ndarray) -> np.ndarray:
        return sums[draws].sum(1) / np.maximum(counts[draws].sum(1), 1e-12)

    value = first_sums.sum() / max(first_counts.sum(), 1e-12) - second_sums.sum() / max(
        second_counts.sum(), 1e-12
    )
    return _interval(float(value), pooled(first_sums, first_counts) - pooled(second_sums, second_counts))


def _draws(scenes: int) -> np.ndarray:
    """Indices (resamplings, scenes), the same in every run."""
    return np.random.default_rng(SEED).integers(0, scenes, (RESAMPLINGS, scenes))


def _interval(value: float, resampled: np.ndarray) -> Interval:
    low, high = np.percentile(resampled, [2.5, 97.5])
    return Interval(value, float(low), float(high))
