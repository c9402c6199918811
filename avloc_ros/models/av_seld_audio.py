"""The CNN-Conformer that hears (specs: av_seld, Audio encoder)."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise

from torch import Tensor, nn

from avloc_ros.config import setting
from avloc_ros.models.conformer import Conformer, ConformerConfig


@dataclass(frozen=True)
class AudioEncoderConfig:
    """Size of the audio encoder; every block halves time and frequency, the last one's channels are the embedding."""

    feature_channels: int = setting(7, "channels of the features", low=1, high=256)
    channels: tuple[int, ...] = setting((64, 128, 256, 512), "channels of the convolutional blocks")
    conformer: ConformerConfig = field(default_factory=ConformerConfig)

    @property
    def width(self) -> int:
        """Numbers of one embedding."""
        return self.channels[-1]

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
        self.conformer = Conformer(config.width, config.conformer)
        self.norm = nn.LayerNorm(config.width)

    def forward(self, features: Tensor) -> Tensor:
        maps = self.blocks(features).mean(3)  # (batch, width, label frames)
        return self.norm(self.conformer(maps.transpose(1, 2)))
