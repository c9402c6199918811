"""MSE and PIT-MSE against loops over permutations."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

pytest.importorskip("torch")

import torch

from avloc_ros.losses.differentiable_tracking import References
from avloc_ros.losses.direction_regression import permutation_invariant_loss, slotwise_loss
from avloc_ros.types import InputError

WEIGHT = 10.0


def scene():
    rng = np.random.default_rng(3)
    return (
        torch.tensor(rng.normal(size=(2, 5, 3, 3))),
        torch.tensor(rng.normal(size=(2, 5, 3))),
        References(torch.tensor(rng.normal(size=(2, 5, 3, 3))), torch.tensor(rng.random((2, 5, 3)) < 0.6)),
    )


def cost(directions, logits, true, active, total_active, total):
    """One frame under one order."""
    squared = sum(np.mean((directions[k] - true[k]) ** 2) for k in range(len(active)) if active[k])
    p = 1 / (1 + np.exp(-logits))
    heard = -sum(np.log(p[k]) if active[k] else np.log(1 - p[k]) for k in range(len(active)))
    return squared / total_active + WEIGHT * heard / total


@pytest.mark.parametrize("per_frame", [True, False])
def test_pit_is_the_cheapest_order(per_frame):
    directions, logits, references = scene()
    d, a, t, s = (x.numpy() for x in (directions, logits, references.directions, references.active))
    orders = list(itertools.permutations(range(3)))
    table = np.array(
        [
            [
                [cost(d[b, f], a[b, f], t[b, f][list(o)], s[b, f][list(o)], s.sum(), a.size) for f in range(5)]
                for b in range(2)
            ]
            for o in orders
        ]
    )
    expected = table.min(axis=0).sum() if per_frame else table.sum(axis=2).min(axis=0).sum()
    found = permutation_invariant_loss(directions, logits, references, WEIGHT, per_frame=per_frame)
    assert float(found) == pytest.approx(expected)


def test_slotwise_is_the_identity_order():
    directions, logits, references = scene()
    d, a, t, s = (x.numpy() for x in (directions, logits, references.directions, references.active))
    expected = sum(
        cost(d[b, f], a[b, f], t[b, f], s[b, f], s.sum(), a.size) for b in range(2) for f in range(5)
    )
    assert float(slotwise_loss(directions, logits, references, WEIGHT)) == pytest.approx(expected)


def test_swapped_slots_cost_mse_but_not_pit():
    true = torch.eye(3)[None, None, :2].expand(1, 4, 2, 3)
    references = References(true, torch.ones(1, 4, 2, dtype=torch.bool))
    swapped, sure = true.flip(2), torch.full((1, 4, 2), 30.0)
    assert float(slotwise_loss(swapped, sure, references, WEIGHT)) > 0.5
    assert float(permutation_invariant_loss(swapped, sure, references, WEIGHT, per_frame=False)) < 1e-6


def test_another_number_of_tracks_is_refused():
    directions, logits, references = scene()
    with pytest.raises(InputError, match="as many tracks as references"):
        slotwise_loss(directions[:, :, :2], logits[:, :, :2], references, WEIGHT)
