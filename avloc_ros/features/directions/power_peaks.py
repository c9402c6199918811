"""Peaks of a steered power map over the sphere, between its cells."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from avloc_ros.geometry import direction_from_angles
from avloc_ros.types import GridLayout


@dataclass(frozen=True)
class PowerPeaks:
    """Peaks of one map, highest first: angles (n,), power (n,), and the mean and spread of the whole map."""

    azimuth_rad: np.ndarray
    elevation_rad: np.ndarray
    power: np.ndarray
    map_mean: float
    map_spread: float

    def __len__(self) -> int:
        return len(self.power)


def map_statistics(power: np.ndarray, layout: GridLayout) -> tuple[float, float]:
    """Mean and standard deviation of power (rows, cols) over the sphere; cells count by their solid angle."""
    along = np.cos(layout.v_min + (np.arange(layout.rows) + 0.5) * layout.v_step)
    share = (along / along.sum()).astype(np.float32)  # (rows,)
    mean = float(power.mean(1) @ share)
    return mean, float(np.sqrt(max(float(((power - mean) ** 2).mean(1) @ share), 1e-12)))


def sphere_power_peaks(
    power: np.ndarray, layout: GridLayout, allowed: np.ndarray, max_peaks: int, apart_rad: float
) -> PowerPeaks:
    """The highest local maxima of power (rows, cols), a full sphere grid, at least `apart_rad` from each other.

    allowed: bool (rows, cols), where a peak may lie.
    """
    rows, cols = power.shape
    padded = with_ring(power)
    around = np.maximum.reduce(
        [padded[r : r + rows, c : c + cols] for r in range(3) for c in range(3) if (r, c) != (1, 1)]
    )
    mean, spread = map_statistics(power, layout)
    found = np.flatnonzero((power >= around) & allowed & (power > mean))
    found = found[np.argsort(-power.flat[found], kind="stable")][: 4 * max_peaks]
    azimuth, elevation, height = between_cells(padded, found // cols, found % cols)
    kept = _apart(azimuth, elevation, apart_rad)[:max_peaks]
    return PowerPeaks(azimuth[kept], elevation[kept], height[kept], mean, spread)


def with_ring(power: np.ndarray) -> np.ndarray:
    """Power with one ring of neighbours (rows + 2, cols + 2); beyond a pole lies the same row half a turn away."""
    half = power.shape[1] // 2
    tall = np.concatenate([np.roll(power[:1], half, 1), power, np.roll(power[-1:], half, 1)])
    return np.concatenate([tall[:, -1:], tall, tall[:, :1]], axis=1)


def between_cells(
    padded: np.ndarray, row: np.ndarray, col: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Angles and height at the top of the parabolas through the neighbours in each axis."""
    rows, cols = padded.shape[0] - 2, padded.shape[1] - 2
    here = padded[row + 1, col + 1]
    shift_u, gain_u = _vertex(padded[row + 1, col], here, padded[row + 1, col + 2])
    shift_v, gain_v = _vertex(padded[row, col + 1], here, padded[row + 2, col + 1])
    azimuth = (col + 0.5 + shift_u) * (2 * np.pi / cols) - np.pi
    elevation = (row + 0.5 + shift_v) * (np.pi / rows) - np.pi / 2
    return azimuth, elevation, here + gain_u + gain_v


def _vertex(before: np.ndarray, here: np.ndarray, after: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Shift in [-0.5, 0.5] and gain in height of the parabola through values at -1, 0, 1."""
    curvature = np.minimum(before - 2 * here + after, -1e-12)
    shift = np.clip(0.5 * (before - after) / curvature, -0.5, 0.5)
    return shift, -0.25 * (before - after) * shift


def _apart(azimuth: np.ndarray, elevation: np.ndarray, apart_rad: float) -> list[int]:
    """Indices of those, in order, that are farther than `apart_rad` from all that were kept before."""
    directions = direction_from_angles(azimuth, elevation)  # (n, 3)
    kept: list[int] = []
    for index, direction in enumerate(directions):
        if not kept or (directions[kept] @ direction).max() < np.cos(apart_rad):
            kept.append(index)
    return kept
