"""The sound of a frame: published shape, scipy's STFT, phases that carry a delay."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.signal import stft

from avloc_ros.config import shipped_folder
from avloc_ros.features.inputs.asl_unet_audio import SegmentAudioConfig, segment_features, window_around
from avloc_ros.geometry import direction_from_angles
from avloc_ros.microphone_array import MicrophoneArray
from avloc_ros.types import InputError

CONFIG = SegmentAudioConfig()


def test_shape_is_the_published_one():
    assert CONFIG.window_samples == 5600
    assert CONFIG.shape == (6, 257, 22)
    assert replace(CONFIG, phase=True).shape == (16, 257, 22)


def test_magnitudes_are_those_of_scipy():
    window = np.random.default_rng(0).normal(0, 0.1, (5600, 6)).astype(np.float32)
    features = segment_features(window, replace(CONFIG, full_scale=False))
    padded = np.pad(window, ((256, 256), (0, 0)), mode="reflect")
    _, _, expected = stft(
        padded.T, window="hann", nperseg=512, noverlap=256, boundary=None, padded=False, scaling="spectrum"
    )
    assert features.shape == CONFIG.shape
    assert features == pytest.approx(np.log10(np.abs(expected) * 256 + 1e-5), abs=1e-3)


def test_full_scale_makes_loud_and_soft_alike_but_keeps_channels_apart():
    window = np.random.default_rng(1).normal(0, 0.1, (5600, 6)) * np.array([1, 0.5, 1, 1, 1, 1])
    loud, soft = segment_features(window, CONFIG), segment_features(window * 0.01, CONFIG)
    assert loud == pytest.approx(soft, abs=1e-3)
    assert (loud[0] - loud[1]).mean() == pytest.approx(np.log10(2), abs=0.05)


def test_phases_carry_a_delay_that_magnitudes_do_not():
    sound = np.random.default_rng(2).normal(0, 0.1, 6000)
    config = replace(CONFIG, microphones=2, phase=True)
    features = segment_features(np.stack([sound[100:5700], sound[96:5696]], axis=1), config)
    assert np.abs(features[0] - features[1]).mean() < 0.2
    angle = np.arctan2(features[3], features[2])[20]  # bin 20: 625 Hz; 4 samples late
    assert np.median(angle) == pytest.approx(-2 * np.pi * 625 * 4 / 16000, abs=0.1)


def test_windows_hold_their_frame_and_silence_beyond_the_ends():
    samples = np.arange(16000, dtype=np.float32)[:, None].repeat(6, axis=1)
    middle = window_around(samples, 10, CONFIG)
    assert middle[0, 0] == 7 * 800 and middle[2400, 0] == 10 * 800
    first, last = window_around(samples, 0, CONFIG), window_around(samples, 19, CONFIG)
    assert (first[:2400] == 0).all() and first[2401, 0] == 1
    assert last[3199, 0] == 15999 and (last[3200:] == 0).all()
    with pytest.raises(InputError, match="need 5600 samples of 6"):
        segment_features(middle[:100], CONFIG)


def plane_wave(azimuth_deg):
    """Noise from a direction far away, at the glasses' microphones: float32 (5600, 6)."""
    positions = MicrophoneArray.load(shipped_folder() / "config" / "arrays" / "glasses_6mic.yaml").positions_m
    ahead_s = positions @ direction_from_angles(np.deg2rad(azimuth_deg), 0.0) / 343.0
    spectrum = np.fft.rfft(np.random.default_rng(3).normal(0, 0.1, 16000))
    frequency = np.fft.rfftfreq(16000, 1 / 16000)
    heard = [np.fft.irfft(spectrum * np.exp(2j * np.pi * frequency * early))[5000:10600] for early in ahead_s]
    return np.stack(heard, axis=1).astype(np.float32)


@pytest.mark.parametrize("azimuth_deg", [-50, -15, 0, 30])
def test_the_beam_of_a_plane_waves_direction_is_the_strongest(azimuth_deg):
    config = replace(CONFIG, bands=64, beams=25)
    assert config.shape == (31, 64, 22)
    features = segment_features(plane_wave(azimuth_deg), config)
    assert features.shape == config.shape
    power = features[6:].mean(axis=(1, 2))
    assert np.degrees(config.fan.azimuths_rad[power.argmax()]) == pytest.approx(azimuth_deg, abs=2.6)
    assert power.max() > 0.85 and power.min() < 0.1


def test_steered_power_is_the_mean_cosine_between_pairs_of_aligned_microphones():
    window = plane_wave(20) + np.random.default_rng(4).normal(0, 0.05, (5600, 6)).astype(np.float32)
    found = segment_features(window, replace(CONFIG, beams=3, widest_beam_deg=30.0))[6:]  # (3, 257, 22)
    positions = MicrophoneArray.load(shipped_folder() / "config" / "arrays" / "glasses_6mic.yaml").positions_m
    padded = np.pad(window, ((256, 256), (0, 0)), mode="reflect").T
    _, _, spectra = stft(padded, window="hann", nperseg=512, noverlap=256, boundary=None, padded=False)
    for beam, azimuth_deg in enumerate((30, 0, -30)):
        ahead_s = positions @ direction_from_angles(np.deg2rad(azimuth_deg), 0.0) / 343.0
        aligned = np.angle(spectra) - 2 * np.pi * 31.25 * np.arange(257)[:, None] * ahead_s[:, None, None]
        pairs = [np.cos(aligned[m] - aligned[n]) for m in range(6) for n in range(m)]
        assert found[beam] == pytest.approx(np.mean(pairs, axis=0), abs=2e-3)


def test_bands_are_means_of_neighbouring_bins():
    window = np.random.default_rng(5).normal(0, 0.1, (5600, 6)).astype(np.float32)
    config = replace(CONFIG, beams=5)
    every, banded = segment_features(window, config), segment_features(window, replace(config, bands=32))
    assert banded == pytest.approx(every[:, 1:].reshape(11, 32, 8, 22).mean(axis=2), abs=1e-5)
    with pytest.raises(InputError, match="bands is 60"):
        replace(CONFIG, bands=60)


def test_beams_need_the_array_that_they_are_steered_for():
    config = replace(CONFIG, microphones=2, beams=5)
    with pytest.raises(InputError, match="sound of 2 microphones, the array 'glasses_6mic' has 6"):
        segment_features(np.ones((5600, 2), np.float32), config)
