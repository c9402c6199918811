"""The sound of a frame: published shape, scipy's STFT, phases that carry a delay."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.signal import stft

from avloc_ros.features.asl_unet_audio import SegmentAudioConfig, segment_features, window_around
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
