"""The map of the flows: plane waves come from where they come from, also where two of them sound at once."""

from __future__ import annotations

import numpy as np

from avloc_ros.features.directions.flow_map import FlowMapConfig, flow_histogram, flow_peaks
from avloc_ros.features.spectra.centred_stft import centred_stft
from avloc_ros.geometry import angle_between, direction_from_angles, even_directions

RATE, FRAMES = 24000, 20


def foa(sound: np.ndarray, azimuth_deg: float, elevation_deg: float) -> np.ndarray:
    x, y, z = direction_from_angles(np.radians(azimuth_deg), np.radians(elevation_deg))
    return sound[:, None] * np.array([1.0, y, z, x])


def voices(seed: int, pitch_hz: float) -> np.ndarray:
    time_s, random = np.arange(FRAMES * RATE // 10) / RATE, np.random.default_rng(seed)
    return sum(np.sin(2 * np.pi * pitch_hz * k * time_s + random.uniform(0, 6)) / k for k in range(1, 12))


def test_two_sounds_at_once_are_two_peaks():
    directions = [direction_from_angles(np.radians(a), np.radians(e)) for a, e in ((40, 10), (-100, -20))]
    samples = foa(voices(1, 210.0), 40, 10) + foa(voices(2, 337.0), -100, -20)
    spectra = centred_stft(samples.astype(np.float32), 1024, 960, 480)
    for peaks in flow_peaks(spectra, FRAMES, FlowMapConfig()):
        assert peaks.shares[0] == 1.0 and (np.diff(peaks.shares) <= 0).all()
        for direction in directions:
            assert np.degrees(angle_between(peaks.directions, direction)).min() < 8.0  # places are 7 degrees apart


def test_each_flow_counts_where_it_comes_from():
    """Against the mean direction of the histogram: nothing is lost on the way to the grid."""
    samples = np.concatenate([foa(voices(1, 210.0), azimuth, 5)[: RATE // 2] for azimuth in (170, -60, 75, 20)])
    spectra = centred_stft(samples.astype(np.float32), 1024, 960, 480)
    histogram = flow_histogram(spectra, FRAMES, FlowMapConfig())
    assert histogram.shape == (FRAMES, 642)
    means = histogram @ even_directions(642)
    for part, azimuth in enumerate((170, -60, 75, 20)):
        mean = means[5 * part + 1 : 5 * part + 4].sum(0)
        truth = direction_from_angles(np.radians(azimuth), np.radians(5))
        assert np.degrees(angle_between(mean / np.linalg.norm(mean), truth)) < 6.0  # a place holds all flows within 4 degrees


def test_silence_has_no_peak_that_would_mislead():
    peaks = flow_peaks(np.zeros((4, 5 * FRAMES, 513), np.complex64), FRAMES, FlowMapConfig())
    assert all(np.isfinite(one.shares).all() for one in peaks)
