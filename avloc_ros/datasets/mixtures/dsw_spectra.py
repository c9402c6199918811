"""The input of the DSW audio network for whole batches in torch; values are those of features.inputs.dsw_input."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from avloc_ros.features.inputs.dsw_input import DB_RANGE, DswInputConfig


def batched_frame_maps(samples: Tensor, config: DswInputConfig) -> Tensor:
    """Maps float32 (..., maps, bins) of samples (..., frame_samples, microphones); see features.inputs.dsw_input.frame_maps."""
    window = torch.from_numpy(np.hanning(config.frame_samples + 2)[1:-1].astype(np.float32)).to(samples.device)
    spectra = torch.fft.rfft(samples.transpose(-1, -2) * window, config.fft_length)[..., 1 : config.bins + 1]
    level_db = 20 * torch.log10(spectra.abs() * (2 / float(window.sum())) + 1e-9)
    magnitude = (1 + level_db / DB_RANGE).clamp(0.0, 1.0)
    if config.layout == "phase":
        return torch.cat([magnitude, spectra.angle() / torch.pi], -2)
    cross = spectra[..., 1:, :] * spectra[..., :1, :].conj()
    unit = cross / cross.abs().clamp_min(1e-20)
    return torch.cat([magnitude, unit.imag, unit.real], -2)
