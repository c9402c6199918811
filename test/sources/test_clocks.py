"""The two clocks on their own: against least squares, and where their assumptions fail."""

from __future__ import annotations

import numpy as np
import pytest

from avloc_ros.sources.sync.frame_clock import FrameClock
from avloc_ros.sources.sync.sample_clock import SampleClock

NS = 1_000_000_000
START_NS = 1_700_000_000 * NS


def stamps_of(times_s: np.ndarray) -> list[int]:
    return [START_NS + round(time_s * NS) for time_s in times_s]


@pytest.mark.parametrize("seed", range(3))
def test_the_sample_clock_is_as_good_as_least_squares(seed):
    """After two minutes the recursion and a line through all stamps agree on offset and drift."""
    rng = np.random.default_rng(seed)
    index = 320 * np.arange(6000)
    times_s = index / 16000 * (1 - 80e-6) + rng.normal(0, 0.005, len(index))
    clock = SampleClock(16000, 0, stamps_of(times_s)[0])
    for i, stamp in zip(index[1:].tolist(), stamps_of(times_s)[1:], strict=True):
        clock.update(i, stamp)
    slope, offset = np.polyfit(index / 16000, times_s, 1)
    line_s = offset + slope * index[-1] / 16000
    assert (clock.time_ns(int(index[-1])) - START_NS) / NS == pytest.approx(line_s, abs=0.5e-3)
    assert clock.drift_ppm == pytest.approx((1 / slope - 1) * 1e6, abs=10)
    assert clock.jitter_s == pytest.approx(0.005, rel=0.25)


def test_time_and_index_are_inverse():
    clock = SampleClock(48000, 7, START_NS)
    for k in range(1, 200):
        clock.update(7 + 960 * k, START_NS + round(960 * k / 48000 * 1.0002 * NS))
    for index in (7, 100_000, 10_000_000):
        assert clock.index_at(clock.time_ns(index)) == pytest.approx(index, abs=0.001)


def test_late_stamps_pull_little():
    """One packet in ten is stamped 30 ms late, as a busy machine does: the estimate stays within 2 ms."""
    rng = np.random.default_rng(0)
    clock = SampleClock(16000, 0, START_NS)
    for k in range(1, 1500):
        late_s = 0.03 if rng.random() < 0.1 else rng.normal(0, 0.0005)
        clock.update(320 * k, START_NS + round((0.02 * k + late_s) * NS))
    assert abs(clock.time_ns(320 * 1500) - START_NS - 30 * NS) < 0.002 * NS


def smoothed_errors_ms(true_s: np.ndarray, jitter_s: float, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    clock = FrameClock()
    found = [
        clock.exposure_ns(stamp)
        for stamp in stamps_of(true_s + rng.uniform(-jitter_s, jitter_s, len(true_s)))
    ]
    return (np.array(found) - START_NS) / 1e6 - true_s * 1e3


def test_exact_stamps_pass_unchanged():
    times = stamps_of(np.arange(500) / 25)
    clock = FrameClock()
    assert [clock.exposure_ns(stamp) for stamp in times] == times
    assert clock.period_s == pytest.approx(0.04, abs=1e-6)


def test_lost_pictures_do_not_disturb_the_beat():
    rng = np.random.default_rng(1)
    times_s = np.arange(1500)[rng.random(1500) > 0.1] / 30
    assert np.abs(smoothed_errors_ms(times_s, 0.008)[300:]).max() < 3.0


@pytest.mark.parametrize("new_fps", [12.5, 15.0, 24.0, 30.0])
def test_a_change_of_rate_is_followed(new_fps):
    times_s = np.concatenate([np.arange(1000) / 25, 40 + np.arange(1000) / new_fps])
    errors = np.abs(smoothed_errors_ms(times_s, 0.005))
    assert errors.max() < 25.0  # never worse than half a period and the jitter
    assert errors[1300:].max() < 4.0


def test_a_camera_without_a_beat_is_believed():
    times_s = np.cumsum(np.random.default_rng(2).exponential(0.04, 1000))
    errors = np.abs(smoothed_errors_ms(times_s, 0.0))
    assert np.median(errors) < 1.0
