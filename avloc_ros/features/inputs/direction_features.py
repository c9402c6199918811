"""What a direction network hears: log-mel spectra with intensity vectors (FOA) or with GCC-PHAT (microphones)."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from scipy.fft import irfft, rfft

from avloc_ros.config import setting
from avloc_ros.features.inputs.foa_encoder import FoaEncoder
from avloc_ros.types import InputError

SMALLEST_POWER = 1e-8  # of full scale 1: 80 dB below it nothing is told apart
FOA_FEATURES = 7  # four log-mel spectra, three components of the intensity


@dataclass(frozen=True)
class DirectionFeaturesConfig:
    """Analysis (docs/papers.md: diff_track): 24 kHz, 50 spectra a second, 64 mel bands."""

    kind: str = setting("microphones", "what the channels are", choices=("microphones", "foa"))
    sample_rate_hz: int = setting(24_000, "rate of the sound, Hz", low=8000, high=96_000)
    hop_length: int = setting(480, "samples from one spectrum to the next", low=16)
    window_length: int = setting(960, "samples of the Hann window", low=32)
    fft_length: int = setting(1024, "points of the transform", low=32)
    mel_bands: int = setting(64, "mel bands, and lags of the cross-correlation", low=8, high=256)
    highest_hz: float = setting(0.0, "upper end of the mel bands, Hz; 0: half the rate", low=0.0, high=48_000.0)

    def __post_init__(self) -> None:
        if not self.hop_length <= self.window_length <= self.fft_length:
            raise InputError(
                f"hop {self.hop_length}, window {self.window_length}, FFT {self.fft_length}: each at most the next"
            )
        if self.highest_hz > self.sample_rate_hz / 2:
            raise InputError(f"highest_hz {self.highest_hz:g} is above half the rate of {self.sample_rate_hz} Hz")

    @property
    def top_hz(self) -> float:
        """Upper end of the mel bands."""
        return self.highest_hz or self.sample_rate_hz / 2

    def at_rate(self, sample_rate_hz: int) -> DirectionFeaturesConfig:
        """The same times and bands for sound of another rate. Raises InputError where that is not possible."""
        share = sample_rate_hz / self.sample_rate_hz
        lengths = [self.hop_length * share, self.window_length * share]
        if sample_rate_hz == self.sample_rate_hz:
            return self
        if self.kind != "foa" or share < 1 or not all(length.is_integer() for length in lengths):
            raise InputError(
                f"sound at {sample_rate_hz} Hz for a network of {self.sample_rate_hz} Hz: capture at that rate"
                + (", at 44100 or at 48000 Hz" if self.kind == "foa" else "")
            )
        hop, window = (int(length) for length in lengths)
        return replace(
            self,
            sample_rate_hz=sample_rate_hz,
            hop_length=hop,
            window_length=window,
            fft_length=2 * round(self.fft_length * share / 2),
            highest_hz=self.top_hz,
        )

    @property
    def lead(self) -> int:
        """Samples of a window before its frame's own hop, and as many after it."""
        return (self.window_length - self.hop_length) // 2

    def span(self, frames: int) -> int:
        """Samples that the windows of so many frames cover together."""
        return (frames - 1) * self.hop_length + self.window_length if frames > 0 else 0

    def channels(self, sound_channels: int) -> int:
        """Feature channels of a recording; FOA has seven, whatever it was encoded from."""
        if self.kind == "foa":
            return FOA_FEATURES
        return sound_channels + sound_channels * (sound_channels - 1) // 2


def direction_features(
    samples: np.ndarray, config: DirectionFeaturesConfig, encoder: FoaEncoder | None = None
) -> np.ndarray:
    """Features float32 (channels, frames, bands) of samples (samples, sound channels); frame k is centred on hop k.

    Log-mel of every sound channel, then three intensity components (x, y, z) for FOA in ACN order (W, Y, Z, X), else
    the GCC-PHAT of every pair at `mel_bands` lags around zero. encoder: makes FOA of a microphone array's sound.
    """
    frames = len(samples) // config.hop_length
    padded = np.pad(np.asarray(samples, np.float32), ((config.lead, config.window_length), (0, 0)))
    return features_of_frames(padded[: config.span(frames)], config, encoder)


