"""What CoLoC's two networks minimise (docs/papers.md: coloc; report Eq. in Sec. 3.1 and 3.2)."""

from __future__ import annotations

import torch
from torch import Tensor

NORM = 1.5  # between the mean, which may ignore the condition, and the median, which decides too sharply


def localizer_loss(predicted: Tensor, stacked: Tensor, hidden_from: Tensor) -> Tensor:
    """Distance to the nearest direction that is still to be found, averaged over groups, a scalar.

    predicted: (batch, frames, 3). stacked: (batch, rows, frames, 3), all true directions, zeros where none.
    hidden_from: (batch,) the first row r that the network was not told of. Where no row from r on holds an event the
    prediction is to be the origin. Frames of equal (r, number of events) form a group; groups count alike.
    """
    rows = stacked.shape[1]
    active = stacked.abs().sum(3) > 0  # (batch, rows, frames)
    remaining = active & (
        torch.arange(rows, device=stacked.device)[None, :, None] >= hidden_from[:, None, None]
    )
    distances = _length(predicted[:, None] - stacked)  # (batch, rows, frames)
    nearest = distances.masked_fill(~remaining, torch.inf).amin(1)  # (batch, frames)
    losses = torch.where(remaining.any(1), nearest, _length(predicted))
    # A frame with fewer than r events was conditioned on the origin as one that has r events is not: it has no step r.
    count = active.sum(1)  # (batch, frames)
    group = (hidden_from[:, None] * (rows + 1) + count).long()
    group = torch.where(count >= hidden_from[:, None], group, rows * (rows + 1)).flatten()  # the last one does not count
    zeros = losses.new_zeros(rows * (rows + 1) + 1)
    sizes = zeros.index_add(0, group, torch.ones_like(losses).flatten())[:-1]
    means = zeros.index_add(0, group, losses.flatten())[:-1] / sizes.clamp_min(1.0)
    return means.sum() / (sizes > 0).sum().clamp_min(1)


def focal_loss(logits: Tensor, classes: Tensor, gamma: float = 1.0) -> Tensor:
    """Mean of -(1 - p)^gamma log p of the true class. logits: (batch, frames, classes), classes: (batch, frames)."""
    log_p = logits.log_softmax(2).gather(2, classes[..., None])[..., 0]
    return -((1.0 - log_p.exp()) ** gamma * log_p).mean()


def _length(vectors: Tensor) -> Tensor:
    # The smallest term keeps the gradient of the root finite at the origin.
    return (vectors.abs() ** NORM).sum(-1).add(1e-12) ** (1.0 / NORM)
