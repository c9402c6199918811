"""Frames, rotations, projections and grids, against scipy's rotations, hand-computed cases and round trips."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from avloc_ros import geometry
from avloc_ros.geometry import CameraModel
from avloc_ros.microphone_array import MicrophoneArray
from avloc_ros.types import InputError

CAMERA = CameraModel(
    720,
    450,
    600.0,
    610.0,
    355.0,
    230.0,
    np.array([0.1, -0.2, 0.3]),
    geometry.rotation_from_yaw_pitch_roll(0.4, -0.2, 0.1),
)


def test_azimuth_is_to_the_left_and_elevation_up() -> None:
    np.testing.assert_allclose(geometry.direction_from_angles(math.pi / 2, 0.0), [0, 1, 0], atol=1e-12)
    np.testing.assert_allclose(geometry.direction_from_angles(0.0, math.pi / 2), [0, 0, 1], atol=1e-12)


def test_angles_and_directions_are_inverse_of_each_other() -> None:
    draw = np.random.default_rng(1)
    azimuth, elevation = draw.uniform(-3.1, 3.1, 100), draw.uniform(-1.5, 1.5, 100)
    back = geometry.angles_from_direction(3.0 * geometry.direction_from_angles(azimuth, elevation))
    np.testing.assert_allclose(back, (azimuth, elevation), atol=1e-12)


def test_rotations_and_quaternions_are_those_of_scipy() -> None:
    for seed in range(50):
        expected = Rotation.random(random_state=seed)
        quaternion = expected.as_quat()  # x, y, z, w as in ROS
        np.testing.assert_allclose(
            geometry.rotation_from_quaternion(*quaternion), expected.as_matrix(), atol=1e-12
        )
        found = geometry.quaternion_from_rotation(expected.as_matrix())
        np.testing.assert_allclose(found, quaternion * np.sign(quaternion[3]), atol=1e-12)
        angles = geometry.yaw_pitch_roll_from_rotation(expected.as_matrix())
        np.testing.assert_allclose(angles, expected.as_euler("ZYX"), atol=1e-9)
        np.testing.assert_allclose(
            geometry.rotation_from_yaw_pitch_roll(*angles), expected.as_matrix(), atol=1e-12
        )


def test_the_x_axis_of_a_voice_frame_points_at_the_speaker_and_y_stays_level() -> None:
    for direction in ([1, 2, 3], [-1, 0.5, -0.2], [0, -1, 0]):
        rotation = Rotation.from_quat(geometry.quaternion_x_towards(np.array(direction, float))).as_matrix()
        np.testing.assert_allclose(
            rotation[:, 0], np.array(direction) / np.linalg.norm(direction), atol=1e-12
        )
        assert abs(rotation[2, 1]) < 1e-12


def test_a_quaternion_without_length_is_refused() -> None:
    with pytest.raises(InputError, match="no length"):
        geometry.rotation_from_quaternion(0.0, 0.0, 0.0, 0.0)


def test_the_angle_between_vectors_is_exact_for_small_angles() -> None:
    turned = geometry.direction_from_angles(1e-9, 0.0)
    assert geometry.angle_between(np.array([1.0, 0, 0]), 5 * turned) == pytest.approx(1e-9, rel=1e-6)


def test_pixels_to_points_and_back() -> None:
    pixels = np.array([[0.0, 0.0], [719.0, 449.0], [355.0, 230.0], [100.0, 300.0]])
    found, inside = CAMERA.project(CAMERA.points_at(pixels, np.array([1.0, 2.0, 3.0, 0.5])))
    np.testing.assert_allclose(found, pixels, atol=1e-9)
    assert inside.all()


def test_what_stands_left_and_above_is_left_and_above_in_the_picture() -> None:
    camera = CameraModel(640, 480, 500.0, 500.0, 320.0, 240.0)
    pixels, inside = camera.project(np.array([[2.0, 0.4, 0.2], [-2.0, 0.0, 0.0]]))
    np.testing.assert_allclose(pixels[0], [320 - 500 * 0.2, 240 - 500 * 0.1])
    assert inside.tolist() == [True, False] and np.isnan(pixels[1]).all()


def test_a_camera_that_looks_down_sees_the_floor_in_its_middle() -> None:
    rotation = geometry.rotation_from_yaw_pitch_roll(0.0, math.pi / 4, 0.0)
    camera = CameraModel(640, 480, 500.0, 500.0, 320.0, 240.0, np.array([0.0, 0.0, 1.0]), rotation)
    np.testing.assert_allclose(camera.project(np.array([1.0, 0.0, 0.0]))[0], [320, 240], atol=1e-9)


def test_another_picture_size_shows_the_same_directions() -> None:
    other = CAMERA.scaled_to(360, 900)
    np.testing.assert_allclose(
        other.rays(np.array([50.0, 800.0])), CAMERA.rays(np.array([100.0, 400.0])), atol=1e-12
    )


def test_a_camera_survives_its_mapping() -> None:
    back = CameraModel.from_mapping(CAMERA.to_mapping())
    np.testing.assert_allclose(back.rotation, CAMERA.rotation, atol=1e-12)
    np.testing.assert_allclose(back.position_m, CAMERA.position_m)


def test_every_cell_centre_lies_in_its_cell() -> None:
    for layout in (geometry.image_grid(720, 450, 20, 24), geometry.sphere_grid(9, 18)):
        centres = geometry.cell_centres(layout)
        for row in range(layout.rows):
            for col in range(layout.cols):
                assert geometry.cell_of(layout, *centres[row, col]) == (row, col)
    assert geometry.cell_of(geometry.image_grid(720, 450), -1.0, 10.0) is None
    assert geometry.cell_of(geometry.sphere_grid(9, 18), math.pi + 0.01, 0.0) == (
        4,
        0,
    )  # behind, the grid closes


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({"positions_m": [[0, 0, 0]]}, "channels >= 2"),
        ({"positions_m": [[0, 0, 0], [0, "far", 0]]}, "must be numbers"),
        ({"positions_m": [[0, 0, 0], [0, math.nan, 0]]}, "finite"),
        ({"positions_m": [[0, 0, 0], [50, 0, 0]]}, "millimetres"),
        ({"positions_m": [[0, 0, 0], [0, 0.1, 0]], "sound_speed_mps": 0}, "sound speed"),
        ({"positions_m": [[0, 0, 0], [0, 0.1, 0]], "channel_names": ["one"]}, "channel names"),
        ({"positions_m": [[0, 0, 0], [0, 0.1, 0]], "device_channels": [1, 1]}, "different"),
        ({"positions_m": [[0, 0, 0], [0, 0.1, 0]], "device_channels": 3}, "must be numbers"),
        ({}, "no positions_m"),
    ],
)
def test_a_bad_array_is_refused_with_words(content: dict, words: str) -> None:
    with pytest.raises(InputError, match=words):
        MicrophoneArray.from_mapping(content)


@pytest.mark.parametrize("frame_id", ["microphone_array", "head_mics"])
def test_an_array_survives_its_mapping_with_its_frame(frame_id):
    """A scene made of a bag keeps the frame in which directions are told."""
    array = MicrophoneArray(np.array([[0.0, 0.1, 0.0], [0.0, -0.1, 0.0]]), name="pair", frame_id=frame_id)
    back = MicrophoneArray.from_mapping(array.to_mapping(), "pair")
    assert back.frame_id == frame_id and np.array_equal(back.positions_m, array.positions_m)
