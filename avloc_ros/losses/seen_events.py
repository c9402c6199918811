"""What the eyes that point learn alone: in which cells of the picture a class sounds, and where in the cell."""

from __future__ import annotations

import torch
import torch.nn.functional as fn
from torch import Tensor

from avloc_ros.models.sound_events.seen_events import SeenEventsConfig, cells_of

OFFSET_WEIGHT = 0.2


def seen_events_loss(
    logits: Tensor, offsets: Tensor, directions: Tensor, classes: Tensor, config: SeenEventsConfig
) -> Tensor:
    """Binary cross-entropy summed over the cells, a mean per look, and the offsets' error where something sounds; a scalar.

    logits, offsets: of SeenEvents. directions (batch, looks, slots, 3), classes (batch, looks, slots) of the events of a look's
    label frame; a class of `logits.shape[2]` is an empty slot. Events count whether they are to be seen or not, so that a
    logit says how likely it is that something sounds there, given the picture.
    """
    batch, looks, count = logits.shape[:3]
    cells, own = cells_of(directions, config)
    there = (classes < count) & (cells >= 0)  # (batch, looks, slots)
    where = torch.where(there, classes.clamp(max=count - 1) * config.rows * config.columns + cells, 0)
    flat = logits.flatten(2)  # (batch, looks, classes * cells)
    target = torch.zeros_like(flat).scatter_reduce(2, where, there.to(flat), "amax")
    told = offsets.flatten(3).gather(3, cells.clamp(min=0)[:, :, None].expand(-1, -1, 2, -1)).transpose(2, 3)
    missed = ((told - own).abs().sum(3) * there).sum() / there.sum().clamp(min=1)
    return fn.binary_cross_entropy_with_logits(flat, target, reduction="sum") / (batch * looks) + OFFSET_WEIGHT * missed


def events_of_adpit(labels: Tensor) -> tuple[Tensor, Tensor]:
    """Directions (batch, looks, slots, 3) and classes (batch, looks, slots) of ADPIT labels (batch, looks, 6, 4, classes)."""
    count = labels.shape[4]
    active = labels[:, :, :, 0] > 0.5  # (batch, looks, 6, classes)
    classes = torch.where(active, torch.arange(count, device=labels.device), count)
    return labels[:, :, :, 1:].transpose(3, 4).flatten(2, 3), classes.flatten(2)
