"""Losses of probability grids and of the speaker count (docs/papers.md: dsw)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from avloc_ros.config import setting

KINDS = ("bce", "mse", "bce+mse")


@dataclass(frozen=True)
class GridLossConfig:
    """What a grid is trained with."""

    kind: str = setting("bce", "cross-entropy per cell, squared error, or both (the public code)", choices=KINDS)
    positive_weight: float = setting(
        3.0, "how much more a cell with a talker counts than one without", low=0.1, high=1000.0
    )
    count_weight: float = setting(0.1, "share of the count loss, where there is a count head", low=0.0, high=10.0)


def grid_loss(logit: Tensor, target: Tensor, config: GridLossConfig) -> Tensor:
    """The configured loss of logits against targets in [0, 1], both (batch, rows, cols)."""
    parts = {"bce": grid_bce(logit, target, config.positive_weight), "mse": grid_mse(logit, target)}
    return torch.stack([parts[name] for name in config.kind.split("+")]).sum()


def grid_bce(logit: Tensor, target: Tensor, positive_weight: float) -> Tensor:
    """Mean over cells of -(w t log p + (1 - t) log(1 - p)), with p = sigmoid(logit) and w the positive weight."""
    weight = torch.full_like(logit[:1, :1, :1], positive_weight)
    return functional.binary_cross_entropy_with_logits(logit, target, pos_weight=weight)


def grid_mse(logit: Tensor, target: Tensor) -> Tensor:
    """Mean squared error of the probability, as the public code adds."""
    return functional.mse_loss(torch.sigmoid(logit), target)


def count_loss(logit: Tensor, count: Tensor) -> Tensor:
    """Cross-entropy of the questions 'at least 1, 2, ... speakers?': logit (batch, n), count (batch,) of any size."""
    steps = torch.arange(1, logit.shape[1] + 1, device=logit.device)
    return functional.binary_cross_entropy_with_logits(logit, (count[:, None] >= steps).to(logit.dtype))
