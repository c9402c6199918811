"""U-Net (Ronneberger, Fischer and Brox 2015), padded so that its masks have the size of its pictures."""

from __future__ import annotations

import torch
from torch import Tensor, nn


def padded_size(rows: int, cols: int, step: int) -> tuple[int, int]:
    """The smallest multiples of `step` that hold the picture."""
    return -(-rows // step) * step, -(-cols // step) * step


class DoubleConvolution(nn.Sequential):
    """Twice 3x3 convolution, batch normalisation and ReLU."""

    def __init__(self, channels: int, filters: int) -> None:
        super().__init__(
            nn.Conv2d(channels, filters, 3, padding=1, bias=False),
            nn.BatchNorm2d(filters),
            nn.ReLU(inplace=True),
            nn.Conv2d(filters, filters, 3, padding=1, bias=False),
            nn.BatchNorm2d(filters),
            nn.ReLU(inplace=True),
        )


class UNet(nn.Module):
    """width, 2 width, .. filters on the way down, twice as many at the bottleneck, the same on the way up, few outputs.

    bottleneck_extra: channels that join after the bottleneck, from another sense.
    """

    def __init__(
        self, channels: int, width: int = 64, levels: int = 4, bottleneck_extra: int = 0, outputs: int = 1
    ) -> None:
        super().__init__()
        filters = [width * 2**level for level in range(levels)]
        self.down = nn.ModuleList(
            DoubleConvolution(before, after) for before, after in zip([channels, *filters], filters, strict=False)
        )
        self.pool = nn.MaxPool2d(2)
        self.bottleneck = DoubleConvolution(filters[-1], 2 * filters[-1])
        inputs = [2 * filters[-1] + bottleneck_extra, *filters[:0:-1]]
        self.lift = nn.ModuleList(
            nn.ConvTranspose2d(before, after, 2, 2) for before, after in zip(inputs, filters[::-1], strict=True)
        )
        self.up = nn.ModuleList(DoubleConvolution(2 * after, after) for after in filters[::-1])
        self.output = nn.Conv2d(width, outputs, 1)

    def forward(self, image: Tensor, extra: Tensor | None = None) -> Tensor:
        """image (batch, channels, rows, cols), both multiples of 2 ** levels; extra (batch, extra, rows / 2 ** levels, ..).

        Returns logits (batch, outputs, rows, cols).
        """
        kept = []
        for block in self.down:
            image = block(image)
            kept.append(image)
            image = self.pool(image)
        image = self.bottleneck(image)
        if extra is not None:
            image = torch.cat([image, extra], dim=1)
        for lift, block, skip in zip(self.lift, self.up, reversed(kept), strict=True):
            image = block(torch.cat([skip, lift(image)], dim=1))
        return self.output(image)
