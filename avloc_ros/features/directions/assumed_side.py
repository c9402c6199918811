"""A map of the sphere folded onto the side where a talker is assumed, for arrays that cannot tell the sides apart.

A tracker that is honest about a flat array gives half of a talker to each side of its plane, and about microphones on a
line, a little to every direction of a cone. Since the other directions are ruled out by assumption (ArrayAmbiguity), what
was given to them belongs to the one that is left.
"""

from __future__ import annotations

import numpy as np

from avloc_ros.features.directions.array_ambiguity import ArrayAmbiguity
from avloc_ros.geometry import angle_between, cell_centres, layout_directions
from avloc_ros.types import CELLS_PER_TALKER, GridLayout


class AssumedSide:
    """Folds probabilities per cell of one sphere grid; does nothing for an array that has volume."""

    def __init__(self, ambiguity: ArrayAmbiguity, layout: GridLayout) -> None:
        directions = layout_directions(layout, cell_centres(layout), None, 0.0)  # (rows, cols, 3)
        self.allowed = ambiguity.assumed_side(directions, layout.v_step)  # (rows, cols)
        self._mirror: np.ndarray | None = None
        self._touching: np.ndarray | None = None
        self._cones: np.ndarray | None = None
        flat = directions.reshape(-1, 3)
        if ambiguity.axis is not None:
            angles = angle_between(flat, ambiguity.axis)  # to the line (cells,)
            near = np.abs(angles[self.allowed.ravel()][:, None] - angles) < layout.v_step
            self._cones = near.astype(np.float32) / CELLS_PER_TALKER  # (allowed cells, cells)
        elif ambiguity.normal is not None:
            mirrored = flat - 2 * (flat @ ambiguity.normal)[:, None] * ambiguity.normal
            self._mirror = (mirrored @ flat.T).argmax(1)  # (cells,): the cell that sounds like this one
            self._touching = angle_between(flat, mirrored) < 1.5 * layout.v_step  # both hold the same talkers

    def fold(self, probability: np.ndarray) -> np.ndarray:
        """Probability (rows, cols) that a talker is within one cell width, all of it on the assumed side."""
        if self._cones is not None:
            folded = np.zeros_like(probability)
            folded[self.allowed] = np.minimum(self._cones @ probability.ravel(), 1.0)
            return folded
        if self._mirror is None or self._touching is None:
            return probability
        own, other = probability.ravel(), probability.ravel()[self._mirror]
        either = np.where(self._touching, np.maximum(own, other), np.minimum(own + other, 1.0))
        return either.reshape(probability.shape).astype(probability.dtype) * self.allowed
