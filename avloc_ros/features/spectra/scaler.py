"""Zero mean and unit deviation per feature channel and bin, as measured on the training split."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from avloc_ros.types import InputError

SMALLEST_DEVIATION = 1e-4  # a bin that never changes is shifted, not blown up


@dataclass(frozen=True)
class FeatureScaler:
    """mean, deviation: float32 (channels, bins)."""

    mean: np.ndarray
    deviation: np.ndarray

    def __call__(self, features: np.ndarray) -> np.ndarray:
        """Scaled features (..., channels, frames, bins). Raises InputError where channels or bins differ."""
        if features.shape[-3] != self.mean.shape[0] or features.shape[-1] != self.mean.shape[1]:
            raise InputError(
                f"features have {features.shape[-3]} channels and {features.shape[-1]} bins, the scaler was fitted on "
                f"{self.mean.shape[0]} and {self.mean.shape[1]}: use the feature settings of the training"
            )
        return ((features - self.mean[:, None]) / self.deviation[:, None]).astype(np.float32)


class ScalerFit:
    """Collects sums over chunks of the training split."""

    def __init__(self) -> None:
        self._frames = 0
        self._sum: np.ndarray | None = None
        self._squares: np.ndarray | None = None

    def add(self, features: np.ndarray) -> None:
        """Take in features (channels, frames, bins)."""
        values = np.asarray(features, np.float64)
        total, squares = values.sum(1), np.square(values).sum(1)  # (channels, bins)
        self._frames += values.shape[1]
        self._sum = total if self._sum is None else self._sum + total
        self._squares = squares if self._squares is None else self._squares + squares

    def scaler(self) -> FeatureScaler:
        """The scaler of what was added. Raises InputError where nothing was."""
        if self._sum is None or self._squares is None:
            raise InputError("no training features to fit a scaler on: the training split is empty")
        mean = self._sum / self._frames
        variance = np.maximum(0.0, self._squares / self._frames - np.square(mean))
        deviation = np.maximum(np.sqrt(variance), SMALLEST_DEVIATION)
        return FeatureScaler(mean.astype(np.float32), deviation.astype(np.float32))
