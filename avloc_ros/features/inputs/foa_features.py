"""What networks hear of first-order ambisonics (FOA): log-mel bands and acoustic intensity (docs/papers.md: av_seld)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from avloc_ros.config import setting
from avloc_ros.features.spectra.centred_stft import centred_stft, decibels
from avloc_ros.features.spectra.slaney_mel import mel_weights
from avloc_ros.types import InputError

FOA_CHANNELS = 4  # W, Y, Z, X (ACN order)
SMALLEST = 1e-8  # keeps silent bins from dividing by zero


@dataclass(frozen=True)
class FoaFeatureConfig:
    """Analysis frames and bands of the FOA features."""

    sample_rate_hz: int = setting(24000, "sample rate of the audio", low=4000, high=192000)
    fft_length: int = setting(512, "points of the Fourier transform", low=64, high=8192)
    window_length: int = setting(512, "samples of the Hann window", low=64, high=8192)
    hop_length: int = setting(
        150, "samples between analysis frames; 16 of them make a label frame", low=1, high=8192
    )
    mel_bands: int = setting(128, "mel bands", low=8, high=512)
    low_hz: float = setting(0.0, "lower edge of the bands", low=0.0, high=96000.0)
    high_hz: float = setting(12000.0, "upper edge of the bands", low=100.0, high=96000.0)
    intensity: str = setting(
        "vector", "what intensity is divided by: its own length, or the energy of the field as the DCASE baselines do",
        choices=("vector", "energy"),
    )  # fmt: skip


def foa_features(samples: np.ndarray, config: FoaFeatureConfig | None = None) -> np.ndarray:
    """float32 (7, frames, mel bands) of samples (n, 4) in order W, Y, Z, X.

    Channels: four log-mel spectra in dB, then intensity along y, z, x. Raises InputError on another number of channels.
    """
    config = config or FoaFeatureConfig()
    if samples.ndim != 2 or samples.shape[1] != FOA_CHANNELS:
        raise InputError(f"FOA samples have shape {samples.shape}, need (n, 4) in the order W, Y, Z, X")
    return foa_features_of_spectra(
        centred_stft(samples, config.fft_length, config.window_length, config.hop_length), config
    )


def foa_features_of_spectra(spectra: np.ndarray, config: FoaFeatureConfig) -> np.ndarray:
    """The same of spectra (4, frames, bins), for instance those of an encoded microphone array."""
    weights = mel_of(config).T  # (bins, bands)
    log_mel = decibels(np.square(np.abs(spectra)) @ weights)  # (4, frames, bands)
    return np.concatenate([log_mel, intensity(spectra, config.intensity) @ weights])


def intensity(spectra: np.ndarray, divided_by: str) -> np.ndarray:
    """Active intensity float32 (3, frames, bins) along y, z, x of FOA spectra (4, frames, bins): Re(conj(W) (Y, Z, X)).

    divided_by: "vector" gives unit vectors; "energy" divides by |W|^2 + (|Y|^2 + |Z|^2 + |X|^2) / 3.
    """
    flow = np.real(np.conj(spectra[:1]) * spectra[1:])  # (3, frames, bins)
    if divided_by == "vector":
        scale = np.linalg.norm(flow, axis=0)
    else:
        power = np.square(np.abs(spectra))
        scale = power[0] + power[1:].sum(0) / 3.0
    return (flow / (scale + SMALLEST)).astype(np.float32)


@lru_cache(maxsize=8)
def mel_of(config: FoaFeatureConfig) -> np.ndarray:
    """Mel weights (bands, bins) of a configuration."""
    return mel_weights(
        config.sample_rate_hz, config.fft_length, config.mel_bands, config.low_hz, config.high_hz
    )
