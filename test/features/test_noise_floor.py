"""The floor is the level of a steady noise, and a voice that pauses does not raise it."""

from __future__ import annotations

import numpy as np

from avloc_ros.features.spectra.noise_floor import NoiseFloor


def follow(power: np.ndarray) -> np.ndarray:
    """Floor (hops, bins) of powers (hops, bins), 10 ms apart."""
    floor = NoiseFloor(power.shape[1], 0.01, 1.5, 0.08, 1e-12)
    return np.stack([floor.update(p) for p in power])


def noise_power(hops: int, level: float) -> np.ndarray:
    """Power of Gaussian noise: exponentially distributed with the mean `level`, (hops, 200)."""
    return np.random.default_rng(0).exponential(level, (hops, 200)).astype(np.float32)


def test_floor_of_white_noise_is_its_mean() -> None:
    floor = follow(noise_power(400, 1e-4))[300:].mean()
    assert abs(10 * np.log10(floor / 1e-4)) < 2.0


def test_bursts_do_not_raise_it_and_a_fan_switched_on_becomes_floor() -> None:
    power = noise_power(1000, 1e-6)
    for start in range(0, 500, 60):
        power[start : start + 35] += 1e-4  # syllables 20 dB above
    power[500:] *= 100  # the fan
    floor = follow(power).mean(1)
    assert floor[160:500].max() < 2e-5  # of bursts of 1e-4
    assert 0.5e-4 < floor[-1] < 2e-4
