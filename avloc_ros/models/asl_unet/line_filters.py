"""A small network along a line of directions or of moments: what a peak or an edge on it looks like is learned in minutes."""

from __future__ import annotations

from torch import nn


def filters_along(inputs: int, filters: int, outputs: int, reach: int) -> nn.Sequential:
    """(batch, inputs, length) to (batch, outputs, length), not negative; every filter sees `reach` (odd) places, twice."""
    return nn.Sequential(
        nn.Conv1d(inputs, filters, reach, padding=reach // 2),
        nn.BatchNorm1d(filters),
        nn.ReLU(),
        nn.Conv1d(filters, filters, reach, padding=reach // 2),
        nn.BatchNorm1d(filters),
        nn.ReLU(),
        nn.Conv1d(filters, outputs, 1),
        nn.ReLU(),
    )
