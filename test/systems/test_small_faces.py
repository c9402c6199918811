"""Small faces carried through frames: with a detector that knows the answer and takes as long as the test says."""

from __future__ import annotations

import threading
from typing import Any

import cv2
import numpy as np
import pytest

from avloc_ros.models.faces.boxes import FaceBoxes, no_landmarks
from avloc_ros.systems.small_faces import SmallFacePass

FRAME_NS = 40_000_000
PATCH = np.random.default_rng(0).integers(0, 256, (14, 12, 3)).astype(np.uint8)
NOTHING = FaceBoxes(np.zeros((0, 4), np.float32), np.zeros(0, np.float32), no_landmarks(0))


class KnowingDetector:
    """Finds PATCH by its exact pixels; each full pass waits until `go` is set."""

    size = (480, 320)
    fixed_size = None

    def __init__(self) -> None:
        self.go = threading.Event()
        self.go.set()
        self.passes = 0

    def detect(self, image: np.ndarray, size: tuple[int, int]) -> FaceBoxes:
        assert size == (736, 480)
        self.go.wait(10)
        self.passes += 1
        rows, cols = np.nonzero((image[:, :, 0] == PATCH[0, 0, 0]) & (image[:, :, 1] == PATCH[0, 0, 1]))
        for row, col in zip(rows, cols, strict=True):
            if np.array_equal(image[row : row + 14, col : col + 12], PATCH):
                box = np.array([[col, row, col + 12, row + 14]], np.float32)
                return FaceBoxes(box, np.array([0.7], np.float32), no_landmarks(1))
        return NOTHING


def picture(left: int | None, top: int = 100) -> np.ndarray:
    image = np.full((450, 720, 3), 128, np.uint8)
    if left is not None:
        image[top : top + 14, left : left + 12] = PATCH
    return image


def add(small: SmallFacePass, found: FaceBoxes, image: np.ndarray, stamp_ns: int) -> FaceBoxes:
    return small.add(found, image, cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), stamp_ns)


def make(mode: str, interval_s: float = 0.4) -> tuple[SmallFacePass, KnowingDetector]:
    detector: Any = KnowingDetector()
    return SmallFacePass(detector, mode, interval_s, 1280), detector


def test_sync_passes_are_an_interval_apart_and_the_face_is_followed_between() -> None:
    small, detector = make("sync")
    for index in range(21):
        found = add(small, NOTHING, picture(50 + 5 * index), index * FRAME_NS)
        np.testing.assert_allclose(found.boxes, [[50 + 5 * index, 100, 62 + 5 * index, 114]], atol=0.01)
    assert detector.passes == 3  # at 0, 0.4 and 0.8 s


def test_a_face_that_the_fast_pass_finds_is_not_doubled() -> None:
    small, _ = make("sync")
    fast = FaceBoxes(np.array([[49, 99, 63, 115]], np.float32), np.array([0.5], np.float32), no_landmarks(1))
    np.testing.assert_array_equal(add(small, fast, picture(50), 0).boxes, fast.boxes)


def test_a_late_result_is_caught_up_through_the_frames_that_passed() -> None:
    small, detector = make("async")
    detector.go.clear()
    for index in range(30):  # 30 frames at 4 pixels: ten times as far as one step can follow
        assert len(add(small, NOTHING, picture(50 + 4 * index), index * FRAME_NS)) == 0
    detector.go.set()
    assert small._pass._pending is not None
    small._pass._pending[0].result(10)
    found = add(small, NOTHING, picture(50 + 4 * 30), 30 * FRAME_NS)
    np.testing.assert_allclose(found.boxes, [[170, 100, 182, 114]], atol=0.01)
    small.close()


def test_an_unseen_face_expires_even_if_it_still_looks_the_same() -> None:
    small, detector = make("async", interval_s=0.4)
    add(small, NOTHING, picture(50), 0)
    assert small._pass._pending is not None
    small._pass._pending[0].result(10)
    assert len(add(small, NOTHING, picture(50), FRAME_NS)) == 1
    detector.go.clear()  # no further pass ends
    seen = [len(add(small, NOTHING, picture(50), index * FRAME_NS)) for index in range(2, 60)]
    assert seen[0] == 1 and seen[-1] == 0
    assert 0.9 < sum(seen) * 0.04 < 1.3  # two and a half intervals
    detector.go.set()
    small.close()


@pytest.mark.parametrize("left", [None, 300])
def test_a_face_that_vanishes_or_jumps_is_dropped_at_once(left: int | None) -> None:
    small, _ = make("sync", interval_s=60.0)
    assert len(add(small, NOTHING, picture(50), 0)) == 1
    assert len(add(small, NOTHING, picture(left), FRAME_NS)) == 0


def test_a_face_that_leaves_at_the_border_is_dropped() -> None:
    small, _ = make("sync", interval_s=60.0)
    counts = [len(add(small, NOTHING, picture(max(20 - 4 * k, 0)), k * FRAME_NS)) for k in range(6)]
    assert counts == [1] * 6
    assert len(add(small, NOTHING, picture(None), 6 * FRAME_NS)) == 0


def test_off_and_pictures_that_the_fast_pass_sees_whole_have_no_full_pass() -> None:
    small, detector = make("off")
    assert add(small, NOTHING, picture(50), 0) is NOTHING
    small, detector = make("sync")
    add(small, NOTHING, np.full((300, 480, 3), 128, np.uint8), 0)
    assert detector.passes == 0
