"""Losses against their formulas in numpy."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from avloc_ros.losses.grid import GridLossConfig, count_loss, grid_bce, grid_loss, grid_mse  # noqa: E402

RNG = np.random.default_rng(0)
LOGIT = RNG.normal(0, 2, (3, 4, 5))
TARGET = (RNG.random((3, 4, 5)) < 0.2).astype(float)
P = 1 / (1 + np.exp(-LOGIT))


def tensors():
    return torch.tensor(LOGIT), torch.tensor(TARGET)


def test_cross_entropy_with_a_positive_weight():
    by_hand = -(3.0 * TARGET * np.log(P) + (1 - TARGET) * np.log(1 - P)).mean()
    assert float(grid_bce(*tensors(), 3.0)) == pytest.approx(by_hand)
    assert float(grid_loss(*tensors(), GridLossConfig(positive_weight=3.0))) == pytest.approx(by_hand)


def test_the_public_code_adds_the_squared_error():
    squared = ((P - TARGET) ** 2).mean()
    assert float(grid_mse(*tensors())) == pytest.approx(squared)
    both = grid_loss(*tensors(), GridLossConfig(kind="bce+mse", positive_weight=2.0))
    assert float(both) == pytest.approx(float(grid_bce(*tensors(), 2.0)) + squared)


def test_count_loss_asks_at_least_1_2_3():
    logit = torch.tensor([[1.0, -2.0, 0.5], [0.0, 0.0, 0.0]])
    p = 1 / (1 + np.exp(-logit.numpy()))
    truth = np.array([[1, 1, 0], [0, 0, 0]])  # two speakers; none
    by_hand = -np.where(truth, np.log(p), np.log(1 - p)).mean()
    assert float(count_loss(logit, torch.tensor([2, 0]))) == pytest.approx(by_hand, rel=1e-6)
