"""Where the sound of a moment comes from, source by source: a mixture of directions, fitted as the sound goes on.

Steered response power adds up all bands, so the side lobes of a loud talker bury a softer one, and on a small array two
talkers 45 degrees apart are one hill. But at any moment most bands belong to one source alone. Each band therefore votes by
itself: given a direction, the phase differences of its microphone pairs are von Mises distributed around those of the
direction, so that exp(concentration * steered power of the band) is its likelihood. Directions on a grid are the components
of a mixture whose weights are learnt by recursive EM, one step per window; since what a component explains, others need
not, the weights gather at the sources. Y. Dorfan, S. Gannot, "Tree-based recursive expectation-maximization algorithm for
localization of acoustic sources", TASLP 2015; X. Li, Y. Ban, L. Girin, X. Alameda-Pineda, R. Horaud, "Online localization
and tracking of multiple moving speakers in reverberant environments", IEEE JSTSP 2019.
"""

from __future__ import annotations

import numpy as np

from avloc_ros.features.directions.srp_phat import SrpPhat

CONCENTRATION = 0.3  # of the phase differences, per unit of weight of a band
SLOW_S, FAST_S = 0.4, 0.08  # time constants of the two kinds of weights
ANYWHERE = 0.05  # share of the sound that may come from where nothing was heard before
ENOUGH = 30.0  # sum of the weights of a window that counts in full


class DirectionMixture:
    """Weights of the directions of one kind of sound, over the cells of a sphere.

    slow, fast (cells,): shares of the sound of the last `SLOW_S` and `FAST_S` seconds that come from each cell, 1 in sum;
    now (cells,): of this window alone.
    """

    def __init__(self, nothing_known: np.ndarray) -> None:
        """nothing_known (cells,): the shares before anything was heard; 0 where no source may be, 1 in sum."""
        self._first = nothing_known.astype(np.float32)
        self._ruled_out = nothing_known <= 0
        self.reset()

    def reset(self) -> None:
        """Forget everything."""
        self.slow = self.fast = self.now = self._first

    def fade(self, duration_s: float) -> None:
        """Let what was heard count less, as after `duration_s` of which nothing is known."""
        self.slow = self._first + np.float32(np.exp(-duration_s / SLOW_S)) * (self.slow - self._first)
        self.fast = self._first + np.float32(np.exp(-duration_s / FAST_S)) * (self.fast - self._first)

    def hear(self, steering: SrpPhat, vectors: np.ndarray, weights: np.ndarray, duration_s: float) -> None:
        """Take in a window: vectors float32 (bands, pairs * rank) in the delay space, weights (bands,) summed likewise."""
        total = float(weights.sum())
        if total <= 0:
            return
        log_likelihood = (vectors @ steering.steering) * (CONCENTRATION / steering.pairs)  # (bands, cells)
        log_likelihood[:, self._ruled_out] = -np.inf
        likelihood = np.exp(log_likelihood - log_likelihood.max(1, keepdims=True))
        belongs = likelihood * ((1 - ANYWHERE) * self.slow + ANYWHERE * self._first)  # (bands, cells)
        self.now = (weights / total / belongs.sum(1)).astype(np.float32) @ belongs  # (cells,)
        counts = min(1.0, total / ENOUGH)
        self.slow = self._nearer(self.slow, counts * (1 - np.exp(-duration_s / SLOW_S)))
        self.fast = self._nearer(self.fast, counts * (1 - np.exp(-duration_s / FAST_S)))

    def _nearer(self, shares: np.ndarray, step: float) -> np.ndarray:
        return shares + np.float32(step) * (self.now - shares)


def in_bands(steering: SrpPhat, summed: np.ndarray, bands: list[slice]) -> np.ndarray:
    """Masked sums of phases (pairs, 2 bins) in the delay space, band by band: float32 (bands, pairs * rank).

    bands: slices of bins, from low to high.
    """
    bins = summed.shape[-1] // 2
    found = [
        summed[:, band] @ steering.projection[band]
        + summed[:, bins + band.start : bins + band.stop] @ steering.projection[bins + band.start : bins + band.stop]
        for band in bands
    ]  # (pairs, rank) each
    return np.stack(found).reshape(len(bands), -1)
