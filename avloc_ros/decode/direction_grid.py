"""Directions with probabilities as a sphere grid: bumps of the von Mises-Fisher distribution (Fisher 1953)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np

from avloc_ros.config import setting
from avloc_ros.geometry import cell_centres, direction_from_angles
from avloc_ros.types import GridLayout

TABLE_STEPS = 721  # a quarter of a degree apart
CAP_RINGS, CAP_SPOKES = 12, 24


@dataclass(frozen=True)
class DirectionCalibration:
    """How far a direction network is to be believed, fitted on validation scenes (its card holds the numbers).

    A track of activity logit z is a talker's with probability sigmoid(slope * z + intercept); its error is a mixture of
    two von Mises-Fisher distributions.
    """

    slope: float = setting(1.0, "of the logit", low=0.0, high=100.0)
    intercept: float = setting(0.0, "of the logit", low=-100.0, high=100.0)
    narrow: float = setting(100.0, "concentration of good estimates; about (57 / error in degrees)^2", low=0.1, high=1e5)
    wide: float = setting(10.0, "concentration of the others", low=0.01, high=1e5)
    wide_share: float = setting(0.3, "share of the others", low=0.0, high=1.0)

    def talker_probability(self, logits: np.ndarray) -> np.ndarray:
        """That a talker is where a track is, within the track's error: the shape of `logits`."""
        return 1 / (1 + np.exp(-(self.slope * np.asarray(logits, float) + self.intercept)))


class DirectionGrid:
    """Turns directions into probabilities over the cells of a sphere grid.

    A cell is reached within a cap as large as the box of one cell width to each side on the equator. Tracks are taken as
    independent.
    """

    def __init__(self, layout: GridLayout, calibration: DirectionCalibration) -> None:
        self.layout, self.calibration = layout, calibration
        centres = cell_centres(layout)
        self._cells = direction_from_angles(centres[..., 0], centres[..., 1])  # (rows, cols, 3)
        self.reach_rad = float(np.sqrt(4 * layout.u_step * layout.v_step / np.pi))

    def __call__(self, directions: np.ndarray, talker: np.ndarray) -> np.ndarray:
        """float32 (rows, cols) of directions (tracks, 3), of any length above zero, and their probabilities (tracks,)."""
        unit = directions / np.maximum(np.linalg.norm(directions, axis=1, keepdims=True), 1e-9)
        angle = np.arccos(np.clip(self._cells @ unit.T, -1, 1))  # (rows, cols, tracks)
        within = np.interp(angle, _table_angles(), self._mass)
        return (1 - np.prod(1 - talker * within, axis=-1)).astype(np.float32)

    @property
    def sharpness(self) -> float:
        """Share of a track's error that the best cell holds: no cell can be surer of a talker than that."""
        return float(self._mass[0])

    @cached_property
    def _mass(self) -> np.ndarray:
        """Share of the error within reach of a cell, by the angle between cell and track (TABLE_STEPS,)."""
        c = self.calibration
        narrow, wide = (mass_within(k, self.reach_rad, _table_angles()) for k in (c.narrow, c.wide))
        return (1 - c.wide_share) * narrow + c.wide_share * wide


def mass_within(concentration: float, reach_rad: float, angles_rad: np.ndarray) -> np.ndarray:
    """Share of a von Mises-Fisher distribution within `reach_rad` of a point, per angle between its mean and the point.

    By a polar sum over the cap around the point, each ring at the middle of its equal share of the cap's area.
    """
    heights = 1 - (1 - np.cos(reach_rad)) * (np.arange(CAP_RINGS) + 0.5) / CAP_RINGS  # cosines
    spokes = (np.arange(CAP_SPOKES) + 0.5) * (2 * np.pi / CAP_SPOKES)
    across = np.sqrt(1 - heights**2)[:, None] * np.cos(spokes)  # (rings, spokes), towards the mean
    angle = np.asarray(angles_rad)[:, None, None]
    cosine = heights[:, None] * np.cos(angle) + across * np.sin(angle)
    area = 2 * np.pi * (1 - np.cos(reach_rad))
    return area * vmf_density(concentration, cosine).mean(axis=(1, 2))


def vmf_density(concentration: float, cosine: np.ndarray) -> np.ndarray:
    """Density per steradian where the cosine of the angle to the mean is given."""
    scale = concentration / (2 * np.pi * -np.expm1(-2 * concentration))
    return scale * np.exp(concentration * (cosine - 1))


@lru_cache(maxsize=1)
def _table_angles() -> np.ndarray:
    return np.linspace(0, np.pi, TABLE_STEPS)
