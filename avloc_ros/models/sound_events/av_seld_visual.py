"""The eyes of av_seld: 360-degree pictures to one embedding per label frame (docs/papers.md: av_seld)."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise

import torch
import torch.nn.functional as fn
from torch import Tensor, nn

from avloc_ros.config import setting
from avloc_ros.models.sound_events import i3d, resnet50
from avloc_ros.models.sound_events.conformer import Conformer, ConformerConfig

HALF_PX = 224  # the public networks were trained on squares of this size


@dataclass(frozen=True)
class VisualEncoderConfig:
    """Which trunk looks at the pictures, and what follows it."""

    width: int = setting(512, "numbers of one embedding", low=8, high=8192)
    picture_width: int = setting(448, "pixels over 360 degrees", low=32, high=4096)
    picture_height: int = setting(224, "pixels from top to bottom", low=32, high=4096)
    plain_channels: tuple[int, ...] = setting(
        (24, 48, 96, 128, 128), "channels of the plain trunk; each block halves the picture"
    )
    plain_columns: int = setting(
        14, "columns in which the plain trunk keeps what it saw apart", low=1, high=448
    )
    every: int = setting(1, "the plain trunk looks at every n-th picture of a chunk and keeps what it saw", low=1, high=100)
    resnet50_weights: str = setting(
        "", "state dict of a public ResNet-50 (torchvision's names); empty: from nothing"
    )
    i3d_weights: str = setting("", "state dict of a public I3D RGB network; empty: from nothing")
    train_trunk: bool = setting(True, "whether a ResNet-50 or I3D trunk learns, or stays as it was loaded")
    conformer: ConformerConfig = field(default_factory=ConformerConfig)


class PlainTrunk(nn.Module):
    """A small network for pictures, trained from nothing: azimuth stays readable, because columns are kept apart."""

    def __init__(self, config: VisualEncoderConfig) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for before, after in pairwise([3, *config.plain_channels]):
            layers += [nn.Conv2d(before, after, 3, 2, 1, bias=False), nn.BatchNorm2d(after), nn.ReLU()]
        self.layers = nn.Sequential(*layers)
        columns = config.picture_width >> len(config.plain_channels)
        if columns % config.plain_columns:
            raise ValueError(
                f"the plain trunk ends with {columns} columns, which {config.plain_columns} do not divide"
            )
        self.pool_px = columns // config.plain_columns
        self.features, self.every = config.plain_channels[-1] * config.plain_columns, config.every

    def forward(self, pictures: Tensor, looked_at_only: int = 0) -> Tensor:
        """(batch, frames, features) of pictures (batch, frames, 3, height, width), RGB in [0, 1].

        looked_at_only: the pictures are those alone that it looks at, of so many frames; 0: they are all there.
        """
        frames = looked_at_only or pictures.shape[1]
        looked_at = pictures if looked_at_only else pictures[:, :: self.every]
        batch, looks = looked_at.shape[:2]
        images = (looked_at.flatten(0, 1) * 2.0 - 1.0).contiguous(memory_format=torch.channels_last)  # faster on a CPU
        maps = self.layers(images).mean(2)  # (batch * looks, channels, columns)
        seen = fn.avg_pool1d(maps, self.pool_px).reshape(batch, looks, self.features)
        return seen if self.every == 1 else seen.repeat_interleave(self.every, 1)[:, :frames]


class ResNet50Trunk(nn.Module):
    """ResNet-50 per picture; the final pool is 7x7 with stride 7, so left and right stay apart."""

    features = 2 * resnet50.FEATURES

    def __init__(self, config: VisualEncoderConfig) -> None:
        super().__init__()
        self.network = resnet50.ResNet50()
        if config.resnet50_weights:
            resnet50.load_public_weights(self.network, config.resnet50_weights, unused=("fc.",))

    def forward(self, pictures: Tensor) -> Tensor:
        """(batch, frames, 4096) of pictures (batch, frames, 3, 224, 448), RGB in [0, 1]."""
        batch, frames = pictures.shape[:2]
        halves = fn.avg_pool2d(self.network(pictures.flatten(0, 1)), 7, 7)  # (batch * frames, 2048, 1, 2)
        return halves[:, :, 0].transpose(1, 2).reshape(batch, frames, self.features)


class I3dTrunk(nn.Module):
    """I3D on the left and the right half, interpolated in time to one vector per picture."""

    features = 2 * i3d.FEATURES

    def __init__(self, config: VisualEncoderConfig) -> None:
        super().__init__()
        self.network = i3d.I3d()
        if config.i3d_weights:
            resnet50.load_public_weights(self.network, config.i3d_weights, unused=("logits.",))

    def forward(self, pictures: Tensor) -> Tensor:
        """(batch, frames, 2048) of pictures (batch, frames, 3, 224, 448), RGB in [0, 1]."""
        clips = pictures.transpose(1, 2)  # (batch, 3, frames, 224, 448)
        halves = [
            self.network(clips[..., :HALF_PX]),
            self.network(clips[..., HALF_PX:]),
        ]  # each (batch, steps, 1024)
        steps = torch.cat(halves, 2).transpose(1, 2)
        return fn.interpolate(steps, pictures.shape[1], mode="linear", align_corners=False).transpose(1, 2)


Trunk = PlainTrunk | ResNet50Trunk | I3dTrunk
TRUNKS: dict[str, type[PlainTrunk] | type[ResNet50Trunk] | type[I3dTrunk]] = {
    "plain": PlainTrunk,
    "resnet50": ResNet50Trunk,
    "i3d": I3dTrunk,
}


class VisualEncoder(nn.Module):
    """Embeddings (batch, frames, width); a Conformer follows the trunks that look at single pictures."""

    def __init__(self, kind: str, config: VisualEncoderConfig) -> None:
        super().__init__()
        self.trunk: Trunk = TRUNKS[kind](config)
        self.frozen = kind != "plain" and not config.train_trunk
        self.linear = nn.Linear(self.trunk.features, config.width)
        self.conformer = nn.Identity() if kind == "i3d" else Conformer(config.width, config.conformer)
        self.norm = nn.LayerNorm(config.width)

    def forward(self, pictures: Tensor, looked_at_only: int = 0) -> Tensor:
        """Of pictures (batch, frames, 3, height, width), RGB in [0, 1]; looked_at_only: see PlainTrunk, others see all."""
        if self.frozen:
            self.trunk.eval()
            with torch.no_grad():
                seen = self.trunk(pictures)
        elif isinstance(self.trunk, PlainTrunk):
            seen = self.trunk(pictures, looked_at_only)
        else:
            seen = self.trunk(pictures)
        return self.norm(self.conformer(self.linear(seen)))
