"""Networks of the tracker for any array: one listens to the spectrum, one looks at the maps (torch; live they are ONNX).

`ListeningNetwork` hears one spectrum, no geometry: recurrent, 100 hops a second, it says per hop and mel band what is
voice, and what else is worth localising. `SphereNetwork` sees maps of steered power under those masks, convolutional
over the sphere and circular in azimuth; the geometry of the array is in the maps alone.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from avloc_ros.config import setting
from avloc_ros.features.inputs.any_array_layout import BANDS, COLS, LEARNT, MAP_ROWS, MAPS, ROWS

FACTS = 2 + 2 * len(MAPS)  # about the array (2), how much each mask lets through, and how even each map is
SPLIT = (4, 2)  # rows and columns of output per cell of the body
DIGEST = 48  # numbers in which facts and embedding reach every layer


@dataclass(frozen=True)
class AnyArrayNetworkConfig:
    """Sizes of both networks."""

    hidden: int = setting(384, "units of each recurrent layer", low=4, high=1024)
    embedding: int = setting(24, "numbers that the listening network hands to the sphere network", low=1, high=256)
    filters: int = setting(64, "filters of the sphere network", low=2, high=512)
    dilations: tuple[int, ...] = setting((1, 2, 4, 1, 2, 4, 1), "one residual layer each, its reach in cells of 10 degrees")


class ListeningNetwork(nn.Module):
    """Relative mel levels in, masks and an embedding out; causal."""

    def __init__(self, config: AnyArrayNetworkConfig) -> None:
        super().__init__()
        self.enter = nn.Linear(BANDS, config.hidden)
        self.recurrent = nn.GRU(config.hidden, config.hidden, num_layers=2, batch_first=True)
        self.masks = nn.Linear(config.hidden, LEARNT * BANDS)
        self.voice = nn.Linear(config.hidden, 1)
        self.embedding = nn.Linear(config.hidden, config.embedding)

    def forward(self, levels: Tensor, state: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """levels (batch, hops, BANDS), state (2, batch, hidden) ->

        masks (batch, hops, LEARNT, BANDS) in [0, 1], voice (batch, hops) logit, embedding (batch, hops, embedding), state.
        """
        hidden, state = self.recurrent(torch.relu(self.enter(levels)), state)
        masks = torch.sigmoid(self.masks(hidden)).unflatten(-1, (LEARNT, BANDS))
        return masks, self.voice(hidden)[..., 0], torch.tanh(self.embedding(hidden)), state


class SphereConvolution(nn.Module):
    """3x3 convolution over the sphere grid, then batch normalisation, a shift by what was heard, and ReLU."""

    def __init__(self, channels_in: int, channels_out: int, dilation: int = 1, stride: int = 1) -> None:
        super().__init__()
        self.dilation = dilation
        self.convolution = nn.Conv2d(channels_in, channels_out, 3, stride, dilation=dilation, bias=False)
        self.normalisation = nn.BatchNorm2d(channels_out)
        self.film = nn.Linear(DIGEST, 2 * channels_out)
        nn.init.zeros_(self.film.weight)
        nn.init.zeros_(self.film.bias)

    def forward(self, cells: Tensor, heard: Tensor) -> Tensor:
        """cells (batch, channels_in, rows, cols), heard (batch, DIGEST) -> (batch, channels_out, rows, cols / stride)."""
        values = self.normalisation(self.convolution(around_the_sphere(cells, self.dilation)))
        scale, shift = self.film(heard)[..., None, None].chunk(2, dim=1)
        return torch.relu(values * (1 + scale) + shift)


class SphereNetwork(nn.Module):
    """Maps of one moment -> logit that a talker is within one cell width, per cell of the sphere grid.

    It works on cells of 20 by 10 degrees and gives each of them SPLIT values, for the cells of the output in it.
    """

    height: Tensor  # (1, 1, MAP_ROWS, COLS): sine of the elevation

    def __init__(self, config: AnyArrayNetworkConfig) -> None:
        super().__init__()
        self.digest = nn.Sequential(nn.Linear(config.embedding + FACTS, DIGEST), nn.ReLU())
        self.first = SphereConvolution(len(MAPS) + 1, config.filters, stride=2)
        self.body = nn.ModuleList(SphereConvolution(config.filters, config.filters, d) for d in config.dilations)
        self.out = nn.Conv2d(config.filters, SPLIT[0] * SPLIT[1], 1)
        assert self.out.bias is not None
        nn.init.constant_(self.out.bias, -5.0)
        height = torch.sin((torch.arange(MAP_ROWS) + 0.5) / MAP_ROWS * torch.pi - torch.pi / 2)
        self.register_buffer("height", height[None, None, :, None].repeat(1, 1, 1, COLS))

    def forward(self, maps: Tensor, facts: Tensor) -> Tensor:
        """maps (batch, len(MAPS), MAP_ROWS, COLS), facts (batch, embedding + FACTS) -> logits (batch, ROWS, COLS)."""
        heard = self.digest(facts)
        height = self.height + 0.0 * maps[:, :1]  # as many as there are windows, also in an export
        cells = self.first(torch.cat([maps * 4.0, height], dim=1), heard)
        for layer in self.body:
            cells = cells + layer(cells, heard)
        split = self.out(cells).unflatten(1, SPLIT)  # (batch, rows inside, cols inside, rows, cols)
        return split.permute(0, 3, 1, 4, 2).reshape(-1, ROWS, COLS)


def around_the_sphere(cells: Tensor, width: int) -> Tensor:
    """`width` more cells on each side: circular in azimuth; beyond the poles the last row is repeated."""
    wide = torch.cat([cells[..., -width:], cells, cells[..., :width]], dim=-1)
    return torch.cat([wide[..., :1, :]] * width + [wide] + [wide[..., -1:, :]] * width, dim=-2)
