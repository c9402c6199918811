"""The localizer of diff_track label frame by label frame: what it needs of the past goes in and comes out as a state."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from avloc_ros.models.diff_track.localizer import LocalizerNetwork
from avloc_ros.types import InputError

MEMORY = 2  # frames before its own that a causal convolution of three sees
MODULES_PER_BLOCK = 6  # padding, convolution, normalisation, pooling, ReLU, dropout


class StreamingLocalizer(nn.Module):
    """A causal localizer's own weights, called on pieces of a recording; the answers are those of the whole recording.

    State: heard (1, channels, 2, bands), normalised features; first (1, filters, 2, bands / 2) and second (1, filters, 2,
    bands / 4), what the second and third convolution saw last; hidden (2, 1, recurrent). All zeros before the first sound.
    Raises InputError for a network that looks into the future.
    """

    def __init__(self, network: LocalizerNetwork) -> None:
        super().__init__()
        if not network.config.causal:
            raise InputError("this localizer looks into the future: for the live path train one with causal: true")
        self.network = network.eval()

    def first_state(self) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """The state before anything was heard."""
        c = self.network.config
        maps = [torch.zeros(1, c.filters, MEMORY, c.bands // width) for width in (2, 4)]
        heard = torch.zeros(1, c.feature_channels, MEMORY, c.bands)
        return heard, maps[0], maps[1], torch.zeros(2, 1, c.recurrent)

    def forward(self, features: Tensor, heard: Tensor, first: Tensor, second: Tensor, hidden: Tensor) -> tuple[Tensor, ...]:
        """features (1, channels, feature frames, bands), a multiple of time_pooling frames.

        Returns directions (1, label frames, tracks, 3), activity (1, label frames, tracks) as logits, and the next state.
        """
        network = self.network
        maps = (features - network.mean) / network.deviation
        kept = []
        for block, before in enumerate((heard, first, second)):
            maps = torch.cat([before, maps], dim=2)
            kept.append(maps[:, :, -MEMORY:])
            start = block * MODULES_PER_BLOCK
            maps = network.convolutions[start + 1 : start + MODULES_PER_BLOCK](pad(maps, (1, 1, 0, 0)))
        sequence, hidden = network.recurrent(maps.permute(0, 2, 1, 3).flatten(2), hidden)
        found = network.heads(torch.tanh(sequence))
        return found.directions, found.activity, *kept, hidden
