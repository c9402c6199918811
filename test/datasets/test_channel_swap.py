"""AVCS against the paper's table, plane waves and a marker in the picture."""

from __future__ import annotations

import numpy as np
import pytest

from avloc_ros.datasets.events.channel_swap import ALL_SWAPS, AVCS_SWAPS
from avloc_ros.geometry import direction_from_angles
from avloc_ros.sources.dcase_csv import EventRow
from avloc_ros.types import InputError

# The table of the specification: azimuth', elevation' and the new channels Y', Z', X' in terms of the old ones.
TABLE = [
    (lambda phi, theta: (phi - 90, -theta), "-X -Z Y"),
    (lambda phi, theta: (-phi - 90, theta), "-X Z -Y"),
    (lambda phi, theta: (phi, theta), "Y Z X"),
    (lambda phi, theta: (-phi, -theta), "-Y -Z X"),
    (lambda phi, theta: (phi + 90, -theta), "X -Z -Y"),
    (lambda phi, theta: (-phi + 90, theta), "X Z Y"),
    (lambda phi, theta: (phi + 180, theta), "-Y Z -X"),
    (lambda phi, theta: (-phi + 180, -theta), "Y -Z -X"),
]


@pytest.mark.parametrize("index", range(8))
def test_the_eight_transforms_are_those_of_the_table(index):
    swap, (angles, channels) = AVCS_SWAPS[index], TABLE[index]
    samples = np.random.default_rng(0).normal(size=(5, 4)).astype(np.float32)
    named = dict(zip("WYZX", samples.T, strict=True))
    expected = [named["W"]] + [named[c[-1]] * (-1 if c[0] == "-" else 1) for c in channels.split()]
    assert np.array_equal(swap.samples(samples), np.stack(expected, 1))
    (row,) = swap.rows([EventRow(3, 1, 2, 100.0, 30.0, 1.5)])
    azimuth, elevation = angles(100.0, 30.0)
    assert (row.azimuth_deg - azimuth) % 360 == pytest.approx(0) and row.elevation_deg == elevation
    assert (row.frame, row.class_index, row.source, row.distance_m) == (3, 1, 2, 1.5)


def test_there_are_sixteen_and_eight_of_them_are_avcs():
    assert len(set(ALL_SWAPS)) == 16 and set(AVCS_SWAPS) < set(ALL_SWAPS)


@pytest.mark.parametrize("swap", ALL_SWAPS)
def test_sound_and_label_agree(swap):
    """A plane wave from the label, swapped, is the plane wave of the new label."""
    (row,) = swap.rows([EventRow(0, 0, 0, -35.0, 20.0)])
    x, y, z = direction_from_angles(np.radians(-35.0), np.radians(20.0))
    turned = swap.samples(np.array([[1.0, y, z, x]]))[0]
    assert turned[[3, 1, 2]] == pytest.approx(row.direction, abs=1e-9)


@pytest.mark.parametrize("swap", ALL_SWAPS)
def test_sound_is_turned_by_the_matrix_of_the_directions(swap):
    samples = np.random.default_rng(1).normal(size=(7, 4)).astype(np.float32)
    given, turned = samples.copy(), swap.samples(samples)
    assert np.array_equal(turned[:, [3, 1, 2]], samples[:, [3, 1, 2]] @ swap.matrix().T.astype(np.float32))
    assert np.array_equal(turned[:, 0], samples[:, 0]) and turned.dtype == np.float32
    assert np.array_equal(samples, given)  # left as they were


def pixel(azimuth_deg, elevation_deg, width, height):
    """Column and row of a direction in a 360-degree picture, from the formula of the specification."""
    return round((180 - azimuth_deg) * width / 360 - 0.5) % width, round(
        (90 - elevation_deg) * height / 180 - 0.5
    )


@pytest.mark.parametrize("swap", ALL_SWAPS)
@pytest.mark.parametrize(("azimuth", "elevation"), [(60.0, 25.0), (-157.5, -10.0), (0.0, 0.0)])
def test_a_marker_at_the_label_stays_at_the_label(swap, azimuth, elevation):
    width, height = 448, 224
    pictures = np.zeros((1, height, width, 3), np.uint8)
    column, line = pixel(azimuth, elevation, width, height)
    pictures[0, line, column] = 255
    (row,) = swap.rows([EventRow(0, 0, 0, azimuth, elevation)])
    ((_, new_line, new_column),) = np.argwhere(swap.pictures(pictures)[..., 0])
    expected_column, expected_line = pixel(row.azimuth_deg, row.elevation_deg, width, height)
    off = (new_column - expected_column + width // 2) % width - width // 2
    assert abs(off) <= 1 and abs(new_line - expected_line) <= 1  # a label between two pixels may go to either


def test_a_picture_that_cannot_be_turned_by_a_quarter_is_refused():
    with pytest.raises(InputError, match="multiple of 4"):
        ALL_SWAPS[1].pictures(np.zeros((1, 4, 10, 3), np.uint8))
