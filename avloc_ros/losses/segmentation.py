"""Losses for masks where almost all pixels are background: weighted BCE, Dice, Tversky, focal Tversky, BCE + Dice."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from avloc_ros.config import setting

LOSSES = ("bce", "dice", "tversky", "focal_tversky", "bce_dice")
SMOOTHING = 1.0  # pixels, on both sides of the fraction: an empty mask that stays empty costs nothing


@dataclass(frozen=True)
class SegmentationLossConfig:
    """Which loss and its numbers (docs/papers.md: asl_unet)."""

    kind: str = setting("bce_dice", "which loss", choices=LOSSES)
    positive_weight: float = setting(10.0, "bce: how much a speaker's pixel counts more than background", low=0.0)
    false_negative_weight: float = setting(0.7, "tversky: of a speaker's pixel that is missed", low=0.0)
    false_positive_weight: float = setting(0.3, "tversky: of a background pixel that is marked", low=0.0)
    gamma: float = setting(1.33, "focal_tversky: exponent; above 1 it looks at what is still bad", low=0.1, high=5.0)
    dice_weight: float = setting(1.0, "bce_dice: of Dice beside BCE", low=0.0)


def segmentation_loss(logits: Tensor, mask: Tensor, config: SegmentationLossConfig) -> Tensor:
    """The configured loss of logits against a mask of 0 and 1, both (batch, rows, cols): a scalar."""
    mask = mask.to(logits.dtype)
    if config.kind == "bce":
        return weighted_bce(logits, mask, config.positive_weight)
    if config.kind == "dice":
        return dice_loss(logits, mask)
    if config.kind == "bce_dice":
        return weighted_bce(logits, mask, config.positive_weight) + config.dice_weight * dice_loss(logits, mask)
    gamma = config.gamma if config.kind == "focal_tversky" else 1.0
    return focal_tversky_loss(
        logits,
        mask,
        false_negative_weight=config.false_negative_weight,
        false_positive_weight=config.false_positive_weight,
        gamma=gamma,
    )


def weighted_bce(logits: Tensor, mask: Tensor, positive_weight: float) -> Tensor:
    """Mean over pixels of -(w y log p + (1 - y) log(1 - p))."""
    return binary_cross_entropy_with_logits(logits, mask, pos_weight=logits.new_full((), positive_weight))


def dice_loss(logits: Tensor, mask: Tensor) -> Tensor:
    """1 - (2 sum(y p) + 1) / (sum(y) + sum(p) + 1), sums over the whole batch (the report's section 3.2)."""
    probability = torch.sigmoid(logits)
    overlap = (probability * mask).sum()
    return 1 - (2 * overlap + SMOOTHING) / (probability.sum() + mask.sum() + SMOOTHING)


def tversky_index(
    logits: Tensor, mask: Tensor, *, false_negative_weight: float, false_positive_weight: float
) -> Tensor:
    """TP / (TP + w_fn FN + w_fp FP), smoothed, sums over the whole batch.

    The report's formula gives alpha to false negatives, its prose to false positives: here the weights say their names.
    """
    probability = torch.sigmoid(logits)
    hits = (probability * mask).sum()
    missed = ((1 - probability) * mask).sum()
    false = (probability * (1 - mask)).sum()
    return (hits + SMOOTHING) / (
        hits + false_negative_weight * missed + false_positive_weight * false + SMOOTHING
    )


def focal_tversky_loss(
    logits: Tensor, mask: Tensor, *, false_negative_weight: float, false_positive_weight: float, gamma: float = 1.0
) -> Tensor:
    """(1 - TI) ** gamma; gamma 1 is the plain Tversky loss, above 1 the slope is steepest where TI is low."""
    index = tversky_index(
        logits,
        mask,
        false_negative_weight=false_negative_weight,
        false_positive_weight=false_positive_weight,
    )
    return (1 - index).clamp(min=1e-7) ** gamma
