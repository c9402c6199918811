"""When was sample n captured? A recursive estimate of offset and rate of an audio clock from jittery stamps.

State: capture time of the newest index and the drift of the clock against its nominal rate. A Kalman filter
with measured noise level; outliers are given less weight (Huber's influence function), so that one late stamp
moves the estimate little. Crystals are within some 100 ppm and wander slowly: that is the prior, and why
drift needs no settings.
"""

from __future__ import annotations

import math

NS = 1e9
DRIFT_PRIOR = 150e-6  # standard deviation of the clock's rate error before anything is known
DRIFT_WANDER = 1.7e-14  # variance per second: a few ppm in ten minutes, as crystals change with temperature
OFFSET_WANDER = 1e-10  # variance per second: 10 us in a second, for buffers that shift by a few samples
INITIAL_NOISE_S = 0.005
INITIAL_ERROR_S = 0.01  # of the first stamp: above the noise, so that it counts no more than the next ones
SMALLEST_NOISE_S = 2e-5  # stamps are never finer than a sample
HUBER_SIGMAS = 2.0  # an even spread reaches to 1.7 and is left alone
NOISE_MEMORY = 100  # updates over which the noise level is averaged
BIAS_MEMORY = 25  # updates over which a one-sided error is noticed
BIAS_SIGMAS = 6.0
SMALLEST_BIAS_S = 1e-4
LARGEST_DRIFT = 0.1  # a sender that states a wrong sample rate


class SampleClock:
    """Maps sample indices to capture times and back; feed it one (index, stamp) per packet in order of index."""

    def __init__(self, sample_rate_hz: float, index: int, stamp_ns: int) -> None:
        self.sample_rate_hz = sample_rate_hz
        self._base_ns = (
            stamp_ns  # times inside are seconds since here: float64 stays exact to a nanosecond for weeks
        )
        self._index, self._time_s, self._drift = index, 0.0, 0.0
        self._deviation = INITIAL_NOISE_S  # of the stamps around the truth
        self._noise = INITIAL_NOISE_S**2
        self._p_time, self._p_both, self._p_drift = INITIAL_ERROR_S**2, 0.0, DRIFT_PRIOR**2
        self._updates = 1
        self._last_innovation = 0.0
        self._bias = 0.0  # fading mean of the innovations

    @property
    def drift_ppm(self) -> float:
        """How much faster than nominal the audio clock runs."""
        return (1.0 / (1.0 + self._drift) - 1.0) * 1e6

    @property
    def jitter_s(self) -> float:
        """Standard deviation of the stamps around the estimate."""
        return math.sqrt(self._noise) if self._updates > 1 else 0.0

    def time_ns(self, index: float) -> int:
        """Capture time of a sample."""
        return self._base_ns + round(self._seconds(index) * NS)

    def index_at(self, time_ns: int) -> float:
        """The (fractional) sample captured at a time."""
        seconds = (time_ns - self._base_ns) / NS - self._time_s
        return self._index + seconds / (1.0 + self._drift) * self.sample_rate_hz

    def innovation_s(self, index: int, stamp_ns: int) -> float:
        """How much later than predicted this stamp is."""
        return (stamp_ns - self._base_ns) / NS - self._seconds(index)

    def update(self, index: int, stamp_ns: int) -> None:
        """Take in the stamp of a packet's first sample."""
        innovation = self.innovation_s(index, stamp_ns)
        self._predict(index)
        self._learn_noise(innovation)
        self._doubt_drift(innovation)
        noise = self._noise
        limit = HUBER_SIGMAS * math.sqrt(self._p_time + noise)
        if abs(innovation) > limit:  # Huber: beyond the limit the pull grows no further
            noise = (self._p_time + noise) * abs(innovation) / limit - self._p_time
        total = self._p_time + noise
        gain_time, gain_drift = self._p_time / total, self._p_both / total
        self._time_s += gain_time * innovation
        self._drift += gain_drift * innovation
        self._p_drift -= gain_drift * self._p_both
        self._p_both *= 1.0 - gain_time
        self._p_time *= 1.0 - gain_time

    def _learn_noise(self, innovation: float) -> None:
        """From differences of successive innovations, which are free of offset and trend (von Neumann 1941).

        Absolute values, not squares, so that rare late stamps do not count as noise: the mean absolute difference of
        two normal values is 2 / sqrt(pi) standard deviations.
        """
        difference = abs(innovation - self._last_innovation)
        self._last_innovation = innovation
        self._updates += 1
        if self._updates > 2:
            share = max(1.0 / self._updates, 1.0 / NOISE_MEMORY)
            self._deviation += share * (difference * math.sqrt(math.pi) / 2 - self._deviation)
            self._noise = max(self._deviation, SMALLEST_NOISE_S) ** 2

    def _doubt_drift(self, innovation: float) -> None:
        """Stamps that stay on one side say that the drift is not what it was thought to be: learn it anew."""
        self._bias += (innovation - self._bias) / BIAS_MEMORY
        sigma = math.sqrt((self._p_time + self._noise) / (2 * BIAS_MEMORY - 1))
        if self._updates > NOISE_MEMORY and abs(self._bias) > BIAS_SIGMAS * sigma + SMALLEST_BIAS_S:
            self._p_drift = min(100 * self._p_drift, LARGEST_DRIFT**2)
            self._bias = 0.0

    def step_to(self, index: int, stamp_ns: int) -> None:
        """Start again at a known pair after a step of the clock; the rate stays, since the device is the same."""
        self._predict(index)
        self._time_s = (stamp_ns - self._base_ns) / NS
        self._p_time, self._p_both = INITIAL_ERROR_S**2, 0.0

    def _seconds(self, index: float) -> float:
        return self._time_s + (index - self._index) / self.sample_rate_hz * (1.0 + self._drift)

    def _predict(self, index: int) -> None:
        elapsed = (index - self._index) / self.sample_rate_hz
        self._time_s = self._seconds(index)
        self._index = index
        span = abs(elapsed)
        self._p_time += 2 * elapsed * self._p_both + elapsed**2 * self._p_drift + OFFSET_WANDER * span
        self._p_both += elapsed * self._p_drift
        self._p_drift += DRIFT_WANDER * span
