"""Matte, placement and light of the talkers in the picture."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from avloc_ros.geometry import angles_from_direction
from avloc_ros.simulation.looks.backdrop import draw_room
from avloc_ros.simulation.looks.blue_matte import background_model, cut_out, matte
from avloc_ros.simulation.looks.camera_draw import camera_with_yaw
from avloc_ros.simulation.looks.picture import paste, place_figure, render
from avloc_ros.simulation.looks.talker_clip import TalkerClip
from avloc_ros.simulation.looks.trouble import Darkness


def _studio() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(picture, true background, true alpha) of a skin-coloured figure before an unevenly lit blue wall."""
    rows, cols = 288, 360
    fall_off = np.linspace(1.0, 0.6, cols)[None, :, None] * np.linspace(1.0, 0.8, rows)[:, None, None]
    wall = (np.array([230.0, 180.0, 70.0]) * fall_off).astype(np.float32)
    alpha = np.zeros((rows, cols), np.float32)
    cv2.ellipse(alpha, (180, 130), (50, 70), 0, 0, 360, 1.0, cv2.FILLED)
    cv2.rectangle(alpha, (100, 220), (260, 287), 1.0, cv2.FILLED)
    cv2.rectangle(alpha, (160, 180), (200, 240), 1.0, cv2.FILLED)
    alpha = cv2.GaussianBlur(alpha, (0, 0), 1.0)
    figure = np.array([120.0, 150.0, 210.0], np.float32)
    picture = alpha[..., None] * figure + (1 - alpha[..., None]) * wall
    return picture.astype(np.uint8), wall / 255, alpha


def _clip(frames: int = 4) -> TalkerClip:
    """A clip of a plain square head, 60 pixels wide, that moves by one pixel per frame."""
    pictures = np.zeros((frames, 200, 240, 4), np.uint8)
    boxes = np.zeros((frames, 4))
    for frame in range(frames):
        pictures[frame, 60:140, 90 + frame : 150 + frame] = 255
        boxes[frame] = 90 + frame, 60, 60, 80
    return TalkerClip("square", pictures, boxes, np.zeros(1, np.float32), 16000, np.ones(frames, bool))


def test_background_is_found_behind_the_talker() -> None:
    picture, wall, _ = _studio()
    assert np.abs(background_model(picture) - wall).max() < 0.05


def test_matte_is_the_talker() -> None:
    picture, wall, alpha = _studio()
    assert np.abs(matte(picture, wall) - alpha).mean() < 0.01
    assert matte(picture, wall)[120, 180] == 1.0


def test_no_blue_is_left_at_the_edges() -> None:
    picture, wall, alpha = _studio()
    on_black = cut_out(picture, wall)
    edge = (alpha > 0.05) & (alpha < 0.95)
    blue_over_red = on_black[edge][:, 0] - on_black[edge][:, 2]
    assert blue_over_red.max() < 0.08


@pytest.mark.parametrize("azimuth_deg", [-40.0, -10.0, 0.0, 25.0])
@pytest.mark.parametrize("distance_m", [1.5, 3.0])
def test_truth_projects_back_to_the_azimuth(azimuth_deg: float, distance_m: float) -> None:
    camera = camera_with_yaw(np.deg2rad(12.0))
    figure = place_figure(_clip(), camera, np.deg2rad(azimuth_deg), np.deg2rad(4.0), distance_m)
    assert figure is not None
    middle = figure.centres.mean(axis=0)
    azimuth, elevation = angles_from_direction(camera.rays(middle))
    assert np.rad2deg(azimuth) == pytest.approx(azimuth_deg, abs=0.15)
    assert np.rad2deg(elevation) == pytest.approx(4.0, abs=0.15)


def test_the_face_is_15_cm_wide_and_drawn_where_the_truth_says() -> None:
    camera = camera_with_yaw(0.0)
    figure = place_figure(_clip(), camera, 0.0, 0.0, 2.0)
    assert figure is not None
    assert figure.boxes[0, 2] == pytest.approx(0.15 * camera.fx / 2.0, rel=0.03)
    image = np.zeros((camera.height, camera.width, 3), np.float32)
    head = figure.pictures[2][: round(140 * figure.boxes[0, 3] / 80)]
    paste(image, head.astype(np.float32) / 255, figure.left, figure.top)
    v, u = np.nonzero(image[..., 0] > 0.5)
    left, top, width, height = figure.boxes[2]
    assert u.mean() + 0.5 == pytest.approx(left + width / 2, abs=0.6)
    assert v.mean() + 0.5 == pytest.approx(top + height / 2, abs=0.6)


def test_nobody_is_drawn_behind_the_camera() -> None:
    assert place_figure(_clip(), camera_with_yaw(0.0), np.pi, 0.0, 2.0) is None


def test_paste_over_the_border_is_cut() -> None:
    image = np.zeros((20, 30, 3), np.float32)
    layer = np.ones((10, 10, 4), np.float32)
    paste(image, layer, -5, 15)
    paste(image, layer, 100, 100)
    assert image[15:, :5].all() and image.sum() == 5 * 5 * 3


@pytest.mark.parametrize("left_side", [True, False])
def test_one_half_is_dark_and_faces_there_are_not_lit(left_side: bool) -> None:
    darkness = Darkness(360.0, left_side, 0.02)
    room = draw_room(np.random.default_rng(1), 720, 450, 206.0, 330.0)
    picture = render(room, [], [darkness], 0, np.zeros((450, 720, 3), np.float32))
    halves = picture[:, :340].mean(), picture[:, 380:].mean()
    assert min(halves) < 8 and max(halves) > 60
    assert (halves[0] < halves[1]) == left_side
    assert darkness.hides(np.array([90.0, 50, 20, 30]), 0, 0) == left_side
    assert darkness.hides(np.array([590.0, 50, 20, 30]), 0, 0) != left_side


def test_rooms_differ_and_are_never_flat() -> None:
    rooms = [draw_room(np.random.default_rng(seed), 720, 450, 206.0, 330.0).background for seed in (1, 2)]
    assert np.abs(rooms[0] - rooms[1]).mean() > 0.02
    assert all(room.std() > 0.05 for room in rooms)
