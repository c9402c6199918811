"""Facts of a track, moment by moment -> whether its talker speaks (torch; live it is ONNX)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from avloc_ros.config import setting


@dataclass(frozen=True)
class SpeakingNetworkConfig:
    """Sizes."""

    hidden: int = setting(48, "units of the recurrent layer, and of the one before", low=2, high=1024)
    dropout: float = setting(0.1, "share of units that are left out in training", low=0.0, high=0.9)


class SpeakingNetwork(nn.Module):
    """One gated recurrent layer over the moments of a track, and a straight way past it; causal.

    Facts are first brought to mean 0 and deviation 1, with the numbers of `standardise`.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self, facts: int, config: SpeakingNetworkConfig) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(facts))
        self.register_buffer("deviation", torch.ones(facts))
        self.enter = nn.Linear(facts, config.hidden)
        self.recurrent = nn.GRU(config.hidden, config.hidden, batch_first=True)
        self.out = nn.Linear(config.hidden, 1)
        self.past = nn.Linear(facts, 1)
        self.dropout = nn.Dropout(config.dropout)

    def standardise(self, facts: Tensor) -> None:
        """Take mean and deviation of the facts (n, facts) that will be learnt from."""
        self.mean, self.deviation = facts.mean(0), facts.std(0) + 1e-3

    def forward(self, facts: Tensor, memory: Tensor) -> tuple[Tensor, Tensor]:
        """facts (tracks, moments, facts), memory (1, tracks, hidden) -> logits (tracks, moments), memory."""
        even = (facts - self.mean) / self.deviation
        remembered, memory = self.recurrent(self.dropout(torch.relu(self.enter(even))), memory)
        return (self.out(self.dropout(remembered)) + self.past(even))[..., 0], memory


class Judge(nn.Module):
    """One moment of all tracks, with probabilities, as it is exported."""

    def __init__(self, network: SpeakingNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, facts: Tensor, memory: Tensor) -> tuple[Tensor, Tensor]:
        """facts (tracks, facts), memory (tracks, hidden) -> probability (tracks,), next_memory (tracks, hidden)."""
        logits, memory = self.network(facts[:, None], memory[None])
        return torch.sigmoid(logits[:, 0]), memory[0]
