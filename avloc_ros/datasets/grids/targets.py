"""What a grid should say: 1 in each cell that holds an active speaker (docs/papers.md: dsw)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from avloc_ros.config import setting

if TYPE_CHECKING:
    from torch import Tensor

KINDS = ("active", "visible")
SMALLEST = 0.05  # of a soft target; smaller values are 0, so that far cells are plainly empty


@dataclass(frozen=True)
class TargetConfig:
    """Which talkers count, and how sharply."""

    kind: str = setting(
        "active", "active: who speaks, seen or not; visible: whose face is seen, speaking or not", choices=KINDS
    )
    spread_cells: float = setting(
        0.0, "0: the talker's cell only; else the others get 0.5 ** ((d^2 - d0^2) / spread^2)", low=0.0, high=3.0
    )


def wanted_talkers(speaking: np.ndarray, visible: np.ndarray, kind: str) -> np.ndarray:
    """Which talkers the target shows: bool (frames, talkers), from speaking and visible of that shape."""
    return speaking if kind == "active" else visible


def grid_targets(
    u_px: np.ndarray,
    v_px: np.ndarray,
    wanted: np.ndarray,
    image_size: tuple[int, int],
    rows: int,
    cols: int,
    spread_cells: float = 0.0,
) -> np.ndarray:
    """Targets float32 (frames, rows, cols) of talkers at u_px, v_px (frames, talkers), NaN outside the picture.

    wanted: bool (frames, talkers). With a spread, cells around the talker's get 0.5 ** ((d^2 - d0^2) / spread^2), d and d0
    the distances of their and of the own cell's centre from the talker, in cells: peaks of talkers two cells apart stay
    two peaks, and a parabola through the logarithms finds the place between the cells. Where talkers meet, the larger
    value stands.
    """
    width, height = image_size
    col, row = u_px * (cols / width), v_px * (rows / height)  # (frames, talkers), in cells
    inside = wanted & (col >= 0) & (col < cols) & (row >= 0) & (row < rows)
    targets = np.zeros((len(u_px), rows, cols), np.float32)
    frames, talkers = np.nonzero(inside)
    col, row = col[frames, talkers], row[frames, talkers]  # (n,)
    if spread_cells > 0:
        across = (np.arange(cols) + 0.5 - col[:, None])[:, None, :]  # (n, 1, cols)
        down = (np.arange(rows) + 0.5 - row[:, None])[:, :, None]  # (n, rows, 1)
        squares = across**2 + down**2  # (n, rows, cols)
        own = (np.floor(col) + 0.5 - col) ** 2 + (np.floor(row) + 0.5 - row) ** 2  # (n,)
        soft = np.minimum(0.5 ** ((squares - own[:, None, None]) / spread_cells**2), 1.0)
        np.maximum.at(targets, frames, np.where(soft >= SMALLEST, soft, 0).astype(np.float32))
    targets[frames, np.floor(row).astype(int), np.floor(col).astype(int)] = 1.0
    return targets


def batched_targets(
    u_px: Tensor,
    v_px: Tensor,
    wanted: Tensor,
    image_size: tuple[int, int],
    rows: int,
    cols: int,
    spread_cells: float = 0.0,
) -> Tensor:
    """`grid_targets` in torch, on the device of its arguments."""
    import torch

    width, height = image_size
    col, row = u_px[..., None, None] * (cols / width), v_px[..., None, None] * (rows / height)  # (frames, talkers, 1, 1)
    inside = wanted[..., None, None] & (col >= 0) & (col < cols) & (row >= 0) & (row < rows)
    own_col, own_row = torch.floor(col), torch.floor(row)
    at_col, at_row = torch.arange(cols, device=u_px.device), torch.arange(rows, device=u_px.device)[:, None]
    value = ((at_col == own_col) & (at_row == own_row)).float()  # (frames, talkers, rows, cols)
    if spread_cells > 0:
        squares = (at_col + 0.5 - col) ** 2 + (at_row + 0.5 - row) ** 2
        own = (own_col + 0.5 - col) ** 2 + (own_row + 0.5 - row) ** 2
        soft = (0.5 ** ((squares - own) / spread_cells**2)).clamp(max=1.0)
        value = torch.maximum(value, torch.where(soft >= SMALLEST, soft, 0.0))
    return torch.where(inside, value, 0.0).amax(1)
