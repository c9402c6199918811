"""What CoLoC hears: log power, phase and intensity of FOA spectra in linear bins (docs/papers.md: coloc)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from avloc_ros.config import setting
from avloc_ros.features.inputs.foa_features import FOA_CHANNELS, intensity
from avloc_ros.features.spectra.centred_stft import centred_stft, decibels
from avloc_ros.types import InputError


@dataclass(frozen=True)
class ColocFeatureConfig:
    """Analysis frames of the CoLoC features."""

    sample_rate_hz: int = setting(24000, "sample rate of the audio", low=4000, high=192000)
    fft_length: int = setting(1024, "points of the Fourier transform", low=64, high=8192)
    window_length: int = setting(960, "samples of the Hann window", low=64, high=8192)
    hop_length: int = setting(
        480, "samples between analysis frames; 5 of them make a label frame", low=1, high=8192
    )
    intensity: str = setting("vector", "what intensity is divided by", choices=("vector", "energy"))


def coloc_features(samples: np.ndarray, config: ColocFeatureConfig | None = None) -> np.ndarray:
    """float32 (11, frames, bins) of samples (n, 4) in order W, Y, Z, X.

    Four log powers in dB, four phases in radians, intensity along y, z, x. Raises InputError on other channels.
    """
    config = config or ColocFeatureConfig()
    if samples.ndim != 2 or samples.shape[1] != FOA_CHANNELS:
        raise InputError(f"FOA samples have shape {samples.shape}, need (n, 4) in the order W, Y, Z, X")
    spectra = centred_stft(samples, config.fft_length, config.window_length, config.hop_length)
    return coloc_features_of_spectra(spectra, config)


def coloc_features_of_spectra(spectra: np.ndarray, config: ColocFeatureConfig) -> np.ndarray:
    """The same of spectra (4, frames, bins)."""
    log_power = decibels(np.square(np.abs(spectra)))
    return np.concatenate(
        [log_power, np.angle(spectra).astype(np.float32), intensity(spectra, config.intensity)]
    )
