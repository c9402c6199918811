"""Association against trying every possibility."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from avloc_ros.tracking.association import associate


def best_by_trying(cost, gate):
    rows, columns = cost.shape
    best = np.inf
    for choice in itertools.product(range(-1, columns), repeat=rows):
        used = [c for c in choice if c >= 0]
        if len(set(used)) < len(used) or any(c >= 0 and cost[r, c] > gate for r, c in enumerate(choice)):
            continue
        best = min(best, sum(gate if c < 0 else cost[r, c] for r, c in enumerate(choice)))
    return best


@pytest.mark.parametrize("seed", range(12))
def test_it_is_the_cheapest_of_all(seed):
    rng = np.random.default_rng(seed)
    cost = rng.gamma(1.0, 6.0, (rng.integers(1, 5), rng.integers(1, 5)))
    gate = 9.21
    pairs = associate(cost, gate)
    total = sum(cost[r, c] for r, c in pairs) + gate * (len(cost) - len(pairs))
    assert total == pytest.approx(best_by_trying(cost, gate))
    assert all(cost[r, c] <= gate for r, c in pairs)


def test_nothing_is_paired_beyond_the_gate_or_without_numbers():
    assert associate(np.zeros((0, 3)), 9.0) == [] and associate(np.zeros((2, 0)), 9.0) == []
    assert associate(np.array([[np.nan, 20.0], [np.inf, 1.0]]), 9.0) == [(1, 1)]
