"""Labels of a batch of a bank, made where the batch lies: those of adpit_labels and of coloc."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from avloc_ros.datasets.events.adpit_labels import FIRST_PLACE, PLACES

Batch = dict[str, Tensor]


def batched_adpit(directions: Tensor, classes: Tensor, count: int) -> Tensor:
    """ADPIT labels (batch, frames, 6, 4, count) of directions (batch, frames, slots, 3) and classes (batch, frames, slots).

    A slot of class `count` is empty.
    """
    batch, frames, slots = classes.shape
    first = torch.tensor([0] + [FIRST_PLACE[n] for n in range(1, slots + 1)], device=classes.device)
    same = classes[..., :, None] == classes[..., None, :]  # (batch, frames, slots, slots)
    earlier = torch.ones(slots, slots, dtype=torch.bool, device=classes.device).tril(-1)
    places = first[same.sum(3)] + (same & earlier).sum(3)  # (batch, frames, slots)
    labels = directions.new_zeros(batch, frames, PLACES * (count + 1), 4)
    values = torch.cat([torch.ones_like(directions[..., :1]), directions], 3)
    cells = (places * (count + 1) + classes)[..., None].expand_as(values)
    labels = labels.scatter(2, cells, values).view(batch, frames, PLACES, count + 1, 4)
    return labels[..., :count, :].transpose(3, 4)


def stacked(batch: Batch, count: int, chance: torch.Generator | None = None) -> tuple[Tensor, Tensor]:
    """Directions (batch, rows, frames, 3) and classes (batch, rows, frames) of the events piled up, as many rows as slots.

    chance: tracks are piled in a random order, one per chunk (report Sec. 3.4); None: in that of their numbers.
    """
    classes, sources = batch["classes"], batch["sources"]
    size, device = (len(classes), 128), classes.device
    if chance is None:
        rank = torch.arange(128.0, device=device).expand(size) / 128
    else:
        rank = torch.rand(size, generator=chance, device=device)
    own = rank[:, None].expand(-1, classes.shape[1], -1).gather(2, sources)
    order = own.masked_fill(classes == count, 2.0).argsort(2)  # (batch, frames, rows)
    directions = batch["directions"].gather(2, order[..., None].expand_as(batch["directions"]))
    return directions.transpose(1, 2), classes.gather(2, order).transpose(1, 2)


def coloc_labels(batch: Batch, count: int, shake_deg: float, chance: torch.Generator, training: bool = True) -> Batch:
    """What coloc.labels_of makes of a chunk, of a whole batch: directions, classes, told, step, asked, asked_classes."""
    directions, classes = stacked(batch, count, chance if training else None)
    size, rows = classes.shape[:2]
    device = classes.device
    step = torch.randint(rows, (size,), generator=chance, device=device)
    row = torch.randint(rows, (size,), generator=chance, device=device)
    known = torch.arange(rows - 1, device=device) < step[:, None]  # (batch, rows - 1)
    told = batched_shaken(directions[:, :-1], shake_deg, chance) * known[..., None, None]
    chosen = torch.arange(size, device=device)
    return {
        "directions": directions,
        "classes": classes,
        "told": told,
        "step": step.float(),
        "asked": batched_shaken(directions[chosen, row], shake_deg, chance),
        "asked_classes": classes[chosen, row],
    }


def batched_shaken(directions: Tensor, most_deg: float, chance: torch.Generator) -> Tensor:
    """Directions (..., 3) off by up to `most_deg` in azimuth and elevation; zeros stay zeros (decode.coloc_steps.shaken)."""
    x, y, z = directions.unbind(-1)
    offsets = torch.rand((2, *x.shape), generator=chance, device=directions.device) * 2 - 1
    azimuth, elevation = torch.stack([torch.atan2(y, x), torch.asin(z.clamp(-1.0, 1.0))]) + offsets * math.radians(most_deg)
    elevation = elevation.clamp(-math.pi / 2, math.pi / 2)
    level = torch.cos(elevation)
    turned = torch.stack([torch.cos(azimuth) * level, torch.sin(azimuth) * level, torch.sin(elevation)], -1)
    return turned * (directions.abs().sum(-1, keepdim=True) > 0)
