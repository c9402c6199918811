"""The face network on some pictures, its faces carried through all: with a network that knows the answer."""

from __future__ import annotations

import threading

import cv2
import numpy as np
import pytest

from avloc_ros.models.faces.boxes import FaceBoxes
from avloc_ros.systems import carried_pass
from avloc_ros.systems.carried_pass import CarriedPass, Pace

FRAME_NS = 40_000_000
SIZE = 130
TEXTURE = cv2.GaussianBlur(np.random.default_rng(0).integers(0, 256, (SIZE, SIZE)).astype(np.uint8), (0, 0), 6)
TEXTURE = cv2.normalize(TEXTURE, None, 0, 255, cv2.NORM_MINMAX)
IN_STEP = Pace(in_background=True, interval_s=0.0, most_load=0.5, in_step_s=60.0, hold_s=0.2)


class Runner:
    """Gives pictures to a pass, 40 ms apart; `looked_at` counts the pictures that the network saw."""

    def __init__(self, pace: Pace) -> None:
        self.passes = CarriedPass(pace)
        self.index, self.looked_at = 0, []
        self.clock_s, self.cost_s = 0.0, 0.0
        self.go = threading.Event()
        self.go.set()

    def step(self, left: float, grey: np.ndarray | None = None) -> FaceBoxes:
        index, self.index = self.index, self.index + 1

        def look() -> FaceBoxes:
            self.go.wait(10)
            self.clock_s += self.cost_s
            self.looked_at.append(index)
            box = np.array([[left, 100, left + SIZE, 100 + SIZE]], np.float32)
            return FaceBoxes(box, np.array([0.7], np.float32), box.reshape(1, 2, 2)[:, :1] + 20)

        return self.passes.step(look, picture(left) if grey is None else grey, index * FRAME_NS)


@pytest.fixture
def runner(monkeypatch) -> Runner:
    made = Runner(IN_STEP)
    monkeypatch.setattr(carried_pass.time, "thread_time", lambda: made.clock_s)
    return made


def picture(left: float) -> np.ndarray:
    """A face at a column between pixels, on a plain wall."""
    shift = np.array([[1.0, 0.0, left], [0.0, 1.0, 100.0]])
    return cv2.warpAffine(TEXTURE, shift, (720, 450), borderValue=90)


@pytest.mark.parametrize(("cost_s", "every"), [(0.012, 1), (0.029, 1), (0.037, 2), (0.060, 3), (0.2, 10)])
def test_the_network_looks_as_often_as_its_share_of_a_core_allows(runner, cost_s, every) -> None:
    runner.cost_s = cost_s
    for index in range(21):
        runner.step(50.0 + index)
    assert np.diff(runner.looked_at).tolist() == [every] * (20 // every)


@pytest.mark.parametrize(("cost_s", "every", "age_s"), [(0.012, 1, 0.0), (0.2, 10, 0.2)])
def test_it_tells_how_often_the_network_looks_and_how_old_its_last_look_is(runner, cost_s, every, age_s) -> None:
    assert str(runner.passes.looks) == "none yet"
    runner.cost_s = cost_s
    for index in range(146):  # more than the 5 s over which looks are counted; the last one is 5 pictures after a look
        runner.step(50.0 + index % 9)
    assert runner.passes.looks.per_s == pytest.approx(25 / every, abs=0.2)  # one look in 5 s
    assert runner.passes.looks.age_s == pytest.approx(age_s)
    assert str(runner.passes.looks) == f"{runner.passes.looks.per_s:.1f}/s, the last {age_s:.2f} s old"
    runner.cost_s = 60.0  # a network that has got stuck
    for _ in range(250):
        runner.step(50.0)
    assert runner.passes.looks.per_s == 0 and runner.passes.looks.age_s > 9
    runner.passes.reset()
    assert runner.passes.looks.age_s is None


def test_looks_are_counted_where_their_result_is_there_not_where_they_began() -> None:
    slow = Runner(Pace(in_background=True, interval_s=0.0, most_load=0.5, in_step_s=1e-9))
    slow.step(50.0)  # in step
    slow.go.clear()
    for _ in range(5):
        slow.step(50.0)
    assert slow.passes.looks.age_s == pytest.approx(0.2)
    slow.go.set()
    pending = slow.passes._pending
    assert pending is not None
    pending[0].result(10)
    slow.step(50.0)
    assert slow.passes.looks.age_s == pytest.approx((6 * FRAME_NS - pending[2]) / 1e9) and pending[2] > 0
    slow.passes.close()


def test_a_carried_face_follows_within_a_pixel(runner) -> None:
    runner.cost_s = 0.2
    lefts = [50 + 9.3 * index for index in range(10)]  # 230 pixels a second
    found = [runner.step(left) for left in lefts]
    boxes = np.array([each.boxes[0] for each in found])
    assert runner.looked_at == [0]
    np.testing.assert_allclose(boxes[:, 0], lefts, atol=1.0)
    np.testing.assert_allclose(boxes[:, 1], 100, atol=1.0)
    np.testing.assert_allclose(boxes[:, 2:] - boxes[:, :2], SIZE, atol=1e-3)
    np.testing.assert_allclose([each.landmarks[0, 0] - each.boxes[0, :2] for each in found], 20, atol=1e-3)


def test_a_face_that_is_not_found_again_is_held_for_a_while_and_then_gone(runner) -> None:
    runner.cost_s = 10.0
    runner.step(50.0)
    wall = np.full((450, 720), 90, np.uint8)
    counts = [len(runner.step(50.0, wall)) for _ in range(10)]
    assert counts == [1] * 4 + [0] * 6  # 0.2 s are five pictures after the look


def test_no_picture_waits_for_a_network_that_is_slow() -> None:
    slow = Runner(Pace(in_background=True, interval_s=0.0, most_load=0.5, in_step_s=1e-9))
    slow.step(50.0)  # the first look is in step: what it costs is not known yet
    slow.go.clear()
    for index in range(1, 8):
        slow.step(50.0 + 10 * index)
    assert len(slow.looked_at) <= 2
    slow.go.set()
    pending = slow.passes._pending
    if pending is not None:
        pending[0].result(10)
    found = slow.step(130.0)
    np.testing.assert_allclose(found.boxes[0, 0], 130.0, atol=1.0)
    slow.passes.close()


def test_a_picture_of_another_size_is_looked_at_at_once(runner) -> None:
    runner.cost_s = 10.0
    runner.step(50.0)
    runner.step(50.0)
    runner.step(60.0, picture(60.0)[:400])
    assert runner.looked_at == [0, 2]
