"""The features of a whole batch in torch, on the GPU where there is one; values are those of the features room."""

from __future__ import annotations

from itertools import combinations

import torch
from torch import nn

from avloc_ros.features.inputs.array_features import ArrayFeatureConfig, array_mel
from avloc_ros.features.inputs.coloc_features import ColocFeatureConfig
from avloc_ros.features.inputs.foa_features import SMALLEST, FoaFeatureConfig, mel_of
from avloc_ros.features.spectra.centred_stft import POWER_FLOOR, hann_window


class BatchedStft(nn.Module):
    """Spectra complex64 (batch, channels, frames, bins) of samples (batch, channels, n); see features.spectra.centred_stft."""

    def __init__(self, fft_length: int, window_length: int, hop_length: int) -> None:
        super().__init__()
        self.fft_length, self.hop_length = fft_length, hop_length
        self.register_buffer(
            "window", torch.from_numpy(hann_window(fft_length, window_length)), persistent=False
        )

    def forward(self, samples: torch.Tensor) -> torch.Tensor:
        batch, channels, length = samples.shape
        spectra = torch.stft(
            samples.reshape(batch * channels, length),
            self.fft_length,
            self.hop_length,
            window=self.get_buffer("window"),
            center=True,
            pad_mode="reflect",
            return_complex=True,
        )  # (batch * channels, bins, frames + 1)
        frames = length // self.hop_length
        return spectra[..., :frames].transpose(1, 2).reshape(batch, channels, frames, -1)


class BatchedFoaFeatures(nn.Module):
    """(batch, 7, frames, mel bands) of FOA samples (batch, 4, n); see features.inputs.foa_features."""

    def __init__(self, config: FoaFeatureConfig | None = None) -> None:
        super().__init__()
        self.config = config or FoaFeatureConfig()
        self.stft = BatchedStft(self.config.fft_length, self.config.window_length, self.config.hop_length)
        self.register_buffer(
            "mel", torch.from_numpy(mel_of(self.config).T.copy()), persistent=False
        )  # (bins, bands)

    def forward(self, samples: torch.Tensor) -> torch.Tensor:
        spectra, mel = self.stft(samples), self.get_buffer("mel")
        log_mel = decibels(power(spectra) @ mel)
        return torch.cat([log_mel, intensity(spectra, self.config.intensity) @ mel], 1)


class BatchedGccFeatures(nn.Module):
    """(batch, mics + pairs, frames, mel bands) of samples (batch, mics, n); see features.inputs.array_features."""

    def __init__(self, config: ArrayFeatureConfig | None = None) -> None:
        super().__init__()
        self.config = config or ArrayFeatureConfig()
        self.stft = BatchedStft(self.config.fft_length, self.config.window_length, self.config.hop_length)
        self.register_buffer("mel", torch.from_numpy(array_mel(self.config).T.copy()), persistent=False)

    def forward(self, samples: torch.Tensor) -> torch.Tensor:
        spectra, lags = self.stft(samples), self.config.mel_bands
        pairs = list(combinations(range(spectra.shape[1]), 2))
        first, second = [m for m, _ in pairs], [n for _, n in pairs]
        phase = torch.angle(spectra[:, first].conj() * spectra[:, second])
        correlation = torch.fft.irfft(
            torch.polar(torch.ones_like(phase), phase)
        )  # (batch, pairs, frames, fft_length)
        gcc = torch.cat([correlation[..., -(lags // 2) :], correlation[..., : lags - lags // 2]], -1)
        return torch.cat([decibels(power(spectra) @ self.get_buffer("mel")), gcc], 1)


class BatchedSalsaLite(nn.Module):
    """(batch, 2 mics - 1, frames, bins) of samples (batch, mics, n); see features.inputs.array_features."""

    def __init__(self, config: ArrayFeatureConfig | None = None) -> None:
        super().__init__()
        self.config = config or ArrayFeatureConfig()
        self.stft = BatchedStft(self.config.fft_length, self.config.window_length, self.config.hop_length)
        first, phase_end, end = self.config.bins
        frequency_hz = torch.arange(first, end) * (self.config.sample_rate_hz / self.config.fft_length)
        path_m = self.config.sound_speed_mps / (2 * torch.pi * frequency_hz)
        path_m[phase_end - first :] = 0.0
        self.register_buffer("path_m_per_radian", path_m, persistent=False)  # (bins,)

    def forward(self, samples: torch.Tensor) -> torch.Tensor:
        first, _, end = self.config.bins
        spectra = self.stft(samples)[..., first:end]
        phase = torch.angle(spectra[:, 1:] * spectra[:, :1].conj())
        return torch.cat([decibels(power(spectra)), phase * self.get_buffer("path_m_per_radian")], 1)


class BatchedColocFeatures(nn.Module):
    """(batch, 11, frames, bins) of FOA samples (batch, 4, n); see features.inputs.coloc_features."""

    def __init__(self, config: ColocFeatureConfig | None = None) -> None:
        super().__init__()
        self.config = config or ColocFeatureConfig()
        self.stft = BatchedStft(self.config.fft_length, self.config.window_length, self.config.hop_length)

    def forward(self, samples: torch.Tensor) -> torch.Tensor:
        spectra = self.stft(samples)
        return torch.cat(
            [decibels(power(spectra)), torch.angle(spectra), intensity(spectra, self.config.intensity)], 1
        )


def power(spectra: torch.Tensor) -> torch.Tensor:
    """Squared magnitude."""
    return spectra.real.square() + spectra.imag.square()


def decibels(values: torch.Tensor) -> torch.Tensor:
    """10 log10, floored as in features.spectra.centred_stft."""
    return 10.0 * torch.log10(values.clamp_min(POWER_FLOOR))


def intensity(spectra: torch.Tensor, divided_by: str) -> torch.Tensor:
    """(batch, 3, frames, bins) of FOA spectra (batch, 4, frames, bins); see features.inputs.foa_features.intensity."""
    flow = (spectra[:, :1].conj() * spectra[:, 1:]).real
    if divided_by == "vector":
        scale = flow.square().sum(1, keepdim=True).sqrt()
    else:
        energy = power(spectra)
        scale = energy[:, :1] + energy[:, 1:].sum(1, keepdim=True) / 3.0
    return flow / (scale + SMALLEST)
