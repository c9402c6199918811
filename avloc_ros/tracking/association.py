"""Which measurement belongs to which track: the cheapest assignment, with the option of none."""

from __future__ import annotations

import numpy as np
from scipy.optimize import linear_sum_assignment


def associate(cost: np.ndarray, gate: float) -> list[tuple[int, int]]:
    """Pairs (row, column) of least total cost, where leaving a row alone costs `gate`.

    cost: (tracks, measurements), e.g. squared Mahalanobis distances; what is above the gate, or not finite, is never
    paired. Solved exactly (Jonker-Volgenant, scipy) on the matrix with one dummy column per row.
    """
    cost = np.asarray(cost, float)
    if cost.size == 0:
        return []
    rows, columns = cost.shape
    forbidden = 1e6 * max(gate, 1.0)
    allowed = np.where(np.isfinite(cost) & (cost <= gate), cost, forbidden)
    dummies = np.where(np.eye(rows, dtype=bool), gate, forbidden)  # (rows, rows)
    chosen = linear_sum_assignment(np.concatenate([allowed, dummies], axis=1))
    return [
        (int(r), int(c)) for r, c in zip(*chosen, strict=True) if c < columns and allowed[r, c] < forbidden
    ]
