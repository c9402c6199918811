"""The audio tracker of DSW: a DOAnet-like CRNN from spectra to the image grid (docs/papers.md: dsw)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn

from avloc_ros.config import setting
from avloc_ros.models.dsw.fusion import initialise_glorot
from avloc_ros.types import InputError


@dataclass(frozen=True)
class AudioNetworkConfig:
    """Every number of the audio network. Its input (batch, maps, frames, bins) is what features/inputs/dsw_input.py makes."""

    filters: int = setting(64, "filters of each 3x3 convolution", low=1, high=1024)
    pooling: tuple[int, ...] = setting((8, 8, 4, 2), "max-pooling over frequency after each convolution")
    dropout: float = setting(0.5, "dropout after each pooling", low=0.0, high=0.95)
    gru_units: int = setting(64, "units of the GRU per direction", low=1, high=4096)
    gru_layers: int = setting(2, "layers of the GRU", low=1, high=8)
    hidden: tuple[int, ...] = setting((2048, 1024, 512), "units of the dense layers")
    rows: int = setting(20, "rows of the grid", low=2, high=200)
    cols: int = setting(24, "columns of the grid", low=2, high=200)


class AudioNetwork(nn.Module):
    """(batch, maps, frames, bins) to the probability of a talker in each cell (batch, rows, cols)."""

    def __init__(self, config: AudioNetworkConfig, maps: int, frames: int, bins: int) -> None:
        """Raises InputError where the bins cannot be pooled that far."""
        super().__init__()
        self.config = config
        pooled = math.prod(config.pooling)
        if bins % pooled:
            raise InputError(
                f"{bins} frequency bins cannot be pooled by {' x '.join(map(str, config.pooling))} = {pooled}: "
                "the bins must be a multiple of the product of `pooling`"
            )
        layers: list[nn.Module] = []
        for index, factor in enumerate(config.pooling):
            layers += [
                nn.Conv2d(config.filters if index else maps, config.filters, 3, padding=1),
                nn.BatchNorm2d(config.filters),
                nn.ReLU(),
                nn.MaxPool2d((1, factor)),
                nn.Dropout(config.dropout),
            ]
        self.convolutions = nn.Sequential(*layers)
        self.features = config.filters * bins // pooled  # per frame: 128 in the paper
        self.gru = nn.GRU(
            self.features, config.gru_units, config.gru_layers, batch_first=True, bidirectional=True
        )
        sizes = [frames * 2 * config.gru_units, *config.hidden]
        dense: list[nn.Module] = []
        for before, after in pairwise(sizes):
            dense += [nn.Linear(before, after), nn.ReLU()]
        self.dense = nn.Sequential(*dense, nn.Linear(sizes[-1], config.rows * config.cols))
        initialise_glorot(self)

    def forward(self, spectra: Tensor) -> Tensor:
        """Probability (batch, rows, cols) of spectra (batch, maps, frames, bins)."""
        return torch.sigmoid(self.logit(spectra))

    def logit(self, spectra: Tensor) -> Tensor:
        """Logits (batch, rows, cols) of spectra (batch, maps, frames, bins)."""
        sequence, _ = self.gru(self.per_frame(spectra))  # (batch, frames, 2 * units)
        return self.dense(sequence.flatten(1)).unflatten(1, (self.config.rows, self.config.cols))

    def per_frame(self, spectra: Tensor) -> Tensor:
        """What the convolutions hand to the GRU: (batch, frames, features)."""
        pooled = self.convolutions(spectra)  # (batch, filters, frames, bins / product of pooling)
        return pooled.transpose(1, 2).flatten(2)
