"""What a geometry cannot tell apart."""

from __future__ import annotations

import numpy as np
import pytest

from avloc_ros.features.directions.array_ambiguity import ArrayAmbiguity
from avloc_ros.geometry import direction_from_angles
from avloc_ros.microphone_array import MicrophoneArray

SQUARE = MicrophoneArray(np.array([[1, 1, 0], [-1, 1, 0], [-1, -1, 0], [1, -1, 0]]) * 0.05)
WALL = MicrophoneArray(np.array([[0, 1, 1], [0, -1, 1], [0, -1, -1], [0, 1, -1]]) * 0.05)
LINE = MicrophoneArray(np.array([[0, 0.05, 0], [0, 0, 0], [0, -0.05, 0]]))
CUBE = MicrophoneArray(np.array([[1, 1, 1], [-1, 1, -1], [-1, -1, 1], [1, -1, -1]]) * 0.05)


@pytest.mark.parametrize(
    ("array", "assumed", "mirrored", "word"),
    [
        (SQUARE, direction_from_angles(1.0, 0.5), direction_from_angles(1.0, -0.5), "upper"),
        (WALL, direction_from_angles(0.4, 0.2), direction_from_angles(np.pi - 0.4, 0.2), "front"),
        (LINE, direction_from_angles(0.4, 0.0), direction_from_angles(np.pi - 0.4, 0.0), "line"),
    ],
)
def test_of_two_mirrored_directions_one_is_assumed(
    array: MicrophoneArray, assumed: np.ndarray, mirrored: np.ndarray, word: str
) -> None:
    # They are mirrored indeed: all pairs measure the same delays.
    np.testing.assert_allclose(array.positions_m @ assumed, array.positions_m @ mirrored, atol=1e-12)
    ambiguity = ArrayAmbiguity(array)
    assert ambiguity.assumed_side(assumed, 0.08)
    assert not ambiguity.assumed_side(mirrored, 0.08)
    assert any(word in reason for reason in ambiguity.reasons)


def test_an_array_with_volume_assumes_nothing() -> None:
    ambiguity = ArrayAmbiguity(CUBE)
    assert ambiguity.reasons == ()
    assert ambiguity.assumed_side(direction_from_angles(np.linspace(-3, 3, 9), -0.7), 0.08).all()


def test_deviation_is_that_of_least_squares_on_noisy_path_differences() -> None:
    azimuth, elevation, noise_m = 0.7, 0.6, 0.001
    ambiguity = ArrayAmbiguity(CUBE)
    first, second = np.triu_indices(4, 1)
    baselines = CUBE.positions_m[first] - CUBE.positions_m[second]
    truth = direction_from_angles(azimuth, elevation)
    across = direction_from_angles(azimuth + np.pi / 2, 0.0)
    # One pair's worth of noise common to the fit: the spread of the least-squares slope along one tangent, times the
    # root of the pair count, is what one pair would give; the pairs of an array share microphones and do not average.
    slope = baselines @ across
    one_pair = noise_m / np.sqrt(np.mean(slope**2))
    deviation = ambiguity.angle_deviation(np.array([azimuth]), np.array([elevation]), noise_m)
    assert deviation[0][0] == pytest.approx(one_pair, rel=0.01)
    assert np.linalg.norm(truth) == pytest.approx(1.0)


def test_a_flat_array_knows_little_of_low_elevations() -> None:
    azimuth_deviation, elevation_deviation = ArrayAmbiguity(SQUARE).angle_deviation(
        np.array([0.0, 0.0]), np.radians([2.0, 60.0]), 0.0015
    )
    assert elevation_deviation[0] > 0.3 > 5 * elevation_deviation[1]
    assert azimuth_deviation.max() < 0.05
