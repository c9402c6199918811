"""From masks to maps inside a network: the differentiable form of features.directions.masked_srp, for training (torch)."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from avloc_ros.features.directions.masked_srp import sum_under_masks
from avloc_ros.features.directions.srp_phat import SrpPhat
from avloc_ros.features.inputs.any_array_layout import (
    BANDS,
    COLS,
    HOPS,
    LOWEST_HZ,
    MAP_ROWS,
    MOST_PAIRS,
    WINDOW_S,
    MapLayout,
    fixed_masks,
    map_directions,
)
from avloc_ros.features.spectra.mel import band_spread
from avloc_ros.microphone_array import MicrophoneArray

ASSUMED_RANGE_M = 2.0


class ArraySteering:
    """What is computed once per array: pairs, projection (2 bins, rank), steering (pairs, rank, cells), as tensors."""

    def __init__(
        self,
        array: MicrophoneArray,
        frequencies_hz: np.ndarray,
        range_m: float = ASSUMED_RANGE_M,
        device: torch.device | str = "cpu",
    ) -> None:
        srp = SrpPhat(array, frequencies_hz, map_directions() * range_m)
        self.first = torch.as_tensor(srp.first, device=device)
        self.second = torch.as_tensor(srp.second, device=device)
        self.projection = torch.as_tensor(np.asarray(srp.projection), device=device)
        self.steering = torch.as_tensor(np.asarray(srp.steering), device=device).unflatten(0, (srp.pairs, srp.rank))
        self.aperture_m = array.aperture_m

    def some_pairs(self, count: int, generator: torch.Generator | None = None) -> Tensor:
        """Indices (pairs,) of at most `count` drawn pairs."""
        return torch.randperm(len(self.first), generator=generator)[:count]


class MaskedMaps(nn.Module):
    """Phases and learnt masks of a stretch of sound -> maps and facts of every frame."""

    spread: Tensor
    fixed: Tensor
    decay: Tensor  # (maps, frames, frames)
    length: Tensor

    def __init__(self, frequencies_hz: np.ndarray, frames: int) -> None:
        super().__init__()
        layout = MapLayout.standard()
        in_band = (frequencies_hz >= LOWEST_HZ).astype(np.float32)
        self.register_buffer("spread", torch.as_tensor(band_spread(frequencies_hz, BANDS) * in_band))
        self.register_buffer("fixed", torch.as_tensor(fixed_masks(frequencies_hz) * in_band))
        self.masks = torch.as_tensor(layout.masks)
        keep = torch.exp(-WINDOW_S / torch.as_tensor(layout.memory_s, dtype=torch.float32))
        age = torch.arange(frames)[:, None] - torch.arange(frames)[None]
        decay = keep[:, None, None] ** age.clamp(min=0) * (age >= 0)  # (maps, frames, frames)
        self.register_buffer("decay", decay)
        self.register_buffer("length", 1 / (1 - keep))
        self.bins = float(in_band.sum())

    def forward(
        self, phases: Tensor, masks: Tensor, array: ArraySteering, pairs: Tensor, at: Tensor
    ) -> tuple[Tensor, Tensor]:
        """phases: complex (frames, HOPS, channels, bins); masks: (frames * HOPS, LEARNT, BANDS); at: (n,) frames ->

        maps (n, maps, MAP_ROWS, COLS), facts (n, FACTS) of the frames `at`; all frames before them count.
        """
        frames = len(phases)
        cross = phases[:, :, array.first[pairs]] * phases[:, :, array.second[pairs]].conj()
        ri = torch.cat([cross.real, cross.imag], dim=-1)  # (frames, HOPS, pairs, 2 bins)
        learnt = (masks @ self.spread).unflatten(0, (frames, HOPS))
        everything = ri.sum(1)[:, None] * self.fixed.repeat(1, 2)[:, None]  # (frames, 2, pairs, 2 bins)
        summed = torch.cat([sum_under_masks(ri, learnt), everything], dim=1)  # (frames, masks, pairs, 2 bins)
        fixed_weights = HOPS * self.fixed.sum(-1).expand(frames, -1)
        weights = torch.cat([learnt.sum((1, 3)), fixed_weights], dim=1)[:, self.masks]  # (frames, maps)
        vectors = (summed @ array.projection).flatten(2)[:, self.masks]  # (frames, maps, pairs * rank)
        decay = self.decay[:, :frames, :frames][:, at]  # (maps, n, frames)
        vectors = torch.einsum("mts,smv->tmv", decay, vectors)
        weights = torch.einsum("mts,sm->tm", decay, weights)
        maps = vectors @ array.steering[pairs].flatten(0, 1) / (len(pairs) * weights[..., None] + 1e-6)
        amount = torch.log10(weights / (self.length * HOPS * self.bins) + 1e-3)
        about = torch.tensor([np.log2(min(len(pairs), MOST_PAIRS)) / 4, np.log(array.aperture_m / 0.1)], dtype=torch.float32)
        about = about.to(maps.device)
        facts = torch.cat([about.expand(len(at), -1), amount, 5 * maps.std(-1)], dim=1)
        return maps.unflatten(-1, (MAP_ROWS, COLS)), facts
