"""The CNN-Conformer that hears (docs/papers.md: av_seld)."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise

from torch import Tensor, nn

from avloc_ros.config import setting
from avloc_ros.models.sound_events.conformer import Conformer, ConformerConfig


@dataclass(frozen=True)
class AudioEncoderConfig:
    """Size of the audio encoder; every block halves time and frequency, the last one's channels are the embedding."""

    feature_channels: int = setting(7, "channels of the features", low=1, high=256)
    channels: tuple[int, ...] = setting((64, 128, 256, 512), "channels of the convolutional blocks")
    bands_kept: int = setting(
        1, "bands that stay apart behind the blocks, brought to the embedding by a linear layer; 1: their mean", low=1, high=512
    )
    embedding: int = setting(0, "numbers of one embedding, with bands kept; 0: as many as channels", low=0, high=8192)
    conformer: ConformerConfig = field(default_factory=ConformerConfig)

    @property
    def width(self) -> int:
        """Numbers of one embedding."""
        return self.embedding or self.channels[-1]

    @property
    def hops_per_frame(self) -> int:
        """Analysis frames that become one label frame."""
        return int(2 ** len(self.channels))


class ResidualBlock(nn.Module):
    """Two convolutions 3x3 with BatchNorm and ReLU, average-pooled by 2, plus a strided 1x1 of the input."""

    def __init__(self, before: int, after: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(before, after, 3, padding=1, bias=False),
            nn.BatchNorm2d(after),
            nn.ReLU(),
            nn.Conv2d(after, after, 3, padding=1, bias=False),
            nn.BatchNorm2d(after),
            nn.ReLU(),
            nn.AvgPool2d(2),
        )
        self.residual = nn.Sequential(
            nn.Conv2d(before, after, 1, stride=2, bias=False), nn.BatchNorm2d(after)
        )

    def forward(self, maps: Tensor) -> Tensor:
        return self.layers(maps) + self.residual(maps)


class AudioEncoder(nn.Module):
    """Embeddings (batch, label frames, width) of features (batch, channels, analysis frames, bands)."""

    def __init__(self, config: AudioEncoderConfig) -> None:
        super().__init__()
        sizes = [config.feature_channels, *config.channels]
        self.blocks = nn.Sequential(*(ResidualBlock(before, after) for before, after in pairwise(sizes)))
        self.bands_kept, joint = config.bands_kept, config.channels[-1] * config.bands_kept
        self.linear = nn.Identity() if joint == config.width else nn.Linear(joint, config.width)
        self.conformer = Conformer(config.width, config.conformer)
        self.norm = nn.LayerNorm(config.width)

    def forward(self, features: Tensor) -> Tensor:
        maps = self.blocks(features)  # (batch, channels, label frames, bands)
        kept = maps.unflatten(3, (self.bands_kept, -1)).mean(4)  # (batch, channels, label frames, bands kept)
        return self.norm(self.conformer(self.linear(kept.transpose(1, 2).flatten(2))))
