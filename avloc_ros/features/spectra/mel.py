"""Mel bands, and how loud each is against the running level of the sound: what networks hear of one spectrum."""

from __future__ import annotations

import numpy as np
from scipy.signal import lfilter

LEVEL_MEMORY_S = 1.0  # bands are compared with the mean level of the last second
CLIP = 4.0  # in factors of ten of power around that level
SILENCE = 1e-10  # power


def mel_edges(bands: int, lowest_hz: float, highest_hz: float) -> np.ndarray:
    """Edges (bands + 2,) in hertz, even on the mel scale: band b rises from edge b to b + 1 and falls to b + 2."""
    mel = np.linspace(_mel(lowest_hz), _mel(highest_hz), bands + 2)
    return 700 * (10 ** (mel / 2595) - 1)


def mel_filters(
    frequencies_hz: np.ndarray, bands: int, lowest_hz: float = 60.0, highest_hz: float = 7000.0
) -> np.ndarray:
    """Triangular filters float32 (bins, bands), each of sum 1; a band narrower than the bins takes its nearest bin."""
    edges = mel_edges(bands, lowest_hz, highest_hz)
    low, centre, high = edges[:-2], edges[1:-1], edges[2:]
    f = frequencies_hz[:, None]
    shape = np.minimum((f - low) / (centre - low), (high - f) / (high - centre))
    shape = np.maximum(shape, 1e-6 * (np.abs(f - centre) == np.abs(f - centre).min(0)))
    return (shape / shape.sum(0)).astype(np.float32)


def band_spread(frequencies_hz: np.ndarray, bands: int, lowest_hz: float = 60.0, highest_hz: float = 7000.0) -> np.ndarray:
    """Matrix float32 (bands, bins) that carries values of bands to bins by interpolation between band centres.

    Rows of one bin add up to 1, so that equal bands give equal bins.
    """
    centres = mel_edges(bands, lowest_hz, highest_hz)[1:-1]
    identity = np.eye(bands)
    spread = np.stack([np.interp(frequencies_hz, centres, row) for row in identity])
    return spread.astype(np.float32)


class RelativeLevels:
    """Log power of mel bands relative to the running level of all bands, hop by hop."""

    def __init__(self, filters: np.ndarray, hop_s: float) -> None:
        """filters: (bins, bands) as of mel_filters."""
        self._filters = filters
        self._keep = float(np.exp(-hop_s / LEVEL_MEMORY_S))
        self.reset()

    def reset(self) -> None:
        """Forget the level."""
        self._sum = np.zeros(1)  # states of the two running sums
        self._count = np.zeros(1)

    def __call__(self, power: np.ndarray) -> np.ndarray:
        """float32 (hops, bands), in factors of ten, from power (hops, bins) of the next hops."""
        if not len(power):
            return np.zeros((0, self._filters.shape[1]), np.float32)
        levels = np.log10(power @ self._filters + SILENCE)  # (hops, bands)
        denominator = [1.0, -self._keep]
        total, self._sum = lfilter([1.0], denominator, levels.mean(1), zi=self._sum)
        count, self._count = lfilter([1.0], denominator, np.ones(len(levels)), zi=self._count)
        return np.clip(levels - (total / count)[:, None], -CLIP, CLIP).astype(np.float32)


def _mel(frequency_hz: float) -> float:
    return float(2595 * np.log10(1 + frequency_hz / 700))
