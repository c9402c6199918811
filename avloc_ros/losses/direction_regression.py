"""The baselines of diff_track: squared errors of directions, in fixed slots or under the best permutation (PIT)."""

from __future__ import annotations

import itertools

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from avloc_ros.losses.differentiable_tracking import References
from avloc_ros.types import InputError


def slotwise_loss(directions: Tensor, activity: Tensor, references: References, activity_weight: float) -> Tensor:
    """Mean squared error of the active references' directions, track k against reference k, plus weighted BCE: a scalar.

    directions (batch, frames, tracks, 3), activity logits (batch, frames, tracks).
    """
    _check(directions, references)
    active = references.active.to(directions.dtype)
    squared = (directions - references.directions).square().mean(dim=-1)  # (batch, frames, tracks)
    heard = binary_cross_entropy_with_logits(activity, active)
    return (squared * active).sum() / active.sum().clamp(min=1) + activity_weight * heard


def permutation_invariant_loss(
    directions: Tensor, activity: Tensor, references: References, activity_weight: float, *, per_frame: bool
) -> Tensor:
    """The same under the cheapest permutation of the references, chosen per frame or per sequence: a scalar."""
    _check(directions, references)
    active = references.active.to(directions.dtype)
    total_active = active.sum().clamp(min=1)
    costs = []
    for order in itertools.permutations(range(directions.shape[2])):
        wanted = active[:, :, order]  # (batch, frames, tracks)
        squared = (directions - references.directions[:, :, order]).square().mean(dim=-1) * wanted
        heard = binary_cross_entropy_with_logits(activity, wanted, reduction="none")
        costs.append((squared / total_active + activity_weight * heard / heard.numel()).sum(dim=2))
    cost = torch.stack(costs)  # (permutations, batch, frames)
    return cost.amin(dim=0).sum() if per_frame else cost.sum(dim=2).amin(dim=0).sum()


def _check(directions: Tensor, references: References) -> None:
    if directions.shape != references.directions.shape:
        raise InputError(
            f"directions {tuple(directions.shape)} for references {tuple(references.directions.shape)}: "
            "this loss needs as many tracks as references"
        )
