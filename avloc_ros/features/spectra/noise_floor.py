"""Adaptive noise floor per frequency bin, and how far the present sound stands above it.

The floor follows the minimum of the smoothed power over the last seconds (minimum statistics: R. Martin, "Noise power
spectral density estimation based on optimal smoothing and minimum statistics", IEEE Trans. Speech Audio Processing
9(5), 2001, here with a fixed smoothing and a fixed bias): a fan, which always sounds, becomes floor; a voice, which
pauses, does not.
"""

from __future__ import annotations

import numpy as np

MINIMUM_BIAS = (
    2.0  # the minimum of a smoothed noise power lies below its mean; measured with white noise in the test
)
BLOCKS = 6  # the window of the minimum is made of this many blocks


def stands_out(power: np.ndarray, floor: np.ndarray, least: float, quietest: float) -> np.ndarray:
    """How far each bin stands above the noise, in [0, 1], from power and noise power of one shape.

    Wiener-like, never below `least`, since a soft voice counts in bins where it hardly stands out; 0 where power is below
    `quietest`.
    """
    return np.maximum(least, 1 - floor / np.maximum(power, 1e-20)) * (power > quietest)


class NoiseFloor:
    """Noise power per bin of a stream of power spectra.

    hop_s: time between spectra; window_s: how far back the minimum reaches; smoothing_s: time constant of the power;
    quietest: power below which nothing counts as sound.
    """

    def __init__(self, bins: int, hop_s: float, window_s: float, smoothing_s: float, quietest: float) -> None:
        self._bins = bins
        self._keep = float(np.exp(-hop_s / smoothing_s))
        self._block_hops = max(1, round(window_s / hop_s / BLOCKS))
        self._quietest = quietest
        self.reset()

    def reset(self) -> None:
        """Forget what was heard."""
        self._smoothed: np.ndarray | None = None  # (bins,)
        self._blocks: list[np.ndarray] = []  # minima (bins,) of the finished blocks
        self._current = np.full(self._bins, np.inf, np.float32)
        self._hops_in_block = 0

    def update(self, power: np.ndarray) -> np.ndarray:
        """Noise power (bins,) after hearing power (bins,) of the next hop."""
        if self._smoothed is None:
            # Nothing is known yet: with the bias, the first sound is noise until it varies, as a voice soon does.
            self._smoothed = np.asarray(power, np.float32) / MINIMUM_BIAS
        else:
            self._smoothed = self._keep * self._smoothed + (1 - self._keep) * power
        self._current = np.minimum(self._current, self._smoothed)
        minimum = np.minimum.reduce([self._current, *self._blocks])
        self._hops_in_block += 1
        if self._hops_in_block == self._block_hops:
            self._blocks = [*self._blocks, self._current][-(BLOCKS - 1) :]
            self._current = self._smoothed.copy()
            self._hops_in_block = 0
        return np.maximum(MINIMUM_BIAS * minimum, self._quietest)
