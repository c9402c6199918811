"""Which pictures a mouth is compared over, and that what is found reaches the speaker."""

from __future__ import annotations

import numpy as np
import pytest

from avloc_ros.systems import mouths
from avloc_ros.systems.mouths import MouthWatch
from avloc_ros.types import Face

FACE = Face(10.0, 10.0, 30.0, 40.0, 0.9)


@pytest.fixture
def compared(monkeypatch):
    """The numbers of the pictures that were compared, and how far apart they are."""
    seen = []

    def instead(before, now, face, apart_s):
        seen.append((int(before[0, 0]), int(now[0, 0]), round(apart_s, 3)))
        return 1.5

    monkeypatch.setattr(mouths, "mouth_motion", instead)
    return seen


def watch(stamps_ms):
    watcher = MouthWatch()
    return [watcher.step(np.full((2, 2), k, np.uint8), round(1e6 * ms), [FACE]) for k, ms in enumerate(stamps_ms)]


def test_at_25_pictures_per_second_each_is_compared_with_the_one_before(compared):
    first, second, third = watch([0, 40, 80])
    assert compared == [(0, 1, 0.04), (1, 2, 0.04)]
    assert first[0].mouth_motion is None and second[0].mouth_motion == third[0].mouth_motion == 1.5


def test_a_fast_camera_is_compared_over_several_pictures(compared):
    watch([0, 10, 20, 30, 40, 50])
    assert compared == [(0, 3, 0.03), (1, 4, 0.03), (2, 5, 0.03)]


def test_a_gap_is_told_to_the_measure_which_refuses_it(compared):
    watch([0, 40, 500])
    assert compared[-1] == (1, 2, 0.46)


def test_after_a_reset_nothing_is_compared(compared):
    watcher = MouthWatch()
    watcher.step(np.zeros((2, 2), np.uint8), 0, [FACE])
    watcher.reset()
    assert watcher.step(np.zeros((2, 2), np.uint8), 40_000_000, [FACE]) == (FACE,) and not compared
