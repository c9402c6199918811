"""The overlay: what is drawn where, at any size, without touching the picture that was given."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from avloc_ros.decode.overlay import draw_overlay
from avloc_ros.geometry import CameraModel, direction_from_angles, image_grid
from avloc_ros.types import Face, Modality, Sources, Speaker, SpeakerGrid, Speakers

SIZES = [(320, 200), (720, 450), (1920, 1080)]


def one_speaker(azimuth_deg: float, is_speaking: bool, face: Face | None = None) -> Speakers:
    direction = direction_from_angles(np.radians(azimuth_deg), 0.0)
    return Speakers(0, (Speaker("s1", direction, np.eye(2) * 0.01, is_speaking, 0.9, 0.9, 0.5, Sources.AUDIO, face=face),))


def hot_grid(width: int, height: int) -> SpeakerGrid:
    values = np.zeros((20, 24), np.float32)
    values[5, 6] = 1.0
    return SpeakerGrid(0, image_grid(width, height), Modality.FUSED, values, 0.3, "flat")


@pytest.mark.parametrize("width, height", SIZES)
def test_heat_lies_where_the_grid_says_and_nowhere_else(width, height):
    picture = np.full((height, width, 3), 128, np.uint8)
    drawn = draw_overlay(picture, hot_grid(width, height))
    assert (picture == 128).all()
    changed = np.abs(drawn.astype(int) - 128).sum(-1)
    hot = changed[int(5.5 * height / 20), int(6.5 * width / 24)]
    assert hot > 60
    assert changed[int(height * 0.6), int(width * 0.8)] <= 6  # only rounding, far from the hot cell and all words


@pytest.mark.parametrize("width, height", SIZES)
def test_a_speaker_without_face_is_ringed_where_the_camera_projects_him(width, height):
    focal = 0.8 * width
    camera = CameraModel(width, height, focal, focal, width / 2, height / 2)
    picture = np.zeros((height, width, 3), np.uint8)
    drawn = draw_overlay(picture, speakers=one_speaker(20.0, True), camera=camera)
    u = width / 2 - focal * np.tan(np.radians(20.0))  # pinhole equation
    reach = round(0.06 * height)
    around = drawn[height // 2 - reach : height // 2 + reach, round(u) - reach : round(u) + reach]
    green = (around[..., 1] > 150) & (around[..., 2] < 140)
    rows, columns = np.nonzero(green)
    assert len(columns) > 10
    assert abs(columns.mean() - reach) < 0.35 * reach and abs(rows.mean() - reach) < 0.35 * reach


def test_who_speaks_is_green_and_who_is_silent_is_not():
    face = Face(300, 150, 80, 100, 0.9)
    picture = np.zeros((450, 720, 3), np.uint8)
    greens = []
    for is_speaking in (True, False):
        drawn = draw_overlay(picture, speakers=one_speaker(0.0, is_speaking, face))
        box = drawn[140:262, 290:392]
        greens.append(int(((box[..., 1] > 180) & (box[..., 2] < 150)).sum()))
    assert greens[0] > 200 and greens[1] == 0


def test_a_speaker_behind_the_camera_is_on_the_compass():
    camera = CameraModel(720, 450, 600, 600, 360, 225)
    picture = np.zeros((450, 720, 3), np.uint8)
    drawn = draw_overlay(picture, speakers=one_speaker(180.0, True), camera=camera)
    green = (drawn[..., 1] > 180) & (drawn[..., 2] < 150)
    rows, columns = np.nonzero(green)
    assert len(rows) and rows.min() > 350 and columns.min() > 600  # in the lower right corner only
    drawn_ahead = draw_overlay(picture, speakers=one_speaker(0.0, True, Face(0, 0, 20, 20, 1.0)), camera=camera)
    ahead_rows = np.nonzero((drawn_ahead[300:, 600:, 1] > 180) & (drawn_ahead[300:, 600:, 2] < 150))[0] + 300
    assert ahead_rows.min() < rows.min()  # ahead points up, behind points down


def test_empty_and_odd_pictures():
    assert draw_overlay(np.zeros((40, 60, 3), np.uint8), notice="no audio").shape == (40, 60, 3)
    tiny = draw_overlay(np.zeros((1, 1, 3), np.uint8), hot_grid(1, 1), one_speaker(0.0, True), CameraModel(1, 1, 1, 1, 0.5, 0.5))
    assert tiny.shape == (1, 1, 3)


def test_weights_are_drawn_from_blue_for_the_eye_to_orange_for_the_ear():
    picture = np.full((450, 720, 3), 128, np.uint8)
    ear, eye = np.zeros((20, 24), np.float32), np.ones((20, 24), np.float32)
    ear[:, :12], eye[:, :12] = 0.9, 0.0
    grid = replace(hot_grid(720, 450), audio_weight=ear, video_weight=eye)
    drawn = draw_overlay(picture, grid, show="weights").astype(int)
    left, right = drawn[60:400, 40:300], drawn[60:400, 420:680]
    assert (left[..., 2] > left[..., 0] + 50).all() and (right[..., 0] > right[..., 2] + 50).all()
    plain = draw_overlay(picture, replace(hot_grid(720, 450), modality=Modality.VIDEO), show="weights")
    assert (plain[60:400] == 128).all()  # a grid of one sense has no share
