"""Inflated Inception I3D, RGB branch (Carreira and Zisserman 2017), with the parameter names of the public Kinetics weights.

Convolutions and pools pad as TensorFlow's SAME: what cannot be shared evenly goes to the end.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as fn
from torch import Tensor, nn

FEATURES = 1024
Triple = tuple[int, int, int]
# Per Inception module: filters of branch 0, 1 (reduce, out), 2 (reduce, out), 3 (paper Fig. 3; Szegedy et al. 2015).
MODULES: dict[str, tuple[int, int, int, int, int, int]] = {
    "Mixed_3b": (64, 96, 128, 16, 32, 32),
    "Mixed_3c": (128, 128, 192, 32, 96, 64),
    "Mixed_4b": (192, 96, 208, 16, 48, 64),
    "Mixed_4c": (160, 112, 224, 24, 64, 64),
    "Mixed_4d": (128, 128, 256, 24, 64, 64),
    "Mixed_4e": (112, 144, 288, 32, 64, 64),
    "Mixed_4f": (256, 160, 320, 32, 128, 128),
    "Mixed_5b": (256, 160, 320, 32, 128, 128),
    "Mixed_5c": (384, 192, 384, 48, 128, 128),
}
# Pools before a module: kernel and stride over (time, rows, columns).
POOLS: dict[str, tuple[Triple, Triple]] = {
    "Conv3d_2b_1x1": ((1, 3, 3), (1, 2, 2)),
    "Mixed_3b": ((1, 3, 3), (1, 2, 2)),
    "Mixed_4b": ((3, 3, 3), (2, 2, 2)),
    "Mixed_5b": ((2, 2, 2), (2, 2, 2)),
}


class Unit3D(nn.Module):
    """Convolution, BatchNorm and ReLU over (time, rows, columns)."""

    def __init__(
        self, channels: int, filters: int, kernel: Triple = (1, 1, 1), stride: Triple = (1, 1, 1)
    ) -> None:
        super().__init__()
        self.kernel, self.stride = kernel, stride
        self.conv3d = nn.Conv3d(channels, filters, kernel, stride=stride, bias=False)
        self.bn = nn.BatchNorm3d(filters, eps=0.001, momentum=0.01)

    def forward(self, maps: Tensor) -> Tensor:
        return fn.relu(self.bn(self.conv3d(pad_same(maps, self.kernel, self.stride))))


class InceptionModule(nn.Module):
    """Four branches side by side: 1x1; 1x1 - 3x3; 1x1 - 3x3; pool - 1x1."""

    def __init__(self, channels: int, filters: Sequence[int]) -> None:
        super().__init__()
        self.b0 = Unit3D(channels, filters[0])
        self.b1a, self.b1b = Unit3D(channels, filters[1]), Unit3D(filters[1], filters[2], (3, 3, 3))
        self.b2a, self.b2b = Unit3D(channels, filters[3]), Unit3D(filters[3], filters[4], (3, 3, 3))
        self.b3b = Unit3D(channels, filters[5])

    def forward(self, maps: Tensor) -> Tensor:
        pooled = pool_same(maps, (3, 3, 3), (1, 1, 1))
        return torch.cat(
            [self.b0(maps), self.b1b(self.b1a(maps)), self.b2b(self.b2a(maps)), self.b3b(pooled)], 1
        )


class Logits(nn.Module):
    """The classifier of the public weights; an encoder has no use for it."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.conv3d = nn.Conv3d(FEATURES, classes, 1)


class I3d(nn.Module):
    """Features (batch, steps, 1024) of clips (batch, 3, frames, 224, 224), RGB in [0, 1]; classes: as in ResNet50.

    An eighth of the frames, rounded up, less one for the final pool of two, are the steps: 30 frames give 3.
    """

    def __init__(self, classes: int = 0) -> None:
        super().__init__()
        self.Conv3d_1a_7x7 = Unit3D(3, 64, (7, 7, 7), (2, 2, 2))
        self.Conv3d_2b_1x1 = Unit3D(64, 64)
        self.Conv3d_2c_3x3 = Unit3D(64, 192, (3, 3, 3))
        channels = 192
        for name, filters in MODULES.items():
            self.add_module(name, InceptionModule(channels, filters))
            channels = filters[0] + filters[2] + filters[4] + filters[5]
        if classes:
            self.logits = Logits(classes)

    def forward(self, clips: Tensor) -> Tensor:
        maps = self.Conv3d_1a_7x7(2.0 * clips - 1.0)
        for name in ("Conv3d_2b_1x1", "Conv3d_2c_3x3", *MODULES):
            if name in POOLS:
                maps = pool_same(maps, *POOLS[name])
            maps = self.get_submodule(name)(maps)
        return fn.avg_pool3d(maps, (2, 7, 7), stride=1)[..., 0, 0].transpose(1, 2)


def pool_same(maps: Tensor, kernel: Triple, stride: Triple) -> Tensor:
    """Largest value under the kernel; values are not negative, so padding with zeros changes nothing."""
    return fn.max_pool3d(pad_same(maps, kernel, stride), kernel, stride)


def pad_same(maps: Tensor, kernel: Triple, stride: Triple) -> Tensor:
    """Zeros around (time, rows, columns) so that the result has size / stride, rounded up."""
    pads: list[int] = []
    for size, length, step in zip(maps.shape[2:], kernel, stride, strict=True):
        missing = max(length - (step if size % step == 0 else size % step), 0)
        pads = [missing // 2, missing - missing // 2, *pads]  # torch names the last axis first
    return fn.pad(maps, pads)
