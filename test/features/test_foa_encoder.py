"""The FOA encoder on plane waves that a microphone array hears, and on arrays that cannot carry FOA."""

from __future__ import annotations

import numpy as np
import pytest

from avloc_ros.features.inputs.foa_encoder import FoaEncoder, is_foa
from avloc_ros.features.inputs.foa_features import intensity
from avloc_ros.geometry import angle_between, direction_from_angles, even_directions
from avloc_ros.microphone_array import MicrophoneArray
from avloc_ros.types import InputError

RATE, FFT = 24000, 512
TETRAHEDRON = 0.042 * np.array([[1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]]) / np.sqrt(3)


def heard(array, direction, seed=0, frames=3):
    """Spectra (mics, frames, bins) of one plane wave, delays written out per microphone."""
    rng = np.random.default_rng(seed)
    frequencies = np.fft.rfftfreq(FFT, 1 / RATE)
    source = rng.normal(size=(frames, len(frequencies))) + 1j * rng.normal(size=(frames, len(frequencies)))
    delays = [-np.dot(p, direction) / array.sound_speed_mps for p in array.positions_m]
    return np.stack([source * np.exp(-2j * np.pi * frequencies * d) for d in delays]), source


def test_a_tetrahedron_gives_the_harmonics_of_a_plane_wave():
    array = MicrophoneArray(TETRAHEDRON)
    encoder = FoaEncoder(array, RATE, FFT)
    low, high = encoder.usable_hz
    assert low <= 500 and 2000 < high < 8000
    frequencies = np.fft.rfftfreq(FFT, 1 / RATE)
    band = (frequencies > 400) & (frequencies < 1000)
    for azimuth, elevation in ((0, 0), (75, 20), (-140, -50), (180, 60)):
        x, y, z = direction = direction_from_angles(np.radians(azimuth), np.radians(elevation))
        spectra, source = heard(array, direction)
        foa = encoder(spectra)
        ratios = (foa / source)[:, :, band].mean((1, 2))
        assert ratios.real == pytest.approx(np.array([1, y, z, x]), abs=0.05)
        assert np.abs(ratios.imag).max() < 0.2  # what four microphones hear of the second order
        flow = intensity(foa, "vector")[:, :, band].mean((1, 2))[[2, 0, 1]]  # y, z, x -> x, y, z
        assert np.degrees(angle_between(flow, direction)) < 4


def test_the_place_of_the_array_in_its_frame_does_not_matter():
    here, there = MicrophoneArray(TETRAHEDRON), MicrophoneArray(TETRAHEDRON + np.array([0.3, -0.2, 1.0]))
    assert np.allclose(FoaEncoder(here, RATE, FFT).matrix, FoaEncoder(there, RATE, FFT).matrix)


@pytest.mark.parametrize(
    ("positions", "reason"),
    [
        ([[0.05, 0.05, 0], [0.05, -0.05, 0], [-0.05, 0.05, 0], [-0.05, -0.05, 0]], "in a plane"),
        ([[0, 0.1 * k, 0] for k in range(4)], "on a line"),
        ([[0, 0, 0], [0.05, 0, 0], [0, 0.05, 0]], "3 microphones"),
        (TETRAHEDRON * 30, "too small or too large"),
    ],
)
def test_arrays_that_cannot_are_refused_with_the_reason(positions, reason):
    with pytest.raises(InputError, match=reason):
        FoaEncoder(MicrophoneArray(np.array(positions, float), name="odd"), RATE, FFT)


def test_grid_directions_are_even():
    directions = even_directions(240)
    assert np.linalg.norm(directions, axis=1) == pytest.approx(np.ones(240))
    assert np.abs(directions.mean(0)).max() < 0.01
    assert np.abs(directions.T @ directions / 240 - np.eye(3) / 3).max() < 0.01


def test_samples_are_encoded_as_spectra_are():
    """A plane wave of noise between 400 and 1000 Hz, turned in phase for each microphone."""
    array, direction = MicrophoneArray(TETRAHEDRON), direction_from_angles(np.radians(110), np.radians(-25))
    x, y, z = direction
    seconds = 0.5
    spectrum = np.fft.rfft(np.random.default_rng(0).normal(size=round(seconds * RATE)))
    hertz = np.fft.rfftfreq(round(seconds * RATE), 1 / RATE)
    spectrum[(hertz < 400) | (hertz > 1000)] = 0
    source = np.fft.irfft(spectrum)
    earlier_s = array.positions_m @ direction / array.sound_speed_mps
    samples = np.stack([np.fft.irfft(spectrum * np.exp(2j * np.pi * hertz * s)) for s in earlier_s], 1)
    foa = FoaEncoder(array, RATE, 1024).of_samples(samples)
    inside = slice(2000, -2000)
    assert foa.shape == (len(source), 4)
    gains = foa[inside].T @ source[inside] / np.square(source[inside]).sum()
    assert gains == pytest.approx(np.array([1, y, z, x]), abs=0.05)
    left = foa[inside] - source[inside, None] * np.array([1, y, z, x])
    assert np.square(left).mean(0).max() < 0.05 * np.square(source).mean()


def test_foa_is_told_by_the_names_of_its_channels():
    assert is_foa(MicrophoneArray(np.zeros((4, 3)), ("w", "Y", "Z", "X"))) and not is_foa(MicrophoneArray(TETRAHEDRON))
