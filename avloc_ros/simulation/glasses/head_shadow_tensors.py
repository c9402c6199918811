"""The head's shadow of simulation.glasses.head_shadow for many places at once in torch, as spectra."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn.functional import normalize

from avloc_ros.microphone_array import SPEED_OF_SOUND_MPS
from avloc_ros.simulation.glasses.head_shadow import DARKEST_RAD, HEAD_RADIUS_M, LOWEST_GAIN


def shadow_gains(microphones_m: Tensor, sources_m: Tensor) -> Tensor:
    """High-frequency gains (.., microphones) of head_shadow; microphones_m (microphones, 3) and sources_m (.., 3) from the
    middle of the head, along its axes."""
    cosine = normalize(sources_m, dim=-1) @ normalize(microphones_m, dim=-1).T
    half = LOWEST_GAIN / 2
    return (1 + half) + (1 - half) * torch.cos(torch.arccos(cosine.clamp(-1, 1)) / DARKEST_RAD * math.pi)


def shadow_spectra(gains: Tensor, points: int, sample_rate_hz: int) -> Tensor:
    """Head_shadow's filter of those gains over rfft bins of `points`: complex (.., microphones, bins)."""
    k = sample_rate_hz * HEAD_RADIUS_M / SPEED_OF_SOUND_MPS
    angles = torch.arange(points // 2 + 1, device=gains.device) * (-2 * math.pi / points)
    late = torch.polar(torch.ones_like(angles), angles)  # one sample later
    gains = gains[..., None]
    return (1 + gains * k + (1 - gains * k) * late) / (1 + k + (1 - k) * late)
