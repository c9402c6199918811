"""Cell probabilities mean what they say: against talkers drawn at random from the error model."""

from __future__ import annotations

import numpy as np

from avloc_ros.features.directions.array_ambiguity import ArrayAmbiguity
from avloc_ros.features.directions.power_peaks import PowerPeaks
from avloc_ros.geometry import cell_centres, sphere_grid, wrap_angle
from avloc_ros.microphone_array import MicrophoneArray
from avloc_ros.systems.srp_probability import (
    CellAngles,
    PeakCalibration,
    cell_probability,
    talker_probability,
)

ARRAY = MicrophoneArray(np.array([[1, 1, 1], [-1, 1, -1], [-1, -1, 1], [1, -1, -1]]) * 0.04)


def one_peak(azimuth: float, elevation: float, height: float = 0.6) -> PowerPeaks:
    return PowerPeaks(np.array([azimuth]), np.array([elevation]), np.array([height]), 0.1, 0.12)


def test_probability_is_the_share_of_talkers_within_one_cell_width() -> None:
    calibration = PeakCalibration(missed=0.0)
    ambiguity, layout = ArrayAmbiguity(ARRAY), sphere_grid()
    azimuth, elevation, talker = 3.1, 0.35, 0.8  # beside the seam of the grid
    peaks = one_peak(azimuth, elevation)
    given, sharpness = cell_probability(
        peaks, np.array([talker]), 1.0, CellAngles(layout, None, 2.0), ambiguity, calibration
    )
    random = np.random.default_rng(0)
    count = 200_000
    present = random.random(count) < talker
    wide = np.where(random.random(count) < calibration.wide_share, calibration.wide_factor, 1.0)
    spread = np.hypot(
        ambiguity.angle_deviation(np.array([azimuth]), np.array([elevation]), calibration.path_deviation_m),
        calibration.least_deviation_rad,
    )  # (2, 1)
    az = azimuth + random.normal(size=count) * wide * spread[0] / np.cos(elevation)
    el = elevation + random.normal(size=count) * wide * spread[1]
    centres = cell_centres(layout)
    near = np.argwhere(given > 0.02)
    assert len(near) > 5
    for row, col in near:
        u, v = centres[row, col]
        within = (np.abs(wrap_angle(az - u)) < layout.u_step) & (np.abs(el - v) < layout.v_step)
        assert abs(np.mean(within & present) - given[row, col]) < 0.01
    assert given.max() <= talker * sharpness + 1e-6


def test_a_clear_peak_with_a_voice_is_a_talker_and_without_either_is_not() -> None:
    calibration = PeakCalibration()
    clear, faint = one_peak(0, 0, 0.1 + 0.12 * 5), one_peak(0, 0, 0.1 + 0.12 * 1.5)
    voiced = talker_probability(clear, 5.0, 0.95, calibration)[0]
    assert voiced > 0.8
    assert talker_probability(clear, 5.0, 0.01, calibration)[0] < voiced
    assert talker_probability(faint, 5.0, 0.01, calibration)[0] < 0.1


def test_a_voice_without_a_peak_may_be_anywhere() -> None:
    calibration = PeakCalibration()
    nobody = PowerPeaks(np.zeros(0), np.zeros(0), np.zeros(0), 0.0, 1.0)
    given, _ = cell_probability(
        nobody, np.zeros(0), 1.0, CellAngles(sphere_grid(), None, 2.0), ArrayAmbiguity(ARRAY), calibration
    )
    # Each cell counts what lies within one width on either side, so that the sum is four times the missed share.
    assert abs(given.sum() - 4 * calibration.missed) < 0.02
