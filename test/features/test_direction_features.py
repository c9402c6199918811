"""Intensity of a plane wave points to its source, a delay stands at its lag, a tone in its mel band."""

from __future__ import annotations

import numpy as np
import pytest

from avloc_ros.features.inputs.direction_features import (
    DirectionFeaturesConfig,
    direction_features,
    mel_filters,
)
from avloc_ros.geometry import direction_from_angles
from avloc_ros.types import InputError

RATE = 24000


@pytest.mark.parametrize(("azimuth_deg", "elevation_deg"), [(0, 0), (30, 0), (-120, 20), (90, -60)])
def test_intensity_points_to_the_source_of_a_plane_wave(azimuth_deg, elevation_deg):
    noise = np.random.default_rng(0).normal(0, 0.1, RATE)
    x, y, z = direction_from_angles(np.deg2rad(azimuth_deg), np.deg2rad(elevation_deg))
    foa = noise[:, None] * np.array([1.0, y, z, x])  # ACN order, SN3D
    features = direction_features(foa, DirectionFeaturesConfig(kind="foa"))
    assert features.shape == (7, 50, 64)
    intensity = features[4:, 2:-2].mean(axis=(1, 2))
    assert intensity == pytest.approx([x, y, z], abs=0.02)  # a plane wave: as much intensity as energy


@pytest.mark.parametrize("delay", [-7, 0, 5])
def test_a_delay_between_two_microphones_is_the_lag_of_the_peak(delay):
    noise = np.random.default_rng(1).normal(0, 0.1, RATE + 40)
    late, early = noise[20 - delay : RATE + 20 - delay], noise[20 : RATE + 20]
    features = direction_features(np.stack([late, early], axis=1), DirectionFeaturesConfig())
    correlation = features[2].mean(axis=0)
    assert features.shape == (3, 50, 64)
    assert np.argmax(correlation) - 32 == delay


def test_a_tone_stands_in_its_mel_band_at_its_level():
    time = np.arange(RATE) / RATE
    config = DirectionFeaturesConfig()
    sound = np.stack([0.5 * np.sin(2 * np.pi * 3000 * time)] * 2, axis=1)
    log_mel = direction_features(sound, config)[0, 5:-5].mean(axis=0)
    filters = mel_filters(config)
    frequency = np.arange(513) * RATE / 1024
    assert abs(frequency @ filters[:, np.argmax(log_mel)] - 3000) < 200
    power = np.abs(np.fft.rfft(sound[:960, 0] * np.hanning(961)[:-1] * 2 / np.hanning(961)[:-1].sum(), 1024)) ** 2
    assert log_mel.max() == pytest.approx(np.log10((power @ filters).max()), abs=0.02)


def test_every_mel_band_sums_to_one_and_no_bin_of_speech_is_left_out():
    filters = mel_filters(DirectionFeaturesConfig())
    assert filters.sum(axis=0) == pytest.approx(np.ones(64))
    assert (filters[5:500].sum(axis=1) > 0).all()


def test_frames_are_centred_on_their_hop():
    sound = np.zeros((4800, 2))
    sound[480 * 4 + 240] = 1.0  # the middle of hop 4
    log_mel = direction_features(sound, DirectionFeaturesConfig())[0].mean(axis=1)
    assert np.argmax(log_mel) == 4


def test_wrong_foa_and_wrong_lengths_are_refused():
    with pytest.raises(InputError, match="4 channels"):
        direction_features(np.zeros((4800, 3)), DirectionFeaturesConfig(kind="foa"))
    with pytest.raises(InputError, match="each at most the next"):
        DirectionFeaturesConfig(window_length=2048)
