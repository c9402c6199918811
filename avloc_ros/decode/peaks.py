"""Peaks of a speaker grid: non-maximum suppression and position between the cells.

The image grid is flat; the sphere grid wraps in azimuth and its columns meet at the poles, so that suppression there
goes by great-circle distance and the neighbour beyond a pole is the cell on the opposite side.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from avloc_ros.geometry import angle_between, cell_centres, direction_from_angles, wrap_angle
from avloc_ros.types import CELLS_PER_TALKER, GridLayout, InputError, Peak, Projection, SpeakerGrid


def find_peaks(
    grid: SpeakerGrid, threshold: float | None = None, max_peaks: int = 8, neighbourhood_cells: float = 2.0
) -> list[Peak]:
    """Local maxima of at least `threshold` (default: the grid's own), highest first, at most `max_peaks`.

    Of two maxima nearer than `neighbourhood_cells` cell widths only the higher one stays (docs/papers.md: dsw). A
    peak's (u, v) is interpolated by a parabola through the neighbouring cells, in the layout's unit. Raises InputError
    where the values do not have the layout's shape.
    """
    values = np.asarray(grid.probability, float)  # (rows, cols)
    if values.shape != grid.layout.shape:
        raise InputError(
            f"grid of system '{grid.system}' has values {values.shape}, its layout says {grid.layout.shape}"
        )
    floor = grid.threshold if threshold is None else threshold
    return peaks_of_frames(grid.layout, values[None], floor, max_peaks, neighbourhood_cells)[0]


def peaks_of_frames(
    layout: GridLayout,
    values: np.ndarray,
    threshold: float,
    max_peaks: int = 8,
    neighbourhood_cells: float = 2.0,
) -> list[list[Peak]]:
    """The peaks of many grids of one layout at once: values (frames, rows, cols), one list per frame."""
    values = np.asarray(values, float)
    padded = _padded(layout, values)  # (frames, rows + 2, cols + 2)
    cells = np.argwhere((values >= threshold) & (values > 0) & _is_local_maximum(padded))  # (n, 3)
    heights = values[tuple(cells.T)]
    cells = cells[np.lexsort((-heights, cells[:, 0]))]  # by frame, then from high to low
    first, end = (np.searchsorted(cells[:, 0], np.arange(len(values)), side) for side in ("left", "right"))
    kept = [
        cells[a:b][_suppress(layout, cells[a:b, 1:], neighbourhood_cells, max_peaks)]
        for a, b in zip(first, end, strict=True)
    ]
    places = _interpolated(layout, padded, np.concatenate(kept)) if kept else np.zeros((0, 3))
    ends = np.cumsum([len(rows) for rows in kept])[:-1]
    return [[Peak(*map(float, row)) for row in rows] for rows in np.split(places, ends)] if kept else []


def talkers_near(grid: SpeakerGrid, peaks: list[Peak], reach_u: float, reach_v: float) -> np.ndarray:
    """Expected number of talkers around each peak, (peaks,), at most 1: what a broad peak is worth as a whole.

    A cell holds the probability that a talker is within one cell width, so each talker is counted in CELLS_PER_TALKER cells:
    the sum over a neighbourhood, divided by these, is the expected number there.
    Cells count for the nearest peak, up to reach_u columns' and reach_v rows' distance in the layout's unit (on a sphere
    reach_u is along the circle of latitude).
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
    return np.minimum((own * np.asarray(grid.probability, float)[None]).sum((1, 2)) / CELLS_PER_TALKER, 1.0)


def _is_local_maximum(padded: np.ndarray) -> np.ndarray:
    """Whether no neighbour of a cell is higher: bool (frames, rows, cols) from values with a ring around them."""
    rows, cols = padded.shape[1] - 2, padded.shape[2] - 2
    highest = np.full((len(padded), rows, cols), -np.inf)
    for row_shift in range(3):
        for col_shift in range(3):
            np.maximum(
                highest, padded[:, row_shift : row_shift + rows, col_shift : col_shift + cols], out=highest
            )
    return padded[:, 1:-1, 1:-1] >= highest


def _padded(layout: GridLayout, values: np.ndarray) -> np.ndarray:
    """Values (frames, rows, cols) with one ring of neighbours around them; -inf where there is no neighbour."""
    padded = np.pad(values, ((0, 0), (1, 1), (1, 1)), constant_values=-np.inf)
    if layout.projection == Projection.SPHERE:
        half_turn = layout.cols // 2
        padded[:, 0, 1:-1] = np.roll(values[:, 0], half_turn, -1)  # beyond a pole: the same row, half a turn away
        padded[:, -1, 1:-1] = np.roll(values[:, -1], half_turn, -1)
    if layout.wraps:
        padded[..., 0] = padded[..., -2]
        padded[..., -1] = padded[..., 1]
    return padded


def _suppress(layout: GridLayout, cells: np.ndarray, neighbourhood_cells: float, max_peaks: int) -> list[int]:
    """Greedy non-maximum suppression: which of cells (n, 2), sorted from high to low, stay."""
    kept: list[int] = []
    left = np.arange(len(cells))
    while len(left) and len(kept) < max_peaks:
        best, left = left[0], left[1:]
        kept.append(int(best))
        if len(left):
            left = left[_cells_apart(layout, cells[best], cells[left]) >= neighbourhood_cells]
    return kept


def _cells_apart(layout: GridLayout, cell: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Distances (n,) in cell widths: the larger of rows and columns on an image, along the great circle on a sphere."""
    if layout.projection == Projection.IMAGE:
        return np.abs(others - cell).max(axis=1)
    directions = _cell_directions(layout)  # (rows, cols, 3)
    angles = angle_between(directions[tuple(cell)], directions[others[:, 0], others[:, 1]])  # (n,)
    return angles / layout.v_step + 1e-9


@lru_cache(maxsize=8)
def _cell_directions(layout: GridLayout) -> np.ndarray:
    """Unit vectors (rows, cols, 3) of the cells of a sphere grid."""
    centres = cell_centres(layout)
    return direction_from_angles(centres[..., 0], centres[..., 1])


def _interpolated(layout: GridLayout, padded: np.ndarray, cells: np.ndarray) -> np.ndarray:
    """(n, 3) of u, v, height at cells (n, 3) of (frame, row, col): a parabola through the neighbours in each axis."""
    frame, row, col = cells.T
    here = padded[frame, row + 1, col + 1]
    across = _parabola_vertex(padded[frame, row + 1, col], here, padded[frame, row + 1, col + 2])
    down = _parabola_vertex(padded[frame, row, col + 1], here, padded[frame, row + 2, col + 1])
    u = layout.u_min + (col + 0.5 + across) * layout.u_step
    v = layout.v_min + (row + 0.5 + down) * layout.v_step
    return np.stack([wrap_angle(u) if layout.wraps else u, v, here], axis=1)


def _parabola_vertex(before: np.ndarray, here: np.ndarray, after: np.ndarray) -> np.ndarray:
    """Where the parabolas through values (n,) at -1, 0, 1 are highest, in [-0.5, 0.5]; 0 where a neighbour is missing."""
    known = np.isfinite(before) & np.isfinite(after)
    before, after = np.where(known, before, 0.0), np.where(known, after, 0.0)
    curvature = before - 2 * here + after
    curved = known & (curvature < -1e-12)
    offset = 0.5 * (before - after) / np.where(curved, curvature, 1.0)
    return np.where(curved, np.clip(offset, -0.5, 0.5), 0.0)
