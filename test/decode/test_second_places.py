"""A class is told from a second place where the network is sure of it, and nowhere else."""

from __future__ import annotations

import numpy as np
import pytest

from avloc_ros.decode.direction_paths import PathsConfig
from avloc_ros.decode.frame_event import FrameEvent
from avloc_ros.decode.second_places import SecondPlacesConfig, paths_to_ask, second_places
from avloc_ros.features.flow_map import Peaks
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


def test_only_classes_that_are_told_and_only_far_from_where_they_are_told():
    told = [[FrameEvent(1, at(0), 0.9)]] * 4 + [[], [FrameEvent(2, at(50), 0.9)]]
    paths = standing(3, 90, 20, -100)
    found = second_places(told, paths, logits(4, 6, (0, 1), (1, 1), (2, 1), (3, 3)), SecondPlacesConfig(smoothing=1), 3)
    assert [[event.class_index for event in frame] for frame in found] == [[1]] * 4 + [[], []]
    assert all(np.allclose(frame[0].direction, at(90)) for frame in found[:4])
    assert found[0][0].score == pytest.approx(1 / (1 + np.exp(-3.5)))


def test_no_more_events_than_wished_the_surest_first():
    told = [[FrameEvent(1, at(0), 0.9)], [FrameEvent(1, at(0), 0.9), FrameEvent(0, at(180), 0.5)], [FrameEvent(1, at(0), 0.9)] * 3]
    paths, values = standing(60, 120, -60, frames=3), logits(3, 3, (0, 1), (1, 1), (2, 1))
    found = second_places(told, paths, values, SecondPlacesConfig(smoothing=1), 3)
    assert [len(frame) for frame in found] == [2, 1, 0]
    assert np.allclose([event.direction for event in found[0]], [at(60), at(120)])


def test_logits_are_averaged_over_time_and_nothing_comes_of_no_path():
    told = [[FrameEvent(1, at(0), 0.9)]] * 6
    values = logits(1, 6)
    values[0, 3, 1] = 3.0  # alone it would be sure
    for smoothing, count in ((1, 1), (5, 0)):
        found = second_places(told, standing(90), values, SecondPlacesConfig(smoothing=smoothing), 3)
        assert sum(map(len, found)) == count
    assert second_places(told, np.zeros((0, 6, 3)), np.zeros((0, 6, 4)), SecondPlacesConfig(), 3) == [[]] * 6


def test_paths_run_through_the_peaks_and_through_what_is_told():
    """An event is told in the first half only; its path goes on, but is nobody's rival there. A peak beside is a path too."""
    told = [[FrameEvent(1, at(30), 0.9)]] * 5 + [[]] * 5
    peaks = [Peaks(np.array([at(-90), at(33)]), np.array([1.0, 0.5]))] * 10
    directions, rivals = paths_to_ask(peaks, told, SecondPlacesConfig(), PathsConfig())
    assert directions.shape == (2, 10, 3) and directions.dtype == np.float32
    first, second = directions
    assert np.degrees(angle_between(first, at(30))).max() < 4 and np.allclose(second, at(-90), atol=1e-6)
    assert rivals[0].tolist() == [1.0] * 5 + [0.0] * 5 and not rivals[1].any()
