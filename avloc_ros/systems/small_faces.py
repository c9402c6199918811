"""Small faces: a pass at full resolution now and then, whose faces are carried through the frames between."""

from __future__ import annotations

import os
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace

import cv2
import numpy as np

from avloc_ros.features.image import round_up
from avloc_ros.models.face_boxes import FaceBoxes, overlaps
from avloc_ros.runtime.face_detector import STRIDE_MULTIPLE, FaceDetector

SMALL_PX = 32  # on the fast pass's canvas; larger faces are found there anyway
LEAST_MATCH = 0.6  # normalised correlation below which a carried face has gone
LARGEST_SHARE = 0.1  # of one core for the background passes
SAME_FACE_IOU = 0.3
NICENESS = 5
PASSED_FRAMES_BYTES = 16_000_000  # 49 frames of 720x450


@dataclass(frozen=True)
class CarriedFace:
    """A small face of a full pass: where it is now (left, top, right, bottom), and what it looked like then."""

    box: np.ndarray
    score: float
    landmarks: np.ndarray  # (k, 2), moved along with the box
    patch: np.ndarray  # grey (h, w)
    stamp_ns: int


class SmallFacePass:
    """Adds the small faces of the last full pass to the faces of each frame.

    mode: `off`, `sync` (the frame that is due waits for its own pass), `async` (a background thread of low priority).
    interval_s: between passes, by capture stamps; `async` waits longer where a pass takes over a tenth of a core.
    A face is carried by template matching, and dropped once it no longer matches or has not been seen again for two
    and a half intervals (and twice the time that a pass was late).
    """

    def __init__(self, detector: FaceDetector, mode: str, interval_s: float, longest_side_px: int) -> None:
        self._detector, self._mode = detector, mode
        self._interval_s, self._longest_side_px = interval_s, longest_side_px
        self._worker = (
            ThreadPoolExecutor(1, "small_faces", initializer=_lower_priority) if mode == "async" else None
        )
        self._taken_s = 0.0  # processor time of the last pass
        self._late_s = 0.0  # from its frame to its result
        self.reset()

    def reset(self) -> None:
        """Forget the carried faces and any pass under way."""
        self._pending: tuple[Future[FaceBoxes], np.ndarray, int] | None = None
        self._passed: list[np.ndarray] = []  # grey frames since the pass under way began
        self._carried: list[CarriedFace] = []
        self._last_pass_ns: int | None = None
        self._shape: tuple[int, ...] = ()

    @property
    def notes(self) -> tuple[str, ...]:
        """Why there is no full pass although it is wanted."""
        if self._mode != "off" and self._detector.fixed_size:
            return (
                "small faces: this network has a fixed input size, so there is no pass at full resolution",
            )
        return ()

    def add(self, found: FaceBoxes, image: np.ndarray, stamp_ns: int) -> FaceBoxes:
        """The faces of the fast pass and the carried ones that it missed, strongest first."""
        size = self._full_size(image)
        if size is None:
            return found
        if image.shape != self._shape:
            self.reset()
            self._shape = image.shape
        grey = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
        self._carry(grey, stamp_ns)
        self._collect(grey, stamp_ns)
        self._remember(grey)
        if self._is_due(stamp_ns):
            self._start(image, grey, size, stamp_ns)
        return self._merge(found)

    def use(self, detector: FaceDetector) -> None:
        """Go over to another form of the same network."""
        self._detector = detector

    def close(self) -> None:
        """Wait for the pass under way and end the thread."""
        if self._worker is not None:
            self._worker.shutdown(wait=True, cancel_futures=True)

    def _full_size(self, image: np.ndarray) -> tuple[int, int] | None:
        """Input size of the full pass, or None where it would not see more than the fast one."""
        if self._mode == "off" or self._detector.fixed_size:
            return None
        rows, cols = image.shape[:2]
        shrink = min(1.0, self._longest_side_px / max(rows, cols))
        size = (
            round_up(round(cols * shrink), STRIDE_MULTIPLE),
            round_up(round(rows * shrink), STRIDE_MULTIPLE),
        )
        width, height = self._detector.size
        return size if min(width / cols, height / rows) < 0.9 * shrink else None

    def _is_due(self, stamp_ns: int) -> bool:
        if self._pending is not None:
            return False
        wait_s = self._interval_s
        if self._mode == "async":
            wait_s = max(wait_s, self._taken_s / LARGEST_SHARE)
        return self._last_pass_ns is None or (stamp_ns - self._last_pass_ns) * 1e-9 >= wait_s - 1e-6

    def _start(self, image: np.ndarray, grey: np.ndarray, size: tuple[int, int], stamp_ns: int) -> None:
        self._last_pass_ns = stamp_ns
        if self._worker is None:
            self._take(self._detector.detect(image, size), grey, stamp_ns)
        else:
            self._pending = self._worker.submit(self._timed, image, size), grey, stamp_ns

    def _timed(self, image: np.ndarray, size: tuple[int, int]) -> FaceBoxes:
        begin = time.thread_time()
        found = self._detector.detect(image, size)
        self._taken_s = time.thread_time() - begin
        return found

    def _collect(self, grey: np.ndarray, stamp_ns: int) -> None:
        if self._pending is not None and self._pending[0].done():
            future, seen_grey, seen_ns = self._pending
            self._pending = None
            self._late_s = (stamp_ns - seen_ns) * 1e-9
            self._take(future.result(), seen_grey, seen_ns)
            # Through the frames that passed meanwhile, so that a moving face does not leave the reach of one step.
            for between in [*self._passed, grey]:
                self._carry(between, stamp_ns)
            self._passed = []

    def _remember(self, grey: np.ndarray) -> None:
        """Keep the frames that pass while a pass is under way; of many, every second one."""
        if self._pending is not None:
            self._passed.append(grey)
            if len(self._passed) * grey.size > PASSED_FRAMES_BYTES:
                self._passed = self._passed[1::2]

    def _take(self, found: FaceBoxes, grey: np.ndarray, stamp_ns: int) -> None:
        """Carry the small ones of a full pass from here on."""
        width, height = self._detector.size
        smallest_sure = SMALL_PX / min(width / grey.shape[1], height / grey.shape[0])
        self._carried = []
        for box, score, points in zip(found.boxes, found.scores, found.landmarks, strict=True):
            left, top, right, bottom = np.round(box).astype(int)
            if max(right - left, bottom - top) < smallest_sure and min(right - left, bottom - top) >= 4:
                patch = grey[top:bottom, left:right].copy()
                self._carried.append(CarriedFace(box, float(score), points, patch, stamp_ns))

    def _carry(self, grey: np.ndarray, stamp_ns: int) -> None:
        between_passes_s = max(self._interval_s, self._taken_s / LARGEST_SHARE, 0.2)
        oldest_ns = stamp_ns - round(1e9 * (2.5 * between_passes_s + 2 * self._late_s))
        moved = [_follow(face, grey) for face in self._carried if face.stamp_ns >= oldest_ns]
        self._carried = [face for face in moved if face is not None]

    def _merge(self, found: FaceBoxes) -> FaceBoxes:
        missed = [face for face in self._carried if not _is_among(face.box, found.boxes)]
        if not missed:
            return found
        merged = FaceBoxes(
            np.concatenate([found.boxes, [face.box for face in missed]]).astype(np.float32),
            np.concatenate([found.scores, [face.score for face in missed]]).astype(np.float32),
            np.concatenate([found.landmarks, [face.landmarks for face in missed]]).astype(np.float32),
        )
        return merged.take(np.argsort(-merged.scores, kind="stable"))


