"""From where the sound of each cell (frame, mel band) flows: active intensity of FOA with the energy of its bins compressed."""

from __future__ import annotations

import numpy as np

from avloc_ros.features.inputs.foa_features import FoaFeatureConfig, mel_of
from avloc_ros.features.spectra.centred_stft import decibels

LEVEL, FLOW, ENERGY = slice(0, 1), slice(1, 4), slice(4, 5)
COMPRESSION = 0.25  # exponent of a bin's energy in its flow: loud bins do not drown the many that know the direction
TINY = 1e-10
X_Y_Z = [3, 1, 2]  # of the channels W, Y, Z, X


def flow_features_of_spectra(spectra: np.ndarray, config: FoaFeatureConfig) -> np.ndarray:
    """float32 (5, frames, bands) of spectra (4, frames, bins) in order W, Y, Z, X.

    LEVEL: power of W in dB. FLOW: active intensity along x, y, z, and ENERGY: that of all channels; both summed over a band
    after each bin was divided by the power 0.75 of its energy. Of a plane wave the flow is half as long as the energy.
    """
    weights = mel_of(config).T  # (bins, bands)
    power = np.square(np.abs(spectra))
    energy = power.sum(0) + TINY  # (frames, bins)
    flow = np.real(np.conj(spectra[:1]) * spectra[X_Y_Z])  # (3, frames, bins)
    squeezed = np.concatenate([flow, energy[None]]) * energy ** (COMPRESSION - 1.0)
    return np.concatenate([decibels(power[:1] @ weights), squeezed @ weights]).astype(np.float32)
