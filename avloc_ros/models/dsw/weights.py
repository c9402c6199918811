"""The stream weight estimators of DSW (docs/papers.md: dsw; paper Fig. 3).

Networks are torch modules and are imported by offline rooms only; live, their ONNX export runs.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn


class SpatialWeight(nn.Module):
    """One modality's weight per cell: conv 3x3 - conv 3x3 - conv 1x1, ReLU between, sigmoid at the end.

    Takes (batch, channels, rows, cols) of any size and gives (batch, rows, cols) in [0, 1].
    """

    def __init__(self, channels: int, filters: Sequence[int]) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for before, after in pairwise([channels, *filters]):
            layers += [nn.Conv2d(before, after, 3, padding=1), nn.ReLU()]
        self.layers = nn.Sequential(*layers, nn.Conv2d([channels, *filters][-1], 1, 1))

    def forward(self, maps: Tensor) -> Tensor:
        """Weights (batch, rows, cols) of maps (batch, channels, rows, cols)."""
        return torch.sigmoid(self.layers(maps)).squeeze(1)


class ScalarWeight(nn.Module):
    """One weight lambda per moment for both modalities, the same in all cells (the spatially invariant variant).

    Per modality: flatten - `units[0]` - `units[1]` with BatchNorm and ReLU; both joined - `units[2]` ReLU - 1 sigmoid.
    """

    def __init__(self, channels: int, cells: int, units: Sequence[int]) -> None:
        super().__init__()
        first, second, joined = units
        self.audio, self.video = (
            nn.Sequential(
                nn.Flatten(),
                *_dense(channels * cells, first),
                *_dense(first, second),
            )
            for _ in range(2)
        )
        self.joined = nn.Sequential(nn.Linear(2 * second, joined), nn.ReLU(), nn.Linear(joined, 1))

    def forward(self, audio_maps: Tensor, video_maps: Tensor) -> Tensor:
        """lambda (batch,) in [0, 1] of the maps (batch, channels, rows, cols) of both modalities."""
        both = torch.cat([self.audio(audio_maps), self.video(video_maps)], dim=1)  # (batch, 2 * second)
        return torch.sigmoid(self.joined(both)).squeeze(1)


def _dense(inputs: int, outputs: int) -> list[nn.Module]:
    return [nn.Linear(inputs, outputs), nn.BatchNorm1d(outputs), nn.ReLU()]
