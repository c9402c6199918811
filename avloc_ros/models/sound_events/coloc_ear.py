"""CoLoC made of a trained ear: localizer and classifier read the vectors of a multi-ACCDOA network, one event after the other.

Localizer: the ear's vectors are candidates; those that explain what was told already count less; the chosen one is moved to the
mean of the flows around it. Classifier: what the ear says of each class along a direction, now and in the time around, shared
among the directions that were found. Both begin as the ear. Ours, not the report's: there both networks learn all they hear by
themselves.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from avloc_ros.config import setting
from avloc_ros.models.sound_events.steering import SteeredMean, SteeringConfig, silent_at_first


@dataclass(frozen=True)
class ColocEarConfig:
    """Sizes of the two networks on an ear."""

    steering: SteeringConfig = field(default_factory=SteeringConfig)
    units: int = setting(16, "units of the layers that judge how sure a direction is", low=1, high=1024)
    context: int = setting(15, "label frames before and after one whose evidence counts for its class", low=0, high=100)
    class_units: int = setting(64, "units of the layer that judges the evidence for all classes", low=1, high=4096)


def heard_vectors(vectors: Tensor, classes: int) -> tuple[Tensor, Tensor]:
    """Directions (batch, frames, tracks * classes, 3) and lengths (batch, frames, tracks * classes) of multi-ACCDOA vectors."""
    candidates = vectors.unflatten(2, (-1, 3, classes)).transpose(3, 4).flatten(2, 3)
    lengths = candidates.square().sum(3).add(1e-9).sqrt()
    return candidates / lengths[..., None], lengths


class EarLocalizer(nn.Module):
    """The next direction (batch, label frames, 3), as long as it is sure; near the origin where there is none."""

    def __init__(self, config: ColocEarConfig, classes: int, rows: int) -> None:
        super().__init__()
        self.classes, self.rows = classes, rows
        self.mean = SteeredMean(config.steering)
        self.log_sharpness = nn.Parameter(torch.tensor([8.0, 2.0, 20.0]).log())  # of explaining, of the same class, of any
        # What length counts for; against what is explained, and against what is near a direction that was told.
        self.choice = nn.Parameter(torch.tensor([24.0, 24.0, 20.0]))
        self.explaining = nn.Parameter(torch.tensor(6.0))
        self.length = nn.Parameter(torch.tensor([8.0, 0.5]))
        self.judge = nn.Sequential(
            nn.Conv1d(6 + rows + 1, config.units, 5, padding=2), nn.ReLU(), nn.Conv1d(config.units, 2, 5, padding=2)
        )
        silent_at_first(self.judge[-1])

    def forward(self, features: Tensor, vectors: Tensor, told: Tensor, step: Tensor) -> Tensor:
        """features: (batch, 5, frames, bands) of flow_features; vectors: (batch, label frames, tracks * 3 * classes).

        told: (batch, rows, label frames, 3), step: (batch,), see models.sound_events.coloc.Localizer.
        """
        return self.next_direction(self.mean.cells(features, vectors.shape[1]), vectors, told, step)

    def next_direction(self, cells: tuple[Tensor, Tensor], vectors: Tensor, told: Tensor, step: Tensor) -> Tensor:
        """The same of cells that were made once for all steps."""
        units, lengths = heard_vectors(vectors, self.classes)
        active = (told.abs().sum(3) > 0).to(told.dtype).transpose(1, 2)  # (batch, frames, rows)
        against, near = self._against(units, lengths, told, active)
        share = (self.choice[0] * lengths - against).softmax(2)
        anchor = (share[..., None, :] @ units)[..., 0, :]
        anchor = anchor / anchor.square().sum(2, keepdim=True).add(1e-9).sqrt()
        length = (share * (lengths - against / self.choice[0])).sum(2)  # (batch, frames)
        mean, support = self.mean(cells, anchor, told)
        count = active.sum(2)  # (batch, frames)
        steps = (step[:, None] == torch.arange(self.rows + 1, device=step.device)).to(length.dtype)
        facts = torch.stack([length, (share * near).sum(2), (mean * anchor).sum(2), count], 2)
        seen = torch.cat([facts, support, steps[:, None].expand(-1, length.shape[1], -1)], 2)
        judged = self.judge(seen.transpose(1, 2)).transpose(1, 2)
        sure = (self.length[0] * (length - self.length[1]) + 4.0 * judged[..., 0]).sigmoid()
        complete = (count == step[:, None]).to(length.dtype)  # where fewer were found the search had ended
        mixed = mean + 0.5 * (judged[..., 1:] - 1.0).exp() * anchor
        direction = mixed / mixed.square().sum(2, keepdim=True).add(1e-9).sqrt()
        return direction * (sure * complete)[..., None]

    def _against(self, units: Tensor, lengths: Tensor, told: Tensor, active: Tensor) -> tuple[Tensor, Tensor]:
        """What counts against each candidate (batch, frames, n), and how near it is to a direction that was told, in [0, 1]."""
        cosines = units @ told.permute(0, 2, 3, 1)  # (batch, frames, n, rows)
        explains, same, any_class = self.log_sharpness.exp()
        match = (self.explaining * lengths[..., None] + explains * cosines).softmax(2)  # which candidate a told direction was
        of_class = match.unflatten(2, (-1, self.classes)).sum(2)  # (batch, frames, classes, rows)
        explained = of_class.repeat(1, 1, units.shape[2] // self.classes, 1) * (same * (cosines - 1.0)).exp()
        near = (any_class * (cosines - 1.0)).exp() * active[:, :, None]
        against = self.choice[1] * explained * active[:, :, None] + self.choice[2] * near
        return against.sum(3), near.amax(3)


class EarClassifier(nn.Module):
    """Logits (batch, rows, label frames, classes + 1) of what sounds at each of the directions; the last one is `nothing`."""

    def __init__(self, config: ColocEarConfig, classes: int) -> None:
        super().__init__()
        self.classes, self.context = classes, config.context
        self.log_sharpness = nn.Parameter(torch.tensor([2.0, 10.0]).log())  # of evidence along a direction; of its sharing
        offsets = torch.arange(-config.context, config.context + 1.0).abs()
        self.when = nn.Parameter(torch.stack([-offsets / 3.0, -offsets / 10.0]))
        self.counts = nn.Parameter(torch.tensor([5.0, 3.0, 3.0]))  # of evidence now, and in the two windows
        self.nothing = nn.Parameter(torch.tensor(3.0))
        self.out = nn.Sequential(
            nn.Linear(5 * classes, config.class_units), nn.ReLU(), nn.Linear(config.class_units, classes + 1)
        )
        silent_at_first(self.out[-1])

    def forward(self, vectors: Tensor, directions: Tensor) -> Tensor:
        """vectors: (batch, label frames, tracks * 3 * classes); directions: (batch, rows, label frames, 3), zeros: none."""
        evidence = self.evidence(vectors, directions)  # (batch, rows, frames, classes, 3)
        longest = heard_vectors(vectors, self.classes)[1].unflatten(2, (-1, self.classes)).amax(2)
        longest = longest[:, None].expand(-1, directions.shape[1], -1, -1)
        others = (evidence.sum(1, keepdim=True) - evidence)[..., 1]
        base = torch.cat([evidence @ self.counts, self.nothing.expand(*directions.shape[:3], 1)], 3)
        return base + self.out(torch.cat([evidence.flatten(3), longest, others], 3))

    def evidence(self, vectors: Tensor, directions: Tensor) -> Tensor:
        """What the ear says of each class along each direction: now, and in a short and a long window around.

        A window asks what was heard from where the direction points now, so it does not matter whether the rows are tracks.
        """
        frames, context = vectors.shape[1], self.context
        present = (directions.abs().sum(3) > 0).to(vectors.dtype)  # (batch, rows, frames)
        towards = directions.permute(0, 2, 3, 1)  # (batch, frames, 3, rows)
        absent = (1.0 - present).transpose(1, 2)[:, :, None]
        units, lengths = heard_vectors(vectors, self.classes)
        units, lengths = pad(units, (0, 0, 0, 0, context, context)), pad(lengths, (0, 0, context, context))
        along, sharing = self.log_sharpness.exp()
        found = []
        for shift in range(2 * context + 1):
            cosines = units[:, shift : shift + frames] @ towards  # (batch, frames, n, rows)
            share = (sharing * cosines - 1e4 * absent).softmax(3)
            heard = lengths[:, shift : shift + frames, :, None] * (along * (cosines - 1.0)).exp() * share
            found.append(heard.unflatten(2, (-1, self.classes)).amax(2))  # (batch, frames, classes, rows)
        windows = torch.stack(found, 4) @ self.when.softmax(1).T
        values = torch.cat([found[context][..., None], windows], 4).permute(0, 3, 1, 2, 4)
        return values * present[..., None, None]
