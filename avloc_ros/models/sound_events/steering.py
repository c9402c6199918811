"""Where the sound near a direction comes from: the weighted mean of the flows around an anchor (flow_features)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import max_pool1d, pad

from avloc_ros.config import setting
from avloc_ros.features.directions.flow_features import ENERGY, FLOW, LEVEL

SMALLEST = 1e-7


@dataclass(frozen=True)
class SteeringConfig:
    """How flows are weighted and pooled."""

    context: int = setting(8, "label frames before and after one that are listened to for its direction", low=0, high=100)
    filters: int = setting(8, "filters that weight the cells", low=1, high=256)
    iterations: int = setting(2, "how often the mean of the flows moves on", low=1, high=10)
    sharpness: float = setting(14.0, "of the neighbourhood of a direction at first: exp(s (cos - 1))", low=1.0, high=200.0)


def silent_at_first(layer: nn.Module) -> None:
    """Make what a last layer adds nothing at first."""
    assert isinstance(layer, (nn.Linear, nn.Conv1d, nn.Conv2d)) and layer.bias is not None
    nn.init.zeros_(layer.weight)
    nn.init.zeros_(layer.bias)


class DirectSound(nn.Module):
    """Log weights (batch, frames, bands) of cells: large where the flow is that of sound straight from a source.

    At first: length, coherence cubed and rise cubed of the flow, as onsets come before their reflections; a small convolution
    learns more.
    """

    def __init__(self, filters: int) -> None:
        super().__init__()
        self.powers = nn.Parameter(torch.tensor([1.0, 3.0, 3.0]))
        self.learned = nn.Sequential(
            nn.Conv2d(4, filters, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(filters, filters, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(filters, 1, 1),
        )
        silent_at_first(self.learned[-1])

    def forward(self, features: Tensor) -> Tensor:
        energy = features[:, ENERGY][:, 0] + SMALLEST  # (batch, frames, bands)
        length = features[:, FLOW].square().sum(1).sqrt() + SMALLEST
        coherence = (2 * length / energy).clamp(1e-3, 1.0).log()
        loud = length.log()
        before = max_pool1d(pad(energy.transpose(1, 2), (3, 0), value=SMALLEST), 3, 1)[..., :-1].transpose(1, 2)
        rise = (energy / before).clamp(0.05, 4.0).log()
        parts = torch.stack([loud - loud.mean((1, 2), keepdim=True), coherence, rise], 1)
        level = features[:, LEVEL] / 10.0
        more = torch.cat([parts, level - level.mean((2, 3), keepdim=True)], 1)
        return (parts * self.powers[:, None, None]).sum(1) + self.learned(more)[:, 0]


class SteeredMean(nn.Module):
    """The mean direction of the flows near an anchor, and how much there is of them: (batch, label frames, 3) and (..., 2).

    Of the latter the first is how closely they agree, the second what share of all flows they are, in [0, 1].
    """

    def __init__(self, config: SteeringConfig) -> None:
        super().__init__()
        self.config = config
        self.direct = DirectSound(config.filters)
        self.log_sharpness = nn.Parameter(torch.full((config.iterations,), config.sharpness).log())
        offsets = torch.arange(-config.context, config.context + 1.0)
        self.when = nn.Parameter(-offsets.abs() / (config.context + 1.0))  # log weight of a label frame beside
        self.log_told = nn.Parameter(torch.tensor(config.sharpness).log())

    def cells(self, features: Tensor, frames: int) -> tuple[Tensor, Tensor]:
        """Unit flows (3, batch, label frames, cells) and their weights (batch, label frames, cells), largest 1 in a chunk."""
        log_weight = self.direct(features)
        weight = (log_weight - log_weight.amax((1, 2), keepdim=True).detach()).exp()
        flow = features[:, FLOW].transpose(0, 1)  # (3, batch, frames, bands)
        unit = flow / (flow.square().sum(0).sqrt() + SMALLEST)
        return unit.unflatten(2, (frames, -1)).flatten(3), weight.unflatten(1, (frames, -1)).flatten(2)

    def forward(self, cells: tuple[Tensor, Tensor], anchor: Tensor, told: Tensor) -> tuple[Tensor, Tensor]:
        """anchor: (batch, label frames, 3). told: (batch, rows, label frames, 3), what was found already, zeros where none:
        a cell counts by its nearness to the anchor, and by the anchor's share of its nearness to all of them.
        """
        context, frames = self.config.context, anchor.shape[1]
        (x, y, z), weight = (pad(part, (0, 0, context, context)) for part in cells)
        slices = [slice(shift, shift + frames) for shift in range(2 * context + 1)]
        whole = sum(weight[:, part].sum(2) * log_when.exp() for part, log_when in zip(slices, self.when, strict=True))
        found, length, near = anchor, anchor[..., :1], anchor[..., 0]
        towards, rival = told * self.log_told.exp(), self.log_told.exp()
        rivals = []
        for part in slices:
            cosines = [sum(axis[:, part] * row[..., i : i + 1] for i, axis in enumerate((x, y, z))) for row in towards.unbind(1)]
            rivals.append(sum((cosine - rival).exp() for cosine in cosines))
        for sharpness in self.log_sharpness.exp():
            a, b, c = (sharpness * found).unsqueeze(2).unbind(3)  # (batch, label frames, 1) each
            sums: list[Tensor] = []
            for part, log_when, other in zip(slices, self.when, rivals, strict=True):
                xs, ys, zs = x[:, part], y[:, part], z[:, part]
                nearness = (a * xs + b * ys + c * zs - sharpness).exp()
                closeness = weight[:, part] * log_when.exp() * nearness.square() / (nearness + other + 1e-9)
                sums.append(torch.stack([(closeness * axis).sum(2) for axis in (xs, ys, zs)] + [closeness.sum(2)], 2))
            moment, near = torch.stack(sums).sum(0).split([3, 1], 2)
            length = moment.square().sum(2, keepdim=True).add(1e-24).sqrt()
            found = moment / length
        return found, torch.cat([length / (near + 1e-12), near / (whole[..., None] + 1e-12)], 2)
