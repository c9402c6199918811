"""The features of features/inputs/direction_features.py for a whole batch in torch, on the GPU where there is one (FOA only)."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from avloc_ros.features.inputs.direction_features import SMALLEST_POWER, DirectionFeaturesConfig, mel_filters
from avloc_ros.features.inputs.foa_encoder import FoaEncoder
from avloc_ros.types import InputError


class BatchedDirectionFeatures(nn.Module):
    """(batch, 7, frames, bands) of samples (batch, sound channels, n): four log-mel spectra, then intensity along x, y, z.

    encoder: makes FOA of a microphone array's sound; None: the sound is FOA. Raises InputError for features of microphones.
    """

    def __init__(self, config: DirectionFeaturesConfig, encoder: FoaEncoder | None = None) -> None:
        super().__init__()
        if config.kind != "foa":
            raise InputError(f"features.kind '{config.kind}': batches have features of kind foa only")
        self.config = config
        shape = np.hanning(config.window_length + 1)[:-1].astype(np.float32)
        self.register_buffer("window", torch.from_numpy(shape * (2 / shape.sum())), persistent=False)
        filters = torch.from_numpy(mel_filters(config).astype(np.float32))  # (bins, bands)
        self.register_buffer("filters", filters, persistent=False)
        matrix = np.eye(4)[None].repeat(len(filters), 0) if encoder is None else encoder.matrix  # (bins, 4, mics)
        self.register_buffer("matrix", torch.from_numpy(matrix.astype(np.complex64)), persistent=False)

    def forward(self, samples: Tensor) -> Tensor:
        config, filters = self.config, self.get_buffer("filters")
        frames = samples.shape[2] // config.hop_length
        padded = nn.functional.pad(samples, (config.lead, config.window_length))[..., : config.span(frames)]
        pieces = padded.unfold(2, config.window_length, config.hop_length) * self.get_buffer("window")
        spectra = torch.fft.rfft(pieces, config.fft_length)  # (batch, sound channels, frames, bins)
        foa = torch.einsum("bcm,nmtb->nctb", self.get_buffer("matrix"), spectra)
        power = foa.real.square() + foa.imag.square()
        log_mel = torch.log10(power @ filters + SMALLEST_POWER)
        w, yzx = foa[:, :1], foa[:, 1:]
        towards = (w.real * yzx.real + w.imag * yzx.imag) @ filters  # (batch, 3, frames, bands)
        energy = 0.5 * power.sum(dim=1, keepdim=True) @ filters
        return torch.cat([log_mel, towards[:, [2, 0, 1]] / (energy + SMALLEST_POWER)], 1)
