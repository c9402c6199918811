"""Joins eyes that point to an ear: a glimpse of the picture in the ear's embeddings, and directions drawn to what is seen.

Both begin as nothing, so that at first the joined network says what the ear alone said.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from avloc_ros.models.sound_events.pointing import Pointing
from avloc_ros.models.sound_events.seen_events import SeenEvents, SeenEventsConfig, seen_directions


class SeeingEar(nn.Module):
    """The eyes of an AvSeld whose sound embeddings are `width` wide."""

    def __init__(self, classes: int, width: int, config: SeenEventsConfig) -> None:
        super().__init__()
        self.config = config
        self.eyes = SeenEvents(classes, config)
        self.glimpse = nn.Linear(4 * classes, width)
        nn.init.zeros_(self.glimpse.weight)
        nn.init.zeros_(self.glimpse.bias)
        self.pointing = Pointing(classes)

    def look(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        """(logits, directions) of pictures (batch, looks, 3, height, width), RGB in [0, 1]: see SeenEvents, seen_directions."""
        logits, offsets = self.eyes(pictures)
        return logits, seen_directions(offsets, self.config)

    def glimpsed(self, embeddings: Tensor, logits: Tensor, directions: Tensor) -> Tensor:
        """Embeddings (batch, frames, width) of sound with what is seen of each class: how surely, and in which direction."""
        cells = logits.flatten(3)  # (batch, looks, classes, cells)
        directed = cells.softmax(3) @ directions.flatten(2, 3)  # (batch, looks, classes, 3)
        seen = torch.cat([directed, cells.amax(3, keepdim=True).sigmoid()], 3).flatten(2)
        return embeddings + self.glimpse(seen).repeat_interleave(embeddings.shape[1] // seen.shape[1], 1)
