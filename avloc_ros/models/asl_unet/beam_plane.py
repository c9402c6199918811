"""From sound steered to directions to a plane over the picture: the same small network at every direction."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from avloc_ros.models.asl_unet.line_filters import filters_along

BANDS = 8  # averages over frequency
PARTS = 3  # averages over time: before the picture, around it, after it
MAPS = 4  # of the answer at each direction, before it is drawn


class BeamPlane(nn.Module):
    """Where somebody speaks, drawn from beams: logits (batch, 1, rows, cols).

    A ResNet that averages over its maps forgets where a peak was, unless it learned a filter per direction; convolutions
    across directions know what a peak looks like after a minute. A linear layer then says which pixels a direction is.
    """

    def __init__(self, beams: int, rows: int, cols: int, filters: int = 32, reach: int = 5) -> None:
        super().__init__()
        self.beams, self.size = beams, (rows, cols)
        self.norm = nn.BatchNorm1d(BANDS * PARTS)
        self.across = filters_along(BANDS * PARTS, filters, MAPS, reach)
        self.to_plane = nn.Linear(MAPS * beams, rows * cols)

    def forward(self, sound: Tensor) -> Tensor:
        """sound (batch, channels, bins, spectra), its last channels the beams, from one side to the other."""
        maps = sound[:, -self.beams :]
        maps = maps[:, :, : maps.shape[2] // BANDS * BANDS].unflatten(2, (BANDS, -1)).mean(3)
        third = maps.shape[3] // PARTS
        parts = [maps[..., :third], maps[..., third:-third], maps[..., -third:]]
        means = torch.stack([part.mean(3) for part in parts], dim=3)  # (batch, beams, BANDS, PARTS)
        across = self.across(self.norm(means.flatten(2).transpose(1, 2)))  # (batch, MAPS, beams)
        return self.to_plane(across.flatten(1)).view(-1, 1, *self.size)