def _is_among(box: np.ndarray, boxes: np.ndarray) -> bool:
    return bool(len(boxes)) and bool(overlaps(box, boxes).max() > SAME_FACE_IOU)


def _follow(face: CarriedFace, grey: np.ndarray) -> CarriedFace | None:
    """Where the face has gone in the next picture, within half its size; None where it is no longer to be seen."""
    rows, cols = face.patch.shape
    left, top = np.round(face.box[:2]).astype(int)
    reach_x, reach_y = cols // 2 + 2, rows // 2 + 2
    first_col, first_row = max(left - reach_x, 0), max(top - reach_y, 0)
    window = grey[first_row : top + rows + reach_y, first_col : left + cols + reach_x]
    if window.shape[0] < rows or window.shape[1] < cols:
        return None
    match = cv2.matchTemplate(window, face.patch, cv2.TM_CCOEFF_NORMED)
    _, best, _, (col, row) = cv2.minMaxLoc(match)
    if not best >= LEAST_MATCH:
        return None
    step = np.array([first_col + col - left, first_row + row - top], np.float32)
    return replace(face, box=face.box + np.tile(step, 2), landmarks=face.landmarks + step)


def _lower_priority() -> None:
    """Let the frames of the fast pass go first; only Linux has a priority per thread."""
    if hasattr(os, "setpriority"):
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS)
