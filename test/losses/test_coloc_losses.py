# ruff: noqa: E402
"""CoLoC's losses against loops over frames."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from avloc_ros.losses.coloc import focal_loss, localizer_loss


def slow_localizer_loss(predicted, stacked, hidden_from):
    groups = defaultdict(list)
    for b, r in enumerate(hidden_from):
        for f in range(predicted.shape[1]):
            true = [v for v in stacked[b, :, f] if np.any(v)]
            if len(true) < r:
                continue
            left = true[r:] or [np.zeros(3)]
            length = [np.sum(np.abs(predicted[b, f] - v) ** 1.5) ** (1 / 1.5) for v in left]
            groups[r, len(true)].append(min(length))
    return np.mean([np.mean(values) for values in groups.values()])


def test_the_localizer_is_judged_by_the_nearest_that_remains():
    rng = np.random.default_rng(0)
    for _ in range(20):
        counts = rng.integers(0, 4, (4, 9))
        stacked = rng.normal(size=(4, 3, 9, 3)) * (np.arange(3)[None, :, None] < counts[:, None])[..., None]
        predicted, hidden = rng.normal(size=(4, 9, 3)), rng.integers(0, 3, 4)
        loss = localizer_loss(torch.tensor(predicted), torch.tensor(stacked), torch.tensor(hidden))
        assert loss.item() == pytest.approx(slow_localizer_loss(predicted, stacked, hidden), rel=1e-6)


def test_no_frame_with_enough_events_costs_nothing_and_still_has_a_gradient():
    predicted = torch.zeros(1, 4, 3, requires_grad=True)
    loss = localizer_loss(predicted, torch.zeros(1, 3, 4, 3), torch.tensor([2]))
    loss.backward()
    assert loss.item() == 0 and torch.equal(predicted.grad, torch.zeros(1, 4, 3))
    at_origin = localizer_loss(predicted, torch.zeros(1, 3, 4, 3), torch.tensor([0]))
    at_origin.backward()
    assert torch.isfinite(predicted.grad).all()


def test_focal_loss_is_cross_entropy_weighted_by_the_doubt():
    torch.manual_seed(0)
    logits, classes = torch.randn(2, 5, 4, dtype=torch.float64), torch.randint(0, 4, (2, 5))
    p = logits.softmax(2).gather(2, classes[..., None])
    assert focal_loss(logits, classes).item() == pytest.approx((-(1 - p) * p.log()).mean().item())
    entropy = torch.nn.functional.cross_entropy(logits.transpose(1, 2), classes)
    assert focal_loss(logits, classes, gamma=0.0).item() == pytest.approx(entropy.item())
