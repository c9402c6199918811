"""The network that weighs the candidates of the mixture tracker, each by itself (torch; live it is ONNX)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from avloc_ros.features.directions.talker_candidates import FACTS


class CandidateNetwork(nn.Module):
    """Facts about one candidate -> logit that it is a talker who speaks now: one hidden layer.

    Facts are first brought to mean 0 and deviation 1, with the numbers of `standardise`.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self, hidden: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(len(FACTS)))
        self.register_buffer("deviation", torch.ones(len(FACTS)))
        self.layers = nn.Sequential(nn.Linear(len(FACTS), hidden), nn.Tanh(), nn.Linear(hidden, 1))

    def standardise(self, facts: Tensor) -> None:
        """Take mean and deviation of the facts (n, FACTS) that will be learnt from."""
        self.mean, self.deviation = facts.mean(0), facts.std(0) + 1e-3

    def forward(self, facts: Tensor) -> Tensor:
        """facts (n, FACTS) -> logits (n,)."""
        return self.layers((facts - self.mean) / self.deviation)[:, 0]


class Weigh(nn.Module):
    """The same with probabilities, as it is exported."""

    def __init__(self, network: CandidateNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, facts: Tensor) -> Tensor:
        """probability."""
        return torch.sigmoid(self.network(facts))