def features_of_frames(
    samples: np.ndarray, config: DirectionFeaturesConfig, encoder: FoaEncoder | None = None
) -> np.ndarray:
    """The same of samples float32 (span(frames), sound channels) that are exactly the windows of the frames."""
    spectra = _spectra(samples, config)  # (sound channels, frames, bins)
    spectra = encoder(spectra) if encoder is not None else spectra
    filters = mel_filters(config)
    power = np.abs(spectra) ** 2 @ filters
    log_mel = np.log10(power + SMALLEST_POWER)
    spatial = _intensity(spectra, filters) if config.kind == "foa" else _gcc_phat(spectra, config)
    return np.concatenate([log_mel, spatial]).astype(np.float32)


@lru_cache(maxsize=8)
def mel_filters(config: DirectionFeaturesConfig) -> np.ndarray:
    """Triangles on the mel scale, each summing to one: (bins, bands)."""
    bins = config.fft_length // 2 + 1
    top = 2595 * np.log10(1 + config.top_hz / 700)
    edges_hz = 700 * (10 ** (np.linspace(0, top, config.mel_bands + 2) / 2595) - 1)
    frequency_hz = np.arange(bins)[:, None] * config.sample_rate_hz / config.fft_length
    rising = (frequency_hz - edges_hz[:-2]) / (edges_hz[1:-1] - edges_hz[:-2])
    falling = (edges_hz[2:] - frequency_hz) / (edges_hz[2:] - edges_hz[1:-1])
    triangles = np.maximum(0, np.minimum(rising, falling))
    nearest = np.argmin(np.abs(frequency_hz - edges_hz[1:-1]), axis=0)
    narrow = triangles.sum(axis=0) == 0  # low bands are narrower than a bin
    triangles[nearest[narrow], np.flatnonzero(narrow)] = 1.0
    return triangles / triangles.sum(axis=0)


def _spectra(samples: np.ndarray, config: DirectionFeaturesConfig) -> np.ndarray:
    hop, window = config.hop_length, config.window_length
    frames = (len(samples) - window) // hop + 1
    index = np.arange(frames)[:, None] * hop + np.arange(window)  # (frames, window)
    shape = np.hanning(window + 1)[:-1].astype(np.float32)
    shape *= 2 / shape.sum()
    return rfft(samples[index].transpose(2, 0, 1) * shape, config.fft_length, axis=-1)


def _intensity(spectra: np.ndarray, filters: np.ndarray) -> np.ndarray:
    """Active intensity over energy, towards the source: (3, frames, bands) of x, y, z, each in [-1, 1]."""
    _check_foa(len(spectra))
    w, y, z, x = spectra
    towards = np.real(np.conj(w) * np.stack([x, y, z])) @ filters
    energy = 0.5 * (np.abs(spectra) ** 2).sum(axis=0) @ filters
    return towards / (energy + SMALLEST_POWER)


def _gcc_phat(spectra: np.ndarray, config: DirectionFeaturesConfig) -> np.ndarray:
    """(pairs, frames, lags): lag `bands / 2` is zero; a peak after it: the first of the pair hears it later."""
    lags = np.arange(config.mel_bands) - config.mel_bands // 2
    pairs = list(itertools.combinations(range(len(spectra)), 2))
    found = np.empty((len(pairs), spectra.shape[1], len(lags)), np.float32)
    for number, (first, second) in enumerate(pairs):
        cross = spectra[first] * np.conj(spectra[second])
        found[number] = irfft(cross / (np.abs(cross) + SMALLEST_POWER**1.5), config.fft_length, axis=-1)[:, lags]
    return found


def _check_foa(channels: int) -> None:
    if channels != 4:
        raise InputError(f"first-order ambisonics has 4 channels (W, Y, Z, X), this sound has {channels}")
