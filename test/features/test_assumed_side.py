"""A map folded onto the side where a talker is assumed: nothing is lost, and nothing is left where nobody can be told."""

from __future__ import annotations

import numpy as np
import pytest

from avloc_ros.features.directions.array_ambiguity import ArrayAmbiguity
from avloc_ros.features.directions.assumed_side import AssumedSide
from avloc_ros.geometry import cell_centres, sphere_grid
from avloc_ros.microphone_array import MicrophoneArray

LAYOUT = sphere_grid(36, 72)
CENTRES = cell_centres(LAYOUT)  # (rows, cols, 2): azimuth, elevation


def side(positions) -> AssumedSide:
    names = tuple(f"m{k}" for k in range(len(positions)))
    return AssumedSide(ArrayAmbiguity(MicrophoneArray(np.array(positions, float), names)), LAYOUT)


def talker(azimuth_deg: float, elevation_deg: float, height: float = 1.0) -> np.ndarray:
    """`height` in the 2 x 2 cells around a direction, 0 elsewhere."""
    apart = np.abs(np.degrees(CENTRES) - [azimuth_deg, elevation_deg])
    return (height * (apart < 5.0).all(-1)).astype(np.float32)


SQUARE = [(0.05, 0.05, 0), (0.05, -0.05, 0), (-0.05, 0.05, 0), (-0.05, -0.05, 0)]
ROW = [(0, 0.1, 0), (0, 0.03, 0), (0, -0.03, 0), (0, -0.1, 0)]
VOLUME = [*SQUARE, (0, 0, 0.1)]


def test_an_array_with_volume_is_left_alone():
    given = np.random.default_rng(0).uniform(size=LAYOUT.shape).astype(np.float32)
    np.testing.assert_array_equal(side(VOLUME).fold(given), given)


@pytest.mark.parametrize("azimuth_deg", [-150.0, 0.0, 60.0])
def test_halves_above_and_below_a_flat_array_make_one_talker_above(azimuth_deg):
    halves = talker(azimuth_deg, 30.0, 0.5) + talker(azimuth_deg, -30.0, 0.5)
    np.testing.assert_allclose(side(SQUARE).fold(halves), talker(azimuth_deg, 30.0), atol=1e-6)
    np.testing.assert_allclose(side(SQUARE).fold(talker(azimuth_deg, -30.0, 0.8)), talker(azimuth_deg, 30.0, 0.8), atol=1e-6)


def test_a_talker_in_the_plane_is_not_counted_twice():
    level = talker(20.0, 0.0, 0.4)
    folded = side(SQUARE).fold(level)
    assert folded.max() == pytest.approx(0.4)


def test_a_flat_array_that_stands_upright_hears_in_front():
    upright = [(0, y, z) for y in (-0.05, 0.05) for z in (-0.05, 0.05)]
    halves = talker(30.0, 10.0, 0.5) + talker(150.0, 10.0, 0.5)  # mirrored at the plane x = 0
    np.testing.assert_allclose(side(upright).fold(halves), talker(30.0, 10.0), atol=1e-6)


def test_what_a_line_spreads_over_its_cone_is_one_talker_in_front_at_its_height():
    angle = np.arccos(np.cos(CENTRES[..., 1]) * np.sin(CENTRES[..., 0]))  # to the line, which points along y
    on_cone = np.abs(angle - np.radians(60)) < np.radians(2.6)
    spread = np.where(on_cone, 4.0 / on_cone.sum(), 0.0).astype(np.float32)  # one talker: 4 cells' worth
    assert spread.max() < 0.05
    folded = side(ROW).fold(spread)
    at = np.unravel_index(folded.argmax(), LAYOUT.shape)
    azimuth_deg, elevation_deg = np.degrees(CENTRES[at])
    assert folded.max() > 0.9 and abs(azimuth_deg - 30.0) < 5.0 and abs(elevation_deg) < 10.0
    assert folded[np.abs(CENTRES[..., 0]) > np.radians(100)].max() == 0.0  # nobody behind
    assert folded[:, np.abs(np.degrees(CENTRES[0, :, 0])) < 15].max() < 0.1  # nor on another cone
