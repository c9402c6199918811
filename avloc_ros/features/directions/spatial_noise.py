"""Where noise comes from: what steered power sees while nobody speaks is taken away from what it sees later.

Steered response power is linear in the projected cross-spectra. Their mean over moments without a voice is therefore the
picture of the noise sources, a fan or a barking dog, and subtracting its share leaves the talkers.
"""

from __future__ import annotations

import numpy as np

NO_VOICE = 0.3  # below this voice probability a hop belongs to a pause


class SpatialNoise:
    """A decaying sum of projected cross-spectra in which voices weigh more, and the mean of those without a voice.

    memory_s: time constant of the sum; noise_memory_s: that of the noise; share: how much of the noise is taken away;
    margin: noise is taken away in full while the present power is less than this many times the noise's, so that the
    faint rest between the words of a talker in a quiet room is never taken for a source. pause_s: noise is learnt only
    after so long without a voice, so that a talker is not taken for noise between syllables, where the voice dips.
    """

    def __init__(
        self,
        hop_s: float,
        memory_s: float,
        noise_memory_s: float,
        share: float,
        margin: float = 100.0,
        pause_s: float = 0.5,
    ) -> None:
        self._keep = float(np.exp(-hop_s / memory_s)) if memory_s > 0 else 0.0
        self._learn = 1 - float(np.exp(-hop_s / noise_memory_s))
        self.share, self.margin = share, margin
        self._pause_hops = pause_s / hop_s
        self.reset()

    def reset(self) -> None:
        """Forget sound and noise."""
        self._sum: np.ndarray | None = None  # (values,)
        self._noise: np.ndarray | None = None  # (values,), mean of one hop
        self._weight = self._hops = self._power = 0.0  # sums beside _sum
        self._noise_power = 0.0
        self._hops_without_voice = 0

    def fade(self, factor: float) -> None:
        """Let what was summed up count less, as after a gap."""
        self._sum = None if self._sum is None else self._sum * factor
        self._weight *= factor
        self._hops *= factor
        self._power *= factor

    def add(self, projected: np.ndarray, weights: np.ndarray, power: np.ndarray, voice: np.ndarray) -> None:
        """Take in hops: projected (hops, values), the sum of their bins' weights, mean power, voice probability (hops,)."""
        if self._sum is None or self._noise is None or self._sum.shape != projected.shape[1:]:
            self._sum = np.zeros(projected.shape[1], np.float32)
            self._noise = np.zeros(projected.shape[1], np.float32)
            self._weight = self._hops = self._power = self._noise_power = 0.0
        for vector, weight, loudness, speaks in zip(projected, weights, power, voice, strict=True):
            counts = max(float(speaks), 0.02) ** 2  # never nothing: also without a voice it shows where sound is
            self._sum = self._keep * self._sum + counts * vector
            self._weight = self._keep * self._weight + counts * float(weight)
            self._hops = self._keep * self._hops + counts
            self._power = self._keep * self._power + counts * float(loudness)
            self._hops_without_voice = self._hops_without_voice + 1 if speaks < NO_VOICE else 0
            in_pause = self._hops_without_voice >= self._pause_hops
            learn = self._learn * (1 - float(speaks)) ** 2 if in_pause else 0.0
            self._noise = (1 - learn) * self._noise + learn * vector
            self._noise_power = (1 - learn) * self._noise_power + learn * float(loudness)

    def cleaned(self) -> tuple[np.ndarray, float]:
        """The sum without the noise's part (values,), float32, and the sum of its weights."""
        if self._sum is None or self._noise is None:
            return np.zeros(0, np.float32), 0.0
        energy = float(self._noise @ self._noise)
        if energy <= 0 or self._hops <= 0:
            return self._sum, self._weight
        found = float(self._sum @ self._noise) / energy  # hops' worth of noise, by least squares
        loudness = self._power / self._hops
        most = self._hops * min(1.0, self.margin * self._noise_power / max(loudness, 1e-20))
        part = min(max(self.share * found, 0.0), most)
        return (self._sum - part * self._noise).astype(np.float32), self._weight
