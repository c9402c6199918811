"""What is told on paths: a class also from a second place, where the network is sure of it."""

from __future__ import annotations

import numpy as np
import pytest

from avloc_ros.decode.asked_paths import AskedPathsConfig, events_on_paths, paths_to_ask
from avloc_ros.decode.direction_paths import PathsConfig
from avloc_ros.decode.frame_event import FrameEvent
from avloc_ros.features.directions.flow_map import Peaks
from avloc_ros.geometry import angle_between, direction_from_angles

SURE, UNSURE = 4.0, -4.0


def at(azimuth_deg: float) -> np.ndarray:
    return direction_from_angles(np.radians(azimuth_deg), 0.0)


def logits(paths: int, frames: int, *sure: tuple[int, int]) -> np.ndarray:
    values = np.full((paths, frames, 4), UNSURE)
    for path, index in sure:
        values[path, :, index] = SURE - 0.5 * path
    return values


def standing(*azimuths_deg: float, frames: int = 6) -> np.ndarray:
    return np.stack([np.tile(at(azimuth), (frames, 1)) for azimuth in azimuths_deg])


def test_a_class_is_told_from_two_places_that_are_apart_and_from_one_where_they_are_not():
    paths = standing(0, 90, 20, -100)
    values = logits(4, 6, (0, 1), (1, 1), (2, 1), (3, 3))
    found = events_on_paths(paths, values, AskedPathsConfig(merged_deg=10), 0.5)
    assert [[event.class_index for event in frame] for frame in found] == [[1, 1, 3]] * 6
    assert all(np.allclose([event.direction for event in frame], [at(0), at(90), at(-100)]) for frame in found)
    assert found[0][1].score == pytest.approx((1 / (1 + np.exp(-3.5))) ** 0.7)
    near = events_on_paths(paths, values, AskedPathsConfig(apart_deg=15, merged_deg=10), 0.5)
    assert all(np.allclose([event.direction for event in frame], [at(0), at(90), at(20)]) for frame in near)


def test_no_more_events_than_wished_the_surest_first_and_one_class_to_a_path():
    paths, values = standing(60, 120, -60), logits(3, 6, (0, 1), (1, 1), (2, 1))
    values[0, :, 2] = 3.9
    found = events_on_paths(paths, values, AskedPathsConfig(most=2), 0.5)
    assert all([event.class_index for event in frame] == [1, 1] for frame in found)
    assert all(np.allclose([event.direction for event in frame], [at(60), at(120)]) for frame in found)
    assert sum(map(len, events_on_paths(paths, values, AskedPathsConfig(again_power=1.0), 0.975))) == 6  # the first path's only
    assert events_on_paths(np.zeros((0, 6, 3)), np.zeros((0, 6, 4)), AskedPathsConfig(), 0.5) == [[]] * 6


def test_paths_run_through_the_peaks_and_through_what_is_told():
    """An event is told in the first half only; its path goes on, but is nobody's rival there. A peak beside is a path too."""
    told = [[FrameEvent(1, at(30), 0.9)]] * 5 + [[]] * 5
    peaks = [Peaks(np.array([at(-90), at(33)]), np.array([1.0, 0.5]))] * 10
    directions, rivals = paths_to_ask(peaks, told, AskedPathsConfig(), PathsConfig())
    assert directions.shape == (2, 10, 3) and directions.dtype == np.float32
    first, second = directions
    assert np.degrees(angle_between(first, at(30))).max() < 4 and np.allclose(second, at(-90), atol=1e-6)
    assert rivals[0].tolist() == [1.0] * 5 + [0.0] * 5 and not rivals[1].any()


def test_a_second_place_of_a_class_needs_less_than_the_first():
    paths = standing(0, 90, 180)
    values = np.full((3, 6, 4), -9.0)
    values[0, :, 1], values[1, :, 1], values[2, :, 2] = 2.0, -0.6, -0.6  # .35: a second place of class 1, and all there is of 2
    found = events_on_paths(paths, values, AskedPathsConfig(), 0.45)
    assert [[event.class_index for event in frame] for frame in found] == [[1, 1]] * 6
    assert all(np.allclose([event.direction for event in frame], [at(0), at(90)]) for frame in found)
    assert found[0][1].score == pytest.approx((1 / (1 + np.exp(0.6))) ** 0.7)
    strict = events_on_paths(paths, values, AskedPathsConfig(again_power=1.0), 0.45)
    assert [[event.class_index for event in frame] for frame in strict] == [[1]] * 6
    values[0, :, 1] = -0.6  # nothing is told of class 1: nor is a second place of it
    assert events_on_paths(paths, values, AskedPathsConfig(), 0.45) == [[]] * 6


def test_those_above_a_threshold_are_the_same_however_low_the_one_is_that_they_were_asked_for():
    """What is told goes on at a share of its threshold, and is told from the threshold on: scores must bear being cut."""
    rng = np.random.default_rng(0)
    paths, values = standing(*np.linspace(0, 315, 8), frames=200), rng.normal(-4, 2, (8, 200, 4))
    low, high = (events_on_paths(paths, values, AskedPathsConfig(), least) for least in (0.2, 0.45))
    cut = [[event for event in frame if event.score >= 0.45] for frame in low]
    assert [[(event.class_index, event.score) for event in frame] for frame in cut] == [
        [(event.class_index, event.score) for event in frame] for frame in high
    ]
    assert sum(map(len, high)) > 50 and sum(map(len, low)) > sum(map(len, high)) + 50


def test_answers_beside_each_other_are_one_event_between_them():
    paths = standing(0, 20, 100)
    values = logits(3, 6, (0, 1), (1, 1), (2, 3))
    values[:2, :, 1] = 3.0
    (first, other), *_ = events_on_paths(paths, values, AskedPathsConfig(), 0.45)
    assert np.degrees(angle_between(first.direction, at(10))) < 0.5 and np.linalg.norm(first.direction) == pytest.approx(1)
    assert np.allclose(other.direction, at(100)) and other.class_index == 3  # from 100 degrees sounds something else
    values[1, :, 1] = 0.0  # half as sure: a fifth of the weight
    (first, _), *_ = events_on_paths(paths, values, AskedPathsConfig(), 0.45)
    share = 0.25 / (0.25 + (1 / (1 + np.exp(-3.0))) ** 2)
    assert np.degrees(angle_between(first.direction, at(20 * share))) < 0.5
    (first, _), *_ = events_on_paths(paths, values, AskedPathsConfig(merged_deg=0.0), 0.45)
    assert np.allclose(first.direction, at(0))
    short = (0.999999 * paths).astype(np.float32)  # as vectors of 32 bits may be
    (first, _), *_ = events_on_paths(short, values, AskedPathsConfig(merged_deg=0.0), 0.45)
    assert np.allclose(first.direction, at(0)) and np.linalg.norm(first.direction) == pytest.approx(1)
