"""Peaks of a speaker grid: non-maximum suppression and position between the cells.

The image grid is flat; the sphere grid wraps in azimuth and its columns meet at the poles, so that suppression there
goes by great-circle distance and the neighbour beyond a pole is the cell on the opposite side.
"""

from __future__ import annotations

import numpy as np

from avloc_ros.geometry import angle_between, cell_centres, direction_from_angles, wrap_angle
from avloc_ros.types import InputError, Peak, Projection, SpeakerGrid


def find_peaks(
    grid: SpeakerGrid, threshold: float | None = None, max_peaks: int = 8, neighbourhood_cells: float = 2.0
) -> list[Peak]:
    """Local maxima of at least `threshold` (default: the grid's own), highest first, at most `max_peaks`.

    Of two maxima nearer than `neighbourhood_cells` cell widths only the higher one stays (specs: dsw, Metrics). A
    peak's (u, v) is interpolated by a parabola through the neighbouring cells, in the layout's unit. Raises InputError
    where the values do not have the layout's shape.
    """
    values = np.asarray(grid.probability, float)  # (rows, cols)
    if values.shape != grid.layout.shape:
        raise InputError(
            f"grid of system '{grid.system}' has values {values.shape}, its layout says {grid.layout.shape}"
        )
    floor = grid.threshold if threshold is None else threshold
    candidates = np.argwhere((values >= floor) & (values > 0) & _is_local_maximum(grid, values))  # (n, 2)
    if not len(candidates):
        return []
    heights = values[candidates[:, 0], candidates[:, 1]]
    order = np.argsort(-heights, kind="stable")
    kept = _suppress(grid, candidates[order], neighbourhood_cells, max_peaks)
    return [_interpolated(grid, values, int(row), int(col)) for row, col in kept]


def talkers_near(grid: SpeakerGrid, peaks: list[Peak], reach_u: float, reach_v: float) -> np.ndarray:
    """Expected number of talkers around each peak, (peaks,), at most 1: what a broad peak is worth as a whole.

    A cell holds the probability that a talker is within one cell width, so each talker is counted in 2 x 2 cells: the
    sum over a neighbourhood, divided by 4, is the expected number there. Cells count for the nearest peak, up to
    reach_u columns' and reach_v rows' distance in the layout's unit (on a sphere reach_u is along the circle of latitude).
    """
    if not peaks:
        return np.zeros(0)
    centres = cell_centres(grid.layout)  # (rows, cols, 2)
    places = np.array([[peak.u, peak.v] for peak in peaks])  # (peaks, 2)
    offsets = centres[None] - places[:, None, None]  # (peaks, rows, cols, 2)
    if grid.layout.wraps:
        offsets[..., 0] = wrap_angle(offsets[..., 0]) * np.cos(centres[..., 1])
    distances = np.hypot(offsets[..., 0] / reach_u, offsets[..., 1] / reach_v)
    nearest = distances.argmin(0)  # (rows, cols)
    own = (nearest[None] == np.arange(len(peaks))[:, None, None]) & (distances <= 1)
    return np.minimum((own * np.asarray(grid.probability, float)[None]).sum((1, 2)) / 4, 1.0)


def _is_local_maximum(grid: SpeakerGrid, values: np.ndarray) -> np.ndarray:
    """Whether no neighbour of a cell is higher: bool (rows, cols)."""
    padded = _padded(grid, values)
    rows, cols = values.shape
    highest = np.full(values.shape, -np.inf)
    for row_shift in range(3):
        for col_shift in range(3):
            highest = np.maximum(highest, padded[row_shift : row_shift + rows, col_shift : col_shift + cols])
    return values >= highest


def _padded(grid: SpeakerGrid, values: np.ndarray) -> np.ndarray:
    """The values with one ring of neighbours around them: (rows + 2, cols + 2); -inf where there is no neighbour."""
    padded = np.full((values.shape[0] + 2, values.shape[1] + 2), -np.inf)
    padded[1:-1, 1:-1] = values
    if grid.layout.projection == Projection.SPHERE:
        half_turn = values.shape[1] // 2
        padded[0, 1:-1] = np.roll(values[0], half_turn)  # beyond a pole lies the same row, half a turn away
        padded[-1, 1:-1] = np.roll(values[-1], half_turn)
    if grid.layout.wraps:
        padded[:, 0] = padded[:, -2]
        padded[:, -1] = padded[:, 1]
    return padded


def _suppress(
    grid: SpeakerGrid, cells: np.ndarray, neighbourhood_cells: float, max_peaks: int
) -> list[tuple[int, int]]:
    """Greedy non-maximum suppression of cells (n, 2), which are sorted from high to low."""
    kept: list[tuple[int, int]] = []
    for row, col in cells:
        if len(kept) == max_peaks:
            break
        if all(_cells_apart(grid, (row, col), other) >= neighbourhood_cells for other in kept):
            kept.append((int(row), int(col)))
    return kept


def _cells_apart(grid: SpeakerGrid, first: tuple[int, int], second: tuple[int, int]) -> float:
    """Distance in cell widths: the larger of rows and columns on an image, along the great circle on a sphere."""
    layout = grid.layout
    if layout.projection == Projection.IMAGE:
        return float(max(abs(first[0] - second[0]), abs(first[1] - second[1])))
    points = np.array([first, second], float) + 0.5
    azimuth = layout.u_min + points[:, 1] * layout.u_step
    elevation = layout.v_min + points[:, 0] * layout.v_step
    directions = direction_from_angles(azimuth, elevation)  # (2, 3)
    return float(angle_between(directions[0], directions[1])) / layout.v_step + 1e-9


def _interpolated(grid: SpeakerGrid, values: np.ndarray, row: int, col: int) -> Peak:
    """The peak around a cell, by a parabola through its neighbours in each axis."""
    layout = grid.layout
    around = _padded(grid, values)[row : row + 3, col : col + 3]  # (3, 3)
    u = layout.u_min + (col + 0.5 + _parabola_vertex(*around[1])) * layout.u_step
    v = layout.v_min + (row + 0.5 + _parabola_vertex(*around[:, 1])) * layout.v_step
    if layout.wraps:
        u = float(wrap_angle(u))
    return Peak(float(u), float(v), float(values[row, col]))


def _parabola_vertex(before: float, here: float, after: float) -> float:
    """Where the parabola through values at -1, 0, 1 is highest, in [-0.5, 0.5]; 0 where a neighbour is missing."""
    if not (np.isfinite(before) and np.isfinite(after)):
        return 0.0
    curvature = before - 2 * here + after
    return 0.0 if curvature >= -1e-12 else float(np.clip(0.5 * (before - after) / curvature, -0.5, 0.5))
