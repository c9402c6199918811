"""Walking talkers: their pace, their ways, and that picture, sound and truth move together."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from avloc_ros.geometry import wrap_angle
from avloc_ros.microphone_array import MicrophoneArray
from avloc_ros.simulation.looks.appearance import Walking, stands_before
from avloc_ros.simulation.looks.camera_draw import HALF_VIEW_RAD, camera_with_yaw
from avloc_ros.simulation.looks.talker_clip import TalkerClip
from avloc_ros.simulation.measured_rooms import position_m
from avloc_ros.simulation.places import draw_place, draw_shoebox
from avloc_ros.simulation.scene_plan import Wishes
from avloc_ros.simulation.shoebox import compose_shoebox
from avloc_ros.simulation.shoebox_plan import ShoeboxParts, draw_room_and_plan
from avloc_ros.simulation.walking import draw_crossing, draw_walk
from avloc_ros.types import InputError

ARRAY = MicrophoneArray(np.array([[0.1, 0, 0], [-0.1, 0, 0], [0, 0.1, 0], [0, -0.1, 0]]))
PARTS = ShoeboxParts(ARRAY, in_view_share=0.85, moving_share=0.5)
TIMES_S = np.arange(0, 10, 0.04)


@pytest.mark.parametrize("seed", range(10))
def test_a_walk_keeps_one_pace_and_stays_in_the_room_and_off_the_array(seed: int) -> None:
    rng = np.random.default_rng(seed)
    room = draw_shoebox(rng, (0.2, 0.5))
    start = position_m(draw_place(rng, room, []))
    walk = draw_walk(rng, start, lambda: position_m(draw_place(rng, room, [])), 10.0)
    places = walk.places_m(TIMES_S)
    np.testing.assert_allclose(places[0], start, atol=1e-9)
    speeds = walk.speeds_m_s(TIMES_S)
    walking = speeds[speeds > 0.9 * speeds.max()]
    assert 0.3 <= np.median(walking) <= 1.2 + 1e-9 and speeds.max() <= 1.2 + 1e-9
    assert all(room.holds(place, 0.1) for place in places)
    assert np.linalg.norm(places[:, :2], axis=1).min() > 0.69


@pytest.mark.parametrize("seed", range(10))
def test_crossing_talkers_change_sides_at_one_metre_per_second(seed: int) -> None:
    yaw = 0.7
    walks = draw_crossing(np.random.default_rng(seed), yaw, HALF_VIEW_RAD, lambda point: True, 10.0)
    assert walks is not None
    near, far = (walk.places_m(TIMES_S) for walk in walks)
    sides = [wrap_angle(np.arctan2(p[:, 1], p[:, 0]) - yaw) for p in (near, far)]
    assert np.abs(sides).max() < HALF_VIEW_RAD
    order = np.sign(sides[0] - sides[1])
    assert len(np.flatnonzero(np.diff(order[order != 0]))) >= 1  # the left one becomes the right one
    assert np.linalg.norm(near - far, axis=1).min() > 0.4
    assert walks[0].speeds_m_s(TIMES_S).max() == pytest.approx(1.0, abs=1e-6)


def test_scenes_with_walkers_and_crossings_come_in_their_shares() -> None:
    walked, crossed, several = 0, 0, 0
    for index in range(200):
        plan = draw_room_and_plan(np.random.default_rng([1, index]), PARTS, index, Wishes())[1]
        walkers = [t for t in plan.talkers if t.walk is not None]
        walked += bool(walkers)
        several += bool(walkers) and len(plan.talkers) > 1
        times = [t.walk.times_s for t in walkers]
        crossed += len(times) > 1 and len(times[0]) == len(times[1]) and np.allclose(*times[:2])
    assert walked / 200 == pytest.approx(0.5, abs=0.12)
    assert crossed / several == pytest.approx(0.4, abs=0.15)


def test_crossing_needs_two() -> None:
    parts = dataclasses.replace(PARTS, crossing=True)
    with pytest.raises(InputError, match="needs two"):
        draw_room_and_plan(np.random.default_rng(0), parts, 0, Wishes(talkers=1))
    plan = draw_room_and_plan(np.random.default_rng(0), parts, 0, Wishes())[1]
    assert len(plan.talkers) >= 2 and all(t.walk is not None and not t.silent for t in plan.talkers[:2])


def test_a_face_grows_as_its_owner_comes_nearer_and_stays_where_the_direction_projects_to() -> None:
    pictures = np.zeros((1, 200, 240, 4), np.uint8)
    pictures[:, 60:140, 90:150] = 255
    boxes = np.array([[90.0, 60.0, 60.0, 80.0]])
    clip = TalkerClip("square", pictures, boxes, np.zeros(1, np.float32), 16000, np.ones(1, bool))
    camera = camera_with_yaw(0.0)
    places = np.linspace([3.0, 1.0, 0.2], [1.0, -0.5, 0.2], 30)
    looks = Walking(clip, camera, places, np.zeros(30, int))
    for frame in (0, 12, 29):
        view, (u, v) = looks.view(frame), camera.project(places[frame])[0]
        assert view is not None
        left, top, width, height = view.box
        assert (left + width / 2, top + height / 2) == pytest.approx((u, v), abs=1.0)
        assert width == pytest.approx(0.15 * camera.fx / places[frame][0], rel=0.06)
        shown = np.flatnonzero((view.picture[..., 3] > 128).any(axis=0))
        assert view.left + shown.mean() + 0.5 == pytest.approx(left + width / 2, abs=1.0)


def test_only_somebody_straight_before_a_face_hides_it() -> None:
    near, far = np.array([300.0, 100, 60, 80]), np.array([320.0, 130, 20, 26])
    assert stands_before(near, far)
    assert not stands_before(near, far + [80, 0, 0, 0]) and not stands_before(near, far - [0, 90, 0, 0])
    assert stands_before(near, far + [10, 100, 0, 0])  # behind the body


def test_sound_moves_with_the_truth(tmp_path: Path) -> None:
    """Time differences of arrival at two pairs, by plain cross-correlation of 0.4 s, against the truth's azimuth."""
    pytest.importorskip("pyroomacoustics", reason="pyroomacoustics simulates the room")
    pytest.importorskip("espeakng_loader", reason="the voices come from espeakng-loader")
    parts = dataclasses.replace(PARTS, rt60_s=(0.15, 0.2), moving_share=1.0)
    wishes = Wishes(audio_only=True, talkers=1, condition="clean", duration_s=6.0)
    scene = compose_shoebox(tmp_path / "a", 0, parts=parts, seed=4, wishes=wishes)
    sound, rows = scene.read_audio(), scene.truth
    truth = np.array([row.azimuth_rad for row in rows])
    assert np.rad2deg(np.ptp(np.unwrap(truth))) > 20
    errors = []
    for middle in range(5, len(rows) - 5, 5):
        if not all(row.speaking for row in rows[middle - 5 : middle + 5]):
            continue
        part = sound[(middle - 5) * 640 : (middle + 5) * 640]
        lags = _lag_s(part[:, 0], part[:, 1]), _lag_s(part[:, 2], part[:, 3])
        errors.append(np.rad2deg(abs(wrap_angle(np.arctan2(-lags[1], -lags[0]) - truth[middle]))))
    assert len(errors) > 8 and np.median(errors) < 6 and np.mean(np.array(errors) < 10) > 0.8


def _lag_s(first: np.ndarray, second: np.ndarray) -> float:
    """How much later the first channel hears it: peak of the phase transform within 0.6 ms, interpolated 16 times."""
    size = 2 * len(first)
    cross = np.fft.rfft(first, size) * np.conj(np.fft.rfft(second, size))
    correlation = np.fft.irfft(cross / (np.abs(cross) + 1e-9), 16 * size)
    lags = np.arange(-160, 161)
    return float(lags[correlation[lags].argmax()] / (16 * 16000))
