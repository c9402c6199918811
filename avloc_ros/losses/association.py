"""The loss that teaches the Hungarian network: three cross-entropies (docs/papers.md: diff_track)."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from avloc_ros.models.diff_track.hungarian import Associations


def association_loss(found: Associations, matrix: Tensor) -> Tensor:
    """Sum of the cross-entropies of the association matrix, of its row maxima and of its column maxima: a scalar.

    matrix: (batch, references, predictions), 1 where the two belong together.
    """
    target = matrix.to(found.matrix.dtype)
    return (
        binary_cross_entropy_with_logits(found.matrix, target)
        + binary_cross_entropy_with_logits(found.of_reference, torch.amax(target, dim=2))
        + binary_cross_entropy_with_logits(found.of_prediction, torch.amax(target, dim=1))
    )
