"""Bumps on the sphere: as much of the distribution within reach as draws of it say, and a talker where a track is."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import integrate, stats

from avloc_ros.decode.direction_grid import DirectionCalibration, DirectionGrid, mass_within, vmf_density
from avloc_ros.decode.peaks import find_peaks
from avloc_ros.geometry import direction_from_angles, sphere_grid
from avloc_ros.types import Modality, SpeakerGrid

REACH_RAD = np.radians(6.0)


@pytest.mark.parametrize("concentration", [0.5, 10.0, 300.0])
def test_the_density_is_scipys_and_integrates_to_one(concentration):
    points = stats.uniform_direction(3, seed=0).rvs(50)
    mean = np.array([0.0, 0.6, 0.8])
    assert vmf_density(concentration, points @ mean) == pytest.approx(
        stats.vonmises_fisher(mean, concentration).pdf(points)
    )
    total = 2 * np.pi * integrate.quad(lambda c: vmf_density(concentration, c), -1, 1, limit=200)[0]
    assert total == pytest.approx(1.0, abs=1e-6)


@pytest.mark.parametrize(("concentration", "off_deg"), [(20.0, 0.0), (20.0, 15.0), (200.0, 3.0), (200.0, 9.0)])
def test_mass_within_reach_is_the_share_of_draws(concentration, off_deg):
    draws = stats.vonmises_fisher([0, 0, 1], concentration, seed=1).rvs(200_000)
    point = np.array([np.sin(np.radians(off_deg)), 0.0, np.cos(np.radians(off_deg))])
    share = np.mean(draws @ point > np.cos(REACH_RAD))
    found = mass_within(concentration, REACH_RAD, np.radians([off_deg]))[0]
    assert found == pytest.approx(share, abs=0.004)


def test_two_tracks_are_two_peaks_at_their_probabilities():
    calibration = DirectionCalibration(narrow=200.0, wide=30.0, wide_share=0.2)
    layout = sphere_grid(36, 72)
    grid = DirectionGrid(layout, calibration)
    angles = np.radians([[42.5, 7.5], [-122.5, -12.5]])  # centres of cells
    directions = 0.7 * direction_from_angles(angles[:, 0], angles[:, 1])  # of any length
    probability = grid(directions, np.array([0.9, 0.4]))
    assert probability.shape == (36, 72) and probability.dtype == np.float32
    found = find_peaks(SpeakerGrid(0, layout, Modality.AUDIO, probability, 0.05, "test"), 0.05, 3)
    assert len(found) == 2
    for peak, azimuth, talker in zip(found, angles[:, 0], (0.9, 0.4), strict=True):
        assert np.degrees(peak.u - azimuth) == pytest.approx(0.0, abs=1.0)
        assert peak.probability == pytest.approx(talker * grid.sharpness, rel=0.05)


def test_no_track_is_an_empty_grid_and_tracks_at_one_place_add_up_as_chances():
    grid = DirectionGrid(sphere_grid(36, 72), DirectionCalibration(narrow=500.0))
    assert not grid(np.zeros((0, 3)), np.zeros(0)).any()
    one = grid(np.array([[1.0, 0, 0]]), np.array([0.5]))
    two = grid(np.array([[1.0, 0, 0], [2.0, 0, 0]]), np.array([0.5, 0.5]))
    assert two == pytest.approx(1 - (1 - one) ** 2, abs=1e-5)
