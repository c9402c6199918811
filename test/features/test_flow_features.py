"""Flows of sound against plane waves, and against sums bin by bin."""

from __future__ import annotations

import numpy as np
import pytest

from avloc_ros.features.directions.flow_features import ENERGY, FLOW, LEVEL, flow_features_of_spectra
from avloc_ros.features.inputs.foa_features import FoaFeatureConfig
from avloc_ros.features.spectra.slaney_mel import mel_weights
from avloc_ros.geometry import direction_from_angles

CONFIG = FoaFeatureConfig(fft_length=512, mel_bands=24)


def plane_wave(direction, gain=1.0, seed=0):
    """Spectra (4, 6 frames, 257) of noise from a direction."""
    x, y, z = direction
    rng = np.random.default_rng(seed)
    sound = gain * (rng.normal(size=(6, 257)) + 1j * rng.normal(size=(6, 257)))
    return np.stack([sound, sound * y, sound * z, sound * x])


def test_of_a_plane_wave_the_flow_points_to_its_source_and_is_half_its_energy():
    direction = direction_from_angles(0.7, -0.3)
    features = flow_features_of_spectra(plane_wave(direction), CONFIG)
    assert features.shape == (5, 6, 24) and features.dtype == np.float32
    flow, energy = features[FLOW], features[ENERGY][0]
    assert np.allclose(flow, direction[:, None, None] * energy / 2, atol=1e-6 * energy.max())


def test_values_are_sums_over_the_bins_of_a_band():
    spectra = plane_wave(direction_from_angles(2.0, 0.1)) + plane_wave(direction_from_angles(-1.0, 0.4), 0.5, 1)
    features = flow_features_of_spectra(spectra, CONFIG)
    weights = mel_weights(24000, 512, 24, 0.0, 12000.0)
    for band, frame in ((3, 0), (20, 4)):
        flow, energy, power = np.zeros(3), 0.0, 0.0
        for k in np.flatnonzero(weights[band]):
            w, y, z, x = spectra[:, frame, k]
            whole = abs(w) ** 2 + abs(x) ** 2 + abs(y) ** 2 + abs(z) ** 2
            flow += weights[band, k] * np.array([(w.conjugate() * v).real for v in (x, y, z)]) / whole**0.75
            energy, power = energy + weights[band, k] * whole**0.25, power + weights[band, k] * abs(w) ** 2
        assert features[FLOW, frame, band] == pytest.approx(flow, rel=1e-4)
        assert features[ENERGY, frame, band][0] == pytest.approx(energy, rel=1e-4)
        assert features[LEVEL, frame, band][0] == pytest.approx(10 * np.log10(power), abs=1e-3)


def test_silence_has_no_direction():
    features = flow_features_of_spectra(np.zeros((4, 6, 257), complex), CONFIG)
    assert np.isfinite(features).all() and not features[FLOW].any()
