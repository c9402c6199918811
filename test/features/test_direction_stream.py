"""Features of a stream are those of the whole recording, whatever its windows; other rates hear the same."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.signal import resample_poly

from avloc_ros.config import shipped_folder
from avloc_ros.features.inputs.direction_features import DirectionFeaturesConfig, direction_features
from avloc_ros.features.inputs.direction_stream import DirectionStream
from avloc_ros.features.inputs.foa_encoder import FoaEncoder
from avloc_ros.geometry import direction_from_angles
from avloc_ros.microphone_array import MicrophoneArray
from avloc_ros.types import AudioWindow, InputError

FOA = DirectionFeaturesConfig("foa", 16000, 320, 640, 1024, 32)
ALL = np.ones(4, bool)


def tetrahedron():
    return MicrophoneArray.load(shipped_folder() / "config" / "arrays" / "tetrahedron_4mic.yaml")


def windows_of(samples, rate, lengths):
    start, made = 0, []
    for length in lengths:
        made.append(AudioWindow(round(start * 1e9 / rate), samples[start : start + length], rate))
        start += length
    return made


@pytest.mark.parametrize("lengths", [[640] * 25, [100, 1500, 7, 320, 4000, 1, 9000, 1072]])
def test_pieces_give_the_features_of_the_whole(lengths):
    samples = np.random.default_rng(0).normal(0, 0.1, (16000, 4)).astype(np.float32)
    encoder = FoaEncoder(tetrahedron(), 16000, 1024)
    stream = DirectionStream(FOA)
    found = np.concatenate([stream.push(w, encoder, ALL) for w in windows_of(samples, 16000, lengths)], axis=1)
    assert found.shape == (7, 49, 32)  # the last frame waits for half a hop more
    np.testing.assert_allclose(found, direction_features(samples, FOA, encoder)[:, :49], atol=1e-5)


def test_overlaps_are_heard_once_and_a_gap_starts_anew():
    samples = np.random.default_rng(1).normal(0, 0.1, (6400, 4)).astype(np.float32)
    whole = direction_features(samples, FOA)
    stream = DirectionStream(FOA)
    parts = [(0, 3200), (3000, 6400)]
    pushed = [stream.push(AudioWindow(round(a * 1e9 / 16000), samples[a:b], 16000), None, ALL) for a, b in parts]
    np.testing.assert_allclose(np.concatenate(pushed, axis=1), whole[:, :19], atol=1e-5)
    after = stream.push(AudioWindow(2_000_000_000, samples, 16000), None, ALL)
    np.testing.assert_allclose(after, whole[:, :19], atol=1e-5)


def test_a_plane_wave_through_an_array_points_to_its_source_at_any_rate():
    array, noise = tetrahedron(), np.random.default_rng(2).normal(0, 0.1, 16000)
    towards = direction_from_angles(np.radians(70.0), np.radians(-20.0))
    levels = []
    for rate in (16000, 48000, 44100):
        sound = resample_poly(noise, rate // 100, 160)
        early_s = array.positions_m @ towards / array.sound_speed_mps
        frequencies = np.fft.rfftfreq(len(sound), 1 / rate)[:, None]
        heard = np.fft.irfft(np.fft.rfft(sound)[:, None] * np.exp(2j * np.pi * frequencies * early_s), len(sound), axis=0)
        config = FOA.at_rate(rate)
        features = direction_features(heard, config, FoaEncoder(array, rate, config.fft_length))
        assert features.shape == (7, 50, 32)
        intensity = features[4:, 3:-3, 6:18].mean(axis=(1, 2))  # bands of 300 to 2000 Hz
        assert intensity / np.linalg.norm(intensity) == pytest.approx(towards, abs=0.03)
        levels.append(features[0, 3:-3, 3:27].mean(axis=0))
    assert levels[1] == pytest.approx(levels[0], abs=0.05) and levels[2] == pytest.approx(levels[0], abs=0.05)


def test_rates_that_do_not_do_are_refused():
    for rate in (8000, 22051):
        with pytest.raises(InputError, match="16000 Hz: capture"):
            FOA.at_rate(rate)
    with pytest.raises(InputError, match="24000 Hz: capture at that rate"):
        DirectionFeaturesConfig().at_rate(48000)
