"""A part of the picture with soft edges, where something is wrong with it."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class SoftRegion:
    """A rectangle or the ellipse in it, pixels; it may reach beyond the picture. edge_px: width of the soft border."""

    left: float
    top: float
    width: float
    height: float
    round: bool = False
    edge_px: float = 12.0

    def weight(self, u_px: np.ndarray | float, v_px: np.ndarray | float) -> np.ndarray:
        """How much of the trouble a place has: 0 outside, 1 inside, a ramp at the border."""
        u, v = np.asarray(u_px, float), np.asarray(v_px, float)
        if self.round:
            across = 2 * (u - self.left) / self.width - 1
            down = 2 * (v - self.top) / self.height - 1
            inside_px = (1 - np.hypot(across, down)) * min(self.width, self.height) / 2
        else:
            sides = np.minimum(u - self.left, self.left + self.width - u)
            inside_px = np.minimum(sides, np.minimum(v - self.top, self.top + self.height - v))
        return np.clip(0.5 + inside_px / self.edge_px, 0.0, 1.0)

    def patch(self, rows: int, cols: int) -> tuple[slice, slice, np.ndarray]:
        """Rows and columns of the picture that have any of it, and its weight there: float32 (rows, columns, 1)."""
        return _patch(self, rows, cols)

    def in_picture(self, width: int, height: int) -> dict[str, float]:
        """The rectangle cut to the picture, as scene.json says it."""
        left, top = max(0.0, self.left), max(0.0, self.top)
        right, bottom = min(float(width), self.left + self.width), min(float(height), self.top + self.height)
        found = {"left_px": left, "top_px": top, "width_px": right - left, "height_px": bottom - top}
        return {name: round(max(0.0, value), 1) for name, value in found.items()}


@functools.lru_cache(maxsize=8)
def _patch(region: SoftRegion, rows: int, cols: int) -> tuple[slice, slice, np.ndarray]:
    v, u = np.mgrid[0:rows, 0:cols] + 0.5
    weight = region.weight(u, v).astype(np.float32)
    used_rows, used_cols = np.flatnonzero(weight.any(axis=1)), np.flatnonzero(weight.any(axis=0))
    if not len(used_rows):
        return slice(0, 0), slice(0, 0), np.zeros((0, 0, 1), np.float32)
    row, col = slice(used_rows[0], used_rows[-1] + 1), slice(used_cols[0], used_cols[-1] + 1)
    return row, col, np.ascontiguousarray(weight[row, col, None])
