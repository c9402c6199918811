"""What a 360-degree picture shows of each class, and where: a map of logits over the sphere instead of one embedding.

Nothing is pooled over azimuth or elevation: a cell of the map is 8 pixels wide and high, and tells where within itself.
Only a belt around the horizon is looked at, where things stand that sound.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

import torch
import torch.nn.functional as fn
from torch import Tensor, nn

from avloc_ros.config import setting
from avloc_ros.types import InputError


@dataclass(frozen=True)
class SeenEventsConfig:
    """Size of the eyes that point."""

    picture_width: int = setting(224, "pixels over 360 degrees", low=32, high=4096)
    picture_height: int = setting(112, "pixels from top to bottom", low=16, high=2048)
    every: int = setting(3, "they look at every n-th picture of a chunk", low=1, high=100)
    belt_px: int = setting(56, "rows around the horizon that it looks at", low=8, high=2048)
    channels: tuple[int, ...] = setting((8, 16, 32), "channels of the blocks that halve the picture")
    context_channels: int = setting(64, "channels of the two layers behind them", low=1, high=4096)
    rarest: float = setting(
        1e-3, "share of the cells in which a class is thought to sound before anything is learnt", low=1e-6, high=0.5
    )

    @property
    def columns(self) -> int:
        """Cells over 360 degrees."""
        return self.picture_width >> len(self.channels)

    @property
    def rows(self) -> int:
        """Cells from the top to the bottom of the belt."""
        return self.belt_px >> len(self.channels)

    @property
    def cell_rad(self) -> float:
        """Width and height of a cell as an angle."""
        return 2 * math.pi / self.columns

    def __post_init__(self) -> None:
        step = 1 << len(self.channels)
        if self.picture_width != 2 * self.picture_height:
            raise InputError(f"picture_height is {self.picture_height}: need half of picture_width, {self.picture_width}")
        if self.picture_width % step or self.belt_px % step or (self.picture_height - self.belt_px) % 2:
            raise InputError(f"picture_width {self.picture_width} and belt_px {self.belt_px} need multiples of {step}")
        if self.belt_px > self.picture_height:
            raise InputError(f"belt_px is {self.belt_px}: need at most picture_height, {self.picture_height}")


class RoundConvolution(nn.Module):
    """A convolution 3x3 on a panorama, whose left and right edges are neighbours; BatchNorm and ReLU."""

    def __init__(self, before: int, after: int, stride: int) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(before, after, 3, stride, padding=(1, 0), bias=False)
        self.norm = nn.BatchNorm2d(after)

    def forward(self, maps: Tensor) -> Tensor:
        return fn.relu(self.norm(self.convolution(torch.cat([maps[..., -1:], maps, maps[..., :1]], 3))))


class FirstLook(nn.Module):
    """Maps (batch * looks, channels, height / 2, width / 2) of the colours, and of what moved since or until the next look."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.colours = nn.Conv2d(3, channels, 3, 2, 1, bias=False)
        self.movement = nn.Conv2d(1, channels, 3, 1, 1, bias=False)
        self.norm = nn.BatchNorm2d(channels)

    def forward(self, pictures: Tensor) -> Tensor:
        images = pictures.flatten(0, 1).contiguous(memory_format=torch.channels_last)  # faster on a CPU
        return fn.relu(self.norm(self.colours(images) + self.movement(moved(pictures).flatten(0, 1))))


def moved(pictures: Tensor) -> Tensor:
    """(batch, looks, 1, height / 2, width / 2): by how much the brightness differs from the looks before and after, at most."""
    grey = fn.avg_pool2d(pictures.mean(2), 2)[:, :, None]
    if grey.shape[1] == 1:
        return torch.zeros_like(grey)
    steps = (grey[:, 1:] - grey[:, :-1]).abs()  # (batch, looks - 1, 1, height / 2, width / 2)
    return torch.maximum(torch.cat([steps[:, :1], steps], 1), torch.cat([steps, steps[:, -1:]], 1))


class SeenEvents(nn.Module):
    """Logits (batch, looks, classes, rows, columns) that a class sounds in a cell, and offsets (batch, looks, 2, rows, columns).

    pictures: (batch, looks, 3, height, width), RGB in [0, 1]. offsets: of the place in a cell from its middle, in half cells,
    to the right and down. Beside the colours it sees what differs from the look before or after: things move while they sound.
    """

    def __init__(self, classes: int, config: SeenEventsConfig) -> None:
        super().__init__()
        self.classes, self.config = classes, config
        self.above = (config.picture_height - config.belt_px) // 2
        sizes = config.channels
        layers: list[nn.Module] = [FirstLook(sizes[0])]
        layers += [RoundConvolution(before, after, 2) for before, after in pairwise(sizes)]
        layers.append(RoundConvolution(sizes[-1], config.context_channels, 1))
        layers.append(RoundConvolution(config.context_channels, config.context_channels, 1))
        self.layers = nn.Sequential(*layers)
        self.out = nn.Conv2d(config.context_channels, classes + 2, 1)
        nn.init.constant_(self.out.bias[:classes], float(torch.logit(torch.tensor(config.rarest))))  # type: ignore[index]

    def forward(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        belt = pictures[:, :, :, self.above : self.above + self.config.belt_px]
        maps = self.out(self.layers(belt)).unflatten(0, pictures.shape[:2])
        return maps[:, :, : self.classes], maps[:, :, self.classes :].tanh()


def seen_directions(offsets: Tensor, config: SeenEventsConfig) -> Tensor:
    """Unit vectors (batch, looks, rows, columns, 3), array frame, of offsets (batch, looks, 2, rows, columns) of SeenEvents."""
    row, column = (torch.arange(n, device=offsets.device, dtype=offsets.dtype) for n in (config.rows, config.columns))
    row, column = row[:, None] + 0.5 + offsets[:, :, 1] / 2, column + 0.5 + offsets[:, :, 0] / 2
    azimuth, elevation = math.pi - column * config.cell_rad, (config.rows / 2 - row) * config.cell_rad
    level = torch.cos(elevation)
    return torch.stack([level * torch.cos(azimuth), level * torch.sin(azimuth), torch.sin(elevation)], -1)


def cells_of(directions: Tensor, config: SeenEventsConfig) -> tuple[Tensor, Tensor]:
    """Cells int64 (...) in row-major order, -1 outside of the belt, and offsets (..., 2) in them, of unit vectors (..., 3)."""
    azimuth, elevation = torch.atan2(directions[..., 1], directions[..., 0]), torch.asin(directions[..., 2].clamp(-1.0, 1.0))
    place = torch.stack([(math.pi - azimuth) / config.cell_rad, config.rows / 2 - elevation / config.cell_rad], -1)
    whole = place.floor()
    column, row = whole[..., 0].long() % config.columns, whole[..., 1].long()
    inside = (row >= 0) & (row < config.rows)
    return torch.where(inside, row * config.columns + column, -1), (place - whole - 0.5) * 2
