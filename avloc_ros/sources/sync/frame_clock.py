"""When was a picture really exposed? A steady camera has an even period, so jitter of its stamps can be removed."""

from __future__ import annotations

from collections import deque

import numpy as np

NS = 1e9
BATCH = 20  # pictures from which period and phase are first found
LARGEST_SCATTER = 0.3  # of a period, standard deviation; above, there is no beat to follow
LOSS_COST = 4.6  # -log of the chance of 1 % that a picture is lost
WORTH_SMOOTHING_S = 0.001  # stamps better than this are left as they are
MEMORY = 1500  # pictures over which period and phase are averaged
SCATTER_MEMORY = 50  # pictures over which the jitter is averaged
BIAS_MEMORY = 25  # pictures over which a one-sided error is noticed
BIAS_SIGMAS = 4.5
MISFITS = 3


class FrameClock:
    """Exposure times of a steady camera; with an unsteady one, or too few pictures, the stamps pass unchanged."""

    def __init__(self) -> None:
        self._batch: deque[int] = deque(maxlen=BATCH)
        self._base_ns = 0
        self._time_s = 0.0  # smoothed time of the newest picture
        self._period_s = 0.0  # 0 while unknown
        self._scatter = 0.0  # variance of the stamps around the even beat, s^2
        self._misfits = 0  # stamps in a row that are over half a period off
        self._bias_s = 0.0  # mean of the newest errors
        self._seen = 0

    @property
    def period_s(self) -> float:
        """Estimated period, 0 while unknown."""
        return self._period_s

    @property
    def jitter_s(self) -> float:
        """Standard deviation of the stamps around the even beat."""
        return float(np.sqrt(self._scatter))

    def exposure_ns(self, stamp_ns: int) -> int:
        """The picture's exposure time; call it once per picture, in order. Never more than half a period off."""
        if not self._period_s:
            self._learn(stamp_ns)
            return stamp_ns
        stamp_s = (stamp_ns - self._base_ns) / NS
        count = self._periods_since(stamp_s)
        expected = self._time_s + count * self._period_s
        error = stamp_s - expected
        if self._is_lost(error, count):
            self.reset()  # the rate has changed, or the camera was away: find the beat again
            return stamp_ns
        self._follow(expected, error, count)
        if self.jitter_s < WORTH_SMOOTHING_S or self._misfits:
            return stamp_ns
        return self._base_ns + round(self._time_s * NS)

    def _is_lost(self, error: float, count: int) -> bool:
        self._scatter += (error**2 - self._scatter) / SCATTER_MEMORY
        self._misfits = self._misfits + 1 if abs(error) > self._period_s / 2 else 0
        no_beat = self.jitter_s > LARGEST_SCATTER * self._period_s
        return no_beat or self._misfits >= MISFITS or count > BATCH

    def _follow(self, expected: float, error: float, count: int) -> None:
        """Move beat and period towards a stamp."""
        self._bias_s += (error - self._bias_s) / BIAS_MEMORY
        # an average over M pictures with fading weights has a variance of 1 / (2 M - 1)
        bias_sigma_s = self.jitter_s / (2 * BIAS_MEMORY - 1) ** 0.5
        if abs(self._bias_s) > BIAS_SIGMAS * bias_sigma_s + WORTH_SMOOTHING_S / 2:
            self._seen, self._bias_s = BATCH // 2, 0.0  # the beat has moved: learn it again, quickly
        n = self._seen = min(self._seen + 1, MEMORY)
        limit = 3 * self.jitter_s
        error = min(max(error, -limit), limit)  # one late stamp must not move the beat
        # gains of a least-squares line through the last n pictures, as a recursion (alpha-beta filter)
        self._time_s = expected + 2 * (2 * n - 1) / (n * (n + 1)) * error
        self._period_s += 6 / (n * (n + 1)) * error / count

    def _periods_since(self, stamp_s: float) -> int:
        """Periods since the newest picture: a lost picture must be likelier than a jittery stamp."""
        steps = (stamp_s - self._time_s) / self._period_s
        likely, sigma = max(1, round(steps)), max(self.jitter_s / self._period_s, 0.01)
        fewer = likely - 1
        gain = ((steps - fewer) ** 2 - (steps - likely) ** 2) / (2 * sigma**2)
        return likely if fewer < 1 or gain > LOSS_COST else fewer

    def reset(self) -> None:
        """Forget period and phase."""
        self.__init__()  # type: ignore[misc]

    def _learn(self, stamp_ns: int) -> None:
        self._batch.append(stamp_ns)
        if len(self._batch) < BATCH:
            return
        self._base_ns = self._batch[0]
        times = (np.array(self._batch, np.int64) - self._base_ns) / NS  # (BATCH,)
        steps = np.diff(times)
        beat = float(np.median(steps))
        if beat <= 0:
            return
        with_losses = np.concatenate([[0.0], np.cumsum(np.maximum(1, np.rint(steps / beat)))])
        fits = []
        for numbers in (np.arange(BATCH, dtype=float), with_losses):
            period, phase = np.polyfit(numbers, times, 1)
            error = times - (phase + period * numbers)
            fits.append(
                (float(error.std() / period), float(period), float(phase + period * numbers[-1]), error.var())
            )
        scatter, period_s, newest_s, variance = min(fits)
        if scatter < LARGEST_SCATTER and period_s > 0:
            self._period_s, self._time_s, self._scatter, self._seen = (
                period_s,
                newest_s,
                float(variance),
                BATCH,
            )
