"""Every segmentation loss against loops over pixels, and what its weights do."""

from __future__ import annotations

import math

import numpy as np
import pytest

pytest.importorskip("torch")

import torch

from avloc_ros.config import from_mapping
from avloc_ros.losses.segmentation import (
    LOSSES,
    SegmentationLossConfig,
    dice_loss,
    focal_tversky_loss,
    segmentation_loss,
    tversky_index,
    weighted_bce,
)
from avloc_ros.types import InputError


def example():
    rng = np.random.default_rng(0)
    return torch.tensor(rng.normal(size=(2, 5, 7))), torch.tensor((rng.random((2, 5, 7)) < 0.2).astype(float))


def slow(kind, logits, mask, config):
    """One pixel after the other, with the formulas of the report's section 3.2."""
    hits = missed = false = entropy = predicted = wanted = 0.0
    for z, y in zip(logits.flatten().tolist(), mask.flatten().tolist(), strict=True):
        p = 1 / (1 + math.exp(-z))
        entropy -= config.positive_weight * y * math.log(p) + (1 - y) * math.log(1 - p)
        hits, missed, false = hits + p * y, missed + (1 - p) * y, false + p * (1 - y)
        predicted, wanted = predicted + p, wanted + y
    bce = entropy / mask.numel()
    dice = 1 - (2 * hits + 1) / (predicted + wanted + 1)
    index = (hits + 1) / (hits + config.false_negative_weight * missed + config.false_positive_weight * false + 1)
    return {
        "bce": bce,
        "dice": dice,
        "tversky": 1 - index,
        "focal_tversky": (1 - index) ** config.gamma,
        "bce_dice": bce + config.dice_weight * dice,
    }[kind]


@pytest.mark.parametrize("kind", LOSSES)
def test_every_loss_is_its_formula(kind):
    logits, mask = example()
    config = SegmentationLossConfig(
        kind, positive_weight=7.0, false_negative_weight=0.8, false_positive_weight=0.2, gamma=1.5, dice_weight=0.6
    )
    assert float(segmentation_loss(logits, mask, config)) == pytest.approx(slow(kind, logits, mask, config))


@pytest.mark.parametrize("kind", LOSSES)
def test_right_masks_cost_nothing_and_gradients_push_the_right_way(kind):
    mask = torch.zeros(1, 8, 8)
    mask[0, 2:4, 2:5] = 1
    config = SegmentationLossConfig(kind)
    assert float(segmentation_loss((mask * 2 - 1) * 40, mask, config)) == pytest.approx(0, abs=1e-4)
    logits = torch.zeros(1, 8, 8, requires_grad=True)
    segmentation_loss(logits, mask, config).backward()
    assert (logits.grad[mask > 0] < 0).all() and (logits.grad[mask == 0] > 0).all()


def test_the_false_negative_weight_punishes_misses_and_the_other_false_alarms():
    mask = torch.zeros(1, 10, 10)
    mask[0, :4, :5] = 1
    missing, excess = mask.clone(), mask.clone()
    missing[0, :2] = 0  # ten speaker pixels missed
    excess[0, 4:6, :5] = 1  # ten background pixels marked
    def loss(found, fn, fp):
        return float(
            focal_tversky_loss((found * 2 - 1) * 40, mask, false_negative_weight=fn, false_positive_weight=fp)
        )

    assert loss(missing, 0.9, 0.1) > loss(missing, 0.1, 0.9)
    assert loss(excess, 0.1, 0.9) > loss(excess, 0.9, 0.1)
    assert loss(missing, 0.9, 0.1) == pytest.approx(1 - 11 / (10 + 9 + 1))


def test_tversky_with_halves_is_dice():
    logits, mask = example()
    index = tversky_index(logits, mask, false_negative_weight=0.5, false_positive_weight=0.5)
    p = torch.sigmoid(logits)
    twice = (2 * (p * mask).sum() + 2) / (p.sum() + mask.sum() + 2)  # the smoothing is one pixel of TP here
    assert float(index) == pytest.approx(float(twice))


def test_an_empty_mask_stays_defined():
    empty = torch.zeros(1, 4, 4)
    assert float(dice_loss(torch.full((1, 4, 4), -40.0), empty)) == pytest.approx(0)
    assert float(dice_loss(torch.full((1, 4, 4), 40.0), empty)) > 0.9
    assert float(weighted_bce(torch.zeros(1, 4, 4), empty, 10.0)) == pytest.approx(math.log(2), rel=1e-5)


def test_unknown_losses_are_refused():
    with pytest.raises(InputError, match="allowed: bce, dice, tversky, focal_tversky, bce_dice"):
        from_mapping(SegmentationLossConfig, {"kind": "jaccard"})
