"""From peaks of the steered power to probabilities: is it a talker, and where within the error of the estimate.

The numbers of `PeakCalibration` were fitted by `benchmarks/calibrate_srp.py` (docs/srp.md has the reliability tables).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr

from avloc_ros.features.directions.array_ambiguity import ArrayAmbiguity
from avloc_ros.features.directions.power_peaks import PowerPeaks
from avloc_ros.geometry import CameraModel, angles_from_direction, cell_centres, layout_directions, wrap_angle
from avloc_ros.types import GridLayout, Projection


@dataclass(frozen=True)
class PeakCalibration:
    """Fitted numbers: a logistic rule for "this peak is a talker", and the error of its direction."""

    intercept: float = -6.32
    clarity: float = 7.75  # height in deviations of the map, as a share of the sharpest that the array can do
    relative_height: float = 4.37  # against the highest peak
    voice: float = 0.70  # per unit of the voice logit
    missed: float = 0.105  # share of voices that no peak stands for: they may be anywhere
    path_deviation_m: float = 0.0015
    least_deviation_rad: float = 0.015  # with an array of any size: reverberation, unmeasured positions
    wide_share: float = 0.33  # share of estimates whose error is wider
    wide_factor: float = 1.89


class CellAngles:
    """Azimuth and elevation of the cells of a grid and how far "within one cell width" reaches, as they broadcast.

    share_of_sphere (rows, cols): how much of all directions lies within one cell width.

    IMAGE: all (rows, cols). SPHERE: azimuth (1, cols), elevation (rows, 1), so that a normal distribution costs one
    row and one column.
    """

    def __init__(self, layout: GridLayout, camera: CameraModel | None, assumed_range_m: float) -> None:
        self.shape = layout.shape
        centres = cell_centres(layout)  # (rows, cols, 2)
        if layout.projection == Projection.SPHERE:
            self.azimuth_rad, self.elevation_rad = centres[:1, :, 0], centres[:, :1, 1]
            self.azimuth_width_rad, self.elevation_width_rad = (
                np.array(layout.u_step),
                np.array(layout.v_step),
            )
        else:
            self._from_image(layout, centres, camera, assumed_range_m)
        reach = 4 * self.azimuth_width_rad * self.elevation_width_rad * np.cos(self.elevation_rad)
        self.share_of_sphere = np.broadcast_to(reach / (4 * np.pi), self.shape).astype(np.float32)

    def _from_image(
        self, layout: GridLayout, centres: np.ndarray, camera: CameraModel | None, assumed_range_m: float
    ) -> None:
        steps = np.array([[0.0, 0.0], [layout.u_step, 0.0], [0.0, layout.v_step]])
        angles = [
            angles_from_direction(layout_directions(layout, centres + step, camera, assumed_range_m))
            for step in steps
        ]
        (self.azimuth_rad, self.elevation_rad), right, below = angles
        self.azimuth_width_rad = np.abs(wrap_angle(right[0] - self.azimuth_rad))
        self.elevation_width_rad = np.abs(below[1] - self.elevation_rad)


def talker_probability(
    peaks: PowerPeaks, sharpest: float, voice_probability: float, calibration: PeakCalibration
) -> np.ndarray:
    """Probability (n,) that each peak is a talker who speaks now; sharpest: see SphereSteering."""
    if not len(peaks):
        return np.zeros(0)
    features = peak_features(peaks, sharpest, voice_probability)
    weights = np.array([calibration.clarity, calibration.relative_height, calibration.voice])
    return 1 / (1 + np.exp(-(calibration.intercept + features @ weights)))


def peak_features(peaks: PowerPeaks, sharpest: float, voice_probability: float) -> np.ndarray:
    """What the logistic rule sees of each peak, (n, 3): clarity, relative height, logit of the voice."""
    height = peaks.power - peaks.map_mean
    odds = (voice_probability + 1e-3) / (1 - voice_probability + 1e-3)
    return np.stack(
        [height / peaks.map_spread / sharpest, height / height[0] - 1, np.full(len(peaks), np.log(odds))],
        axis=1,
    )


def cell_probability(
    peaks: PowerPeaks,
    talker: np.ndarray,
    voice_probability: float,
    cells: CellAngles,
    ambiguity: ArrayAmbiguity,
    calibration: PeakCalibration,
) -> tuple[np.ndarray, float]:
    """Probability float32 (rows, cols) that a talker is within one cell width of each cell's centre.

    talker (n,): probability that each peak is one. Peaks are taken as independent. Also returned is the share of the
    surest peak's error that fits within one cell width: small where the array tells little, as a flat one does of the
    elevation, or where cells are narrower than the error. No cell can be surer than that.
    """
    nobody = 1 - (calibration.missed * voice_probability) * cells.share_of_sphere  # (rows, cols)
    worth = np.flatnonzero(talker > 1e-3)
    if not len(worth):
        return (1 - nobody).astype(np.float32), 1.0
    within = _within_one_width(peaks, worth, cells, ambiguity, calibration)  # (worth, rows, cols)
    nobody = nobody * np.prod(1 - talker[worth, None, None].astype(np.float32) * within, axis=0)
    return (1 - nobody).astype(np.float32), float(within[np.argmax(talker[worth])].max())


def _within_one_width(
    peaks: PowerPeaks,
    chosen: np.ndarray,
    cells: CellAngles,
    ambiguity: ArrayAmbiguity,
    calibration: PeakCalibration,
) -> np.ndarray:
    """Share of the error of each chosen (n,) peak that lies within one cell width of each cell: (n, rows, cols)."""
    azimuth, elevation = peaks.azimuth_rad[chosen], peaks.elevation_rad[chosen]
    deviation = ambiguity.angle_deviation(azimuth, elevation, calibration.path_deviation_m)
    factors = np.array([1.0, calibration.wide_factor])[:, None]
    # Axes below: (narrow or wide, peaks, rows, cols)
    spread_u, spread_v = (
        (factors * np.hypot(d, calibration.least_deviation_rad))[..., None, None] for d in deviation
    )
    along = np.cos(elevation)[:, None, None]  # azimuth is counted along the arc, as its error is
    offset_u = wrap_angle(cells.azimuth_rad - azimuth[:, None, None]) * along
    offset_v = cells.elevation_rad - elevation[:, None, None]
    mass = _mass(offset_u, cells.azimuth_width_rad * along, spread_u)
    mass = mass * _mass(offset_v, cells.elevation_width_rad, spread_v)
    return (1 - calibration.wide_share) * mass[0] + calibration.wide_share * mass[1]


def _mass(offset: np.ndarray, half_width: np.ndarray, deviation: np.ndarray) -> np.ndarray:
    """Share of a normal distribution within `half_width` of a point `offset` from its centre."""
    upper, lower = (offset + half_width) / deviation, (offset - half_width) / deviation
    return ndtr(upper.astype(np.float32)) - ndtr(lower.astype(np.float32))
