"""DOAnet: a convolutional recurrent network that gives the directions of up to `tracks` sources per label frame."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn

from avloc_ros.config import setting


@dataclass(frozen=True)
class LocalizerNetworkConfig:
    """Sizes (docs/papers.md: diff_track). Feature frames per label frame: time_pooling."""

    feature_channels: int = setting(10, "7 for FOA, microphones + pairs else", low=1)
    bands: int = setting(64, "mel bands; a multiple of 8", low=8)
    tracks: int = setting(2, "sources at most", low=1, high=5)
    filters: int = setting(128, "of each of the three convolutions", low=4, high=1024)
    recurrent: int = setting(128, "width of the recurrent layers, per direction of time", low=4, high=1024)
    time_pooling: int = setting(5, "feature frames per label frame", low=1, high=100)
    dropout: float = setting(0.0, "after each pooling", low=0.0, high=0.9)
    causal: bool = setting(False, "look at the past only: one direction of time, for the live path")


class Located(NamedTuple):
    """directions: (batch, frames, tracks, 3), each component in [-1, 1]; activity: logits (batch, frames, tracks)."""

    directions: Tensor
    activity: Tensor


class LocalizerNetwork(nn.Module):
    """Three convolutions, two recurrent layers whose two directions of time are multiplied, two heads.

    mean, deviation: buffers (channels, bands) that bring the features to a common scale, set by training.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self, config: LocalizerNetworkConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or LocalizerNetworkConfig()
        shape = (config.feature_channels, 1, config.bands)
        self.register_buffer("mean", torch.zeros(shape))
        self.register_buffer("deviation", torch.ones(shape))
        self.convolutions = nn.Sequential(
            *self._block(config.feature_channels, (config.time_pooling, 2)),
            *self._block(config.filters, (1, 2)),
            *self._block(config.filters, (1, 2)),
        )
        self.recurrent = nn.GRU(
            config.filters * (config.bands // 8),
            config.recurrent,
            num_layers=2,
            batch_first=True,
            bidirectional=not config.causal,
        )
        self.direction_head = self._head(3 * config.tracks)
        self.activity_head = self._head(config.tracks)

    def forward(self, features: Tensor) -> Located:
        """features (batch, channels, feature frames, bands)."""
        return self.followed(self.maps(features))

    def maps(self, features: Tensor) -> Tensor:
        """What the convolutions make of features: (batch, filters, frames, bands / 8)."""
        return self.convolutions((features - self.mean) / self.deviation)

    def followed(self, maps: Tensor) -> Located:
        """Directions and activities of what the convolutions say."""
        sequence, _ = self.recurrent(maps.permute(0, 2, 1, 3).flatten(2))
        sequence = torch.tanh(sequence)
        if not self.config.causal:
            forward, backward = sequence.chunk(2, dim=-1)
            sequence = forward * backward
        return self.heads(sequence)

    def heads(self, sequence: Tensor) -> Located:
        """Directions and activities of what the recurrent layers say, (batch, frames, recurrent)."""
        vectors = torch.tanh(self.direction_head(sequence)).unflatten(2, (self.config.tracks, 3))
        return Located(vectors, self.activity_head(sequence))

    def _block(self, channels: int, pooling: tuple[int, int]) -> list[nn.Module]:
        filters = self.config.filters
        before = (1, 1, 2, 0) if self.config.causal else (1, 1, 1, 1)  # bands left, right; time before, after
        return [
            nn.ZeroPad2d(before),
            nn.Conv2d(channels, filters, 3),
            nn.BatchNorm2d(filters),
            nn.MaxPool2d(pooling),
            nn.ReLU(),  # after the pooling the same, of a tenth of the values
            nn.Dropout(self.config.dropout),
        ]

    def _head(self, outputs: int) -> nn.Sequential:
        width = self.config.recurrent
        return nn.Sequential(nn.Linear(width, width), nn.Linear(width, outputs))
