"""Values of a sphere grid at any direction, by interpolation between its cells."""

from __future__ import annotations

import numpy as np

from avloc_ros.geometry import angles_from_direction
from avloc_ros.types import GridLayout


class SphereSampling:
    """Bilinear interpolation from a full sphere grid to given directions, kept for as long as these stay.

    layout: SPHERE, wrapping; directions (..., 3): unit vectors, array frame.
    """

    def __init__(self, layout: GridLayout, directions: np.ndarray) -> None:
        azimuth, elevation = angles_from_direction(directions)
        col = (azimuth - layout.u_min) / layout.u_step - 0.5
        row = np.clip((elevation - layout.v_min) / layout.v_step - 0.5, 0, layout.rows - 1)
        left, below = np.floor(col).astype(int), np.minimum(np.floor(row).astype(int), layout.rows - 2)
        right_share, above_share = col - left, row - below
        rows = np.stack([below, below, below + 1, below + 1])
        cols = np.stack([left, left + 1, left, left + 1]) % layout.cols
        self._cells = rows * layout.cols + cols  # (4, ...)
        across = np.stack([1 - right_share, right_share, 1 - right_share, right_share])
        along = np.stack([1 - above_share, 1 - above_share, above_share, above_share])
        self._shares = (across * along).astype(np.float32)

    def __call__(self, values: np.ndarray) -> np.ndarray:
        """Values (...,) at the directions, from values (rows, cols) of the grid."""
        return (values.ravel()[self._cells] * self._shares).sum(0)
