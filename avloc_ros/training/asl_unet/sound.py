"""What asl_unet hears, of many windows at once in torch: the features of features.inputs.asl_unet_audio, on a GPU too."""

from __future__ import annotations

import functools

import torch
from torch import Tensor

from avloc_ros.features.directions.steered_beams import BeamFan, steering_of
from avloc_ros.features.inputs.asl_unet_audio import FULL_SCALE, SMALLEST_MAGNITUDE, SegmentAudioConfig
from avloc_ros.types import InputError


def sound_features(windows: Tensor, config: SegmentAudioConfig) -> Tensor:
    """(batch, channels, bins, spectra) of windows (batch, samples, microphones), as segment_features has them one by one.

    Raises InputError on windows of another shape.
    """
    if tuple(windows.shape[1:]) != (config.window_samples, config.microphones):
        raise InputError(
            f"windows of {tuple(windows.shape[1:])}: need {config.window_samples} samples of {config.microphones} microphones"
        )
    if config.full_scale:
        windows = windows * (FULL_SCALE / windows.abs().amax((1, 2), keepdim=True).clamp(min=1e-6))
    spectra = _spectra(windows, config)  # (batch, microphones, bins, spectra)
    features = [torch.log10(spectra.abs() + SMALLEST_MAGNITUDE)]
    if config.phase:
        difference = torch.angle(spectra[:, 1:] * spectra[:, :1].conj())
        features += [difference.cos(), difference.sin()]
    features = [_banded(torch.cat(features, 1), config.bands)]
    if config.beams:
        features.append(_banded(_beams(spectra, config.fan), config.bands))
    return torch.cat(features, 1)


def _spectra(windows: Tensor, config: SegmentAudioConfig) -> Tensor:
    batch, samples, microphones = windows.shape
    found = torch.stft(
        windows.transpose(1, 2).reshape(-1, samples),
        config.fft_length,
        config.hop_length,
        window=torch.hann_window(config.fft_length, device=windows.device),
        center=True,
        pad_mode="reflect",
        return_complex=True,
    )
    return found.view(batch, microphones, *found.shape[1:])


def _beams(spectra: Tensor, fan: BeamFan) -> Tensor:
    """(batch, beams, bins, spectra): steered power of whitened spectra."""
    microphones = spectra.shape[1]
    units = spectra / spectra.abs().clamp(min=1e-9)
    aligned = torch.einsum("fdm,bmft->bdft", _steering(fan, microphones, spectra.device), units)
    return ((aligned.real**2 + aligned.imag**2) / microphones - 1) / (microphones - 1)


def _banded(features: Tensor, bands: int) -> Tensor:
    """Means of neighbouring bins, without the lowest: (batch, channels, bands, spectra)."""
    return features[:, :, 1:].unflatten(2, (bands, -1)).mean(3) if bands else features


@functools.lru_cache(maxsize=8)
def _steering(fan: BeamFan, microphones: int, device: torch.device) -> Tensor:
    return torch.from_numpy(steering_of(fan, microphones)).to(device)
