"""How often an association matrix is exactly the optimal one, overall and per (references, predictions)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class AssociationScore:
    """exact: share of cases without any wrong entry; f: of single entries; exact_of: exact per (references, predictions)."""

    exact: float
    f: float
    exact_of: dict[tuple[int, int], float]

    @property
    def worst(self) -> float:
        """The lowest exact share among the combinations."""
        return min(self.exact_of.values())


def score_associations(found: np.ndarray, true: np.ndarray, counts: np.ndarray) -> AssociationScore:
    """found, true: bool (cases, slots, slots), [reference][prediction]; counts (cases, 2) of references and predictions."""
    exact = (found == true).all(axis=(1, 2))
    combinations = sorted({(int(r), int(p)) for r, p in counts})
    wrong = int((found != true).sum())
    hits = int((found & true).sum())
    return AssociationScore(
        exact=float(exact.mean()),
        f=2 * hits / max(1, 2 * hits + wrong),
        exact_of={pair: float(exact[(counts == pair).all(axis=1)].mean()) for pair in combinations},
    )
