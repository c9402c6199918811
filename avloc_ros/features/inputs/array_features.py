"""What networks hear of a microphone array that is not FOA: log-mel with GCC-PHAT, or SALSA-Lite."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations

import numpy as np
from scipy.fft import irfft

from avloc_ros.config import setting
from avloc_ros.features.spectra.centred_stft import centred_stft, decibels
from avloc_ros.features.spectra.slaney_mel import mel_weights
from avloc_ros.microphone_array import SPEED_OF_SOUND_MPS
from avloc_ros.types import InputError


@dataclass(frozen=True)
class ArrayFeatureConfig:
    """Analysis frames, bands and spatial limits of the features of a microphone array."""

    sample_rate_hz: int = setting(24000, "sample rate of the audio", low=4000, high=192000)
    fft_length: int = setting(512, "points of the Fourier transform", low=64, high=8192)
    window_length: int = setting(512, "samples of the Hann window", low=64, high=8192)
    hop_length: int = setting(150, "samples between analysis frames", low=1, high=8192)
    mel_bands: int = setting(128, "mel bands, and lags of the GCC", low=8, high=512)
    low_hz: float = setting(50.0, "lowest frequency (SALSA-Lite)", low=0.0, high=96000.0)
    highest_phase_hz: float = setting(
        2000.0, "phases are 0 above, where they are ambiguous", low=0.0, high=96000.0
    )
    high_hz: float = setting(9000.0, "highest frequency (SALSA-Lite)", low=0.0, high=96000.0)
    sound_speed_mps: float = setting(SPEED_OF_SOUND_MPS, "speed of sound", low=100.0, high=10000.0)

    @property
    def bins(self) -> tuple[int, int, int]:
        """(first bin, first bin without phase, end bin) of SALSA-Lite; the bin at 0 Hz, which has no phase, is left out."""
        spacing_hz = self.sample_rate_hz / self.fft_length
        first = max(1, int(self.low_hz / spacing_hz))
        end = min(self.fft_length // 2, int(self.high_hz / spacing_hz))
        return first, min(end, max(first, int(self.highest_phase_hz / spacing_hz))), end


def gcc_features(samples: np.ndarray, config: ArrayFeatureConfig | None = None) -> np.ndarray:
    """float32 (mics + pairs, frames, mel bands) of samples (n, mics): log-mel in dB, then GCC-PHAT of each pair.

    The lag of no delay stands in the middle, band mel_bands / 2 (Cao et al. 2019).
    """
    config = config or ArrayFeatureConfig()
    spectra = _spectra(samples, config)
    log_mel = decibels(np.square(np.abs(spectra)) @ array_mel(config).T)  # (mics, frames, bands)
    correlations = [
        gcc_phat(spectra[m], spectra[n], config.mel_bands) for m, n in combinations(range(len(spectra)), 2)
    ]
    return np.concatenate([log_mel, np.stack(correlations)])


def gcc_phat(first: np.ndarray, second: np.ndarray, lags: int) -> np.ndarray:
    """float32 (frames, lags) of spectra (frames, bins): positive lags where the sound reaches `second` later."""
    cross = np.conj(first) * second
    correlation = irfft(np.exp(1j * np.angle(cross)), axis=-1)  # (frames, fft_length)
    return np.concatenate([correlation[:, -(lags // 2) :], correlation[:, : lags - lags // 2]], -1).astype(
        np.float32
    )


def salsa_lite(samples: np.ndarray, config: ArrayFeatureConfig | None = None) -> np.ndarray:
    """float32 (2 mics - 1, frames, bins) of samples (n, mics) (Nguyen et al. 2022).

    Log power in dB of each microphone, then per further microphone the phase against the first as a path in metres,
    positive where the sound reaches it earlier.
    """
    config = config or ArrayFeatureConfig()
    first, phase_end, end = config.bins
    spectra = _spectra(samples, config)[..., first:end]
    frequency_hz = np.arange(first, end) * (config.sample_rate_hz / config.fft_length)
    phase = np.angle(spectra[1:] * np.conj(spectra[:1]))  # (mics - 1, frames, bins)
    path_m = phase * (config.sound_speed_mps / (2 * np.pi * frequency_hz))
    path_m[..., phase_end - first :] = 0.0
    return np.concatenate([decibels(np.square(np.abs(spectra))), path_m.astype(np.float32)])


@lru_cache(maxsize=8)
def array_mel(config: ArrayFeatureConfig) -> np.ndarray:
    """Mel weights (bands, bins), from 0 Hz to half the sample rate."""
    return mel_weights(config.sample_rate_hz, config.fft_length, config.mel_bands)


def _spectra(samples: np.ndarray, config: ArrayFeatureConfig) -> np.ndarray:
    if samples.ndim != 2 or samples.shape[1] < 2:
        raise InputError(
            f"samples have shape {samples.shape}, need (n, microphones) with two or more microphones"
        )
    return centred_stft(samples, config.fft_length, config.window_length, config.hop_length)
