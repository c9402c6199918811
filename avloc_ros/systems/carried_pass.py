"""A pass of a face network over a picture now and then, whose faces are carried through all pictures between."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from avloc_ros.models.faces.boxes import FaceBoxes
from avloc_ros.systems.carried_faces import CarriedFace, follow, remember
from avloc_ros.systems.look_rate import LookRate, Looks

NICENESS = 5
PASSED_FRAMES_BYTES = 16_000_000  # 49 frames of 720x450
LEAST_BETWEEN_S = 0.2  # for the life of a carried face, however often passes are made


@dataclass(frozen=True)
class Pace:
    """How often a pass is made: interval_s at least between two, by capture stamps, and longer where in the background one
    takes over `most_load` of a core (0: never longer). Passes of at most `in_step_s` are made in step with the pictures,
    as are all that are not `in_background`. A face that is not found again (blur, darkness) stays where it was until a pass
    has not seen it for `hold_s`."""

    in_background: bool
    interval_s: float
    most_load: float
    in_step_s: float = 0.0
    hold_s: float = 0.0


class CarriedPass:
    """Faces of the last pass, where they are in each picture.

    A face is carried by its look, and dropped once that no longer matches, or no pass has seen it for two and a half
    intervals (and twice the time that a pass was late). A pass that ends late is caught up through the pictures that
    passed, so that a moving face does not leave the reach of one step.
    """

    def __init__(self, pace: Pace) -> None:
        self._pace = pace
        self._worker = ThreadPoolExecutor(1, "faces", initializer=_lower_priority) if pace.in_background else None
        self._processor_s = 0.0  # of the last pass
        self._wall_s = 0.0
        self._late_s = 0.0  # from its picture to its result
        self._look_rate = LookRate()
        self.reset()

    def reset(self) -> None:
        """Forget the carried faces and any pass under way."""
        self._pending: tuple[Future[FaceBoxes], np.ndarray, int] | None = None
        self._passed: list[np.ndarray] = []  # grey pictures since the pass under way began
        self._carried: list[CarriedFace] = []
        self._last_pass_ns: int | None = None
        self._last_ns: int | None = None
        self._shape: tuple[int, ...] | None = None
        self._look_rate.reset()

    def close(self) -> None:
        """Wait for the pass under way and end the thread."""
        if self._worker is not None:
            self._worker.shutdown(wait=True, cancel_futures=True)

    @property
    def looks(self) -> Looks:
        """How often passes came to a result."""
        return self._look_rate.looks

    @property
    def wait_s(self) -> float:
        """Shortest time between two passes."""
        pace = self._pace
        by_load_s = self._processor_s / pace.most_load if pace.in_background and pace.most_load else 0.0
        return max(pace.interval_s, by_load_s)

    def step(self, look: Callable[[], FaceBoxes], grey: np.ndarray, stamp_ns: int) -> FaceBoxes:
        """Faces in a grey picture, in its pixels; `look` makes a pass over it, perhaps on another thread.

        A picture of another size than the last starts afresh.
        """
        if grey.shape != self._shape:
            self.reset()
            self._shape = grey.shape
        self._look_rate.picture(stamp_ns)
        self._carry(grey, stamp_ns)
        self._collect(grey, stamp_ns)
        if self._pending is not None:
            self._note_passed(grey)
        elif self._is_due(stamp_ns):
            self._start(look, grey, stamp_ns)
        self._last_ns = stamp_ns
        return _boxes(self._carried)

    def _is_due(self, stamp_ns: int) -> bool:
        """Whether this picture is the nearest to when the next pass may be made."""
        if self._last_pass_ns is None or self._last_ns is None:
            return True
        half_a_picture_s = 0.5e-9 * (stamp_ns - self._last_ns)
        return 1e-9 * (stamp_ns - self._last_pass_ns) + half_a_picture_s >= self.wait_s

    def _start(self, look: Callable[[], FaceBoxes], grey: np.ndarray, stamp_ns: int) -> None:
        is_first, self._last_pass_ns = self._last_pass_ns is None, stamp_ns
        in_step = self._pace.in_step_s > 0 and (is_first or self._wall_s <= self._pace.in_step_s)
        if self._worker is None or in_step:
            self._take(self._timed(look), grey, stamp_ns)
        else:
            self._passed = []
            self._pending = self._worker.submit(self._timed, look), grey, stamp_ns

    def _timed(self, look: Callable[[], FaceBoxes]) -> FaceBoxes:
        begin_s, processor_s = time.perf_counter(), time.thread_time()
        found = look()
        self._processor_s, self._wall_s = time.thread_time() - processor_s, time.perf_counter() - begin_s
        return found

    def _collect(self, grey: np.ndarray, stamp_ns: int) -> None:
        if self._pending is not None and self._pending[0].done():
            future, seen_grey, seen_ns = self._pending
            self._pending = None
            self._late_s = (stamp_ns - seen_ns) * 1e-9
            self._take(future.result(), seen_grey, seen_ns)
            for between in [*self._passed, grey]:
                self._carry(between, stamp_ns)

    def _note_passed(self, grey: np.ndarray) -> None:
        """Keep the pictures that pass while a pass is under way; of many, every second one."""
        self._passed.append(grey)
        if len(self._passed) * grey.size > PASSED_FRAMES_BYTES:
            self._passed = self._passed[1::2]

    def _take(self, found: FaceBoxes, grey: np.ndarray, stamp_ns: int) -> None:
        """Carry the faces of a pass from here on."""
        self._look_rate.result(stamp_ns)
        faces = zip(found.boxes, found.scores, found.landmarks, strict=True)
        remembered = (remember(box, float(score), points, grey, stamp_ns) for box, score, points in faces)
        self._carried = [face for face in remembered if face is not None]

    def _carry(self, grey: np.ndarray, stamp_ns: int) -> None:
        between_passes_s = max(self.wait_s, LEAST_BETWEEN_S)
        oldest_ns = stamp_ns - round(1e9 * (2.5 * between_passes_s + 2 * self._late_s))
        held_ns = stamp_ns - round(1e9 * self._pace.hold_s)
        recent = [face for face in self._carried if face.stamp_ns >= oldest_ns]
        moved = [follow(face, grey) or (face if face.stamp_ns > held_ns else None) for face in recent]
        self._carried = [face for face in moved if face is not None]


def _boxes(faces: list[CarriedFace]) -> FaceBoxes:
    if not faces:
        return FaceBoxes(np.zeros((0, 4), np.float32), np.zeros(0, np.float32), np.zeros((0, 0, 2), np.float32))
    return FaceBoxes(
        np.array([face.box for face in faces], np.float32),
        np.array([face.score for face in faces], np.float32),
        np.array([face.landmarks for face in faces], np.float32),
    )


def _lower_priority() -> None:
    """Let the work that pictures wait for go first; only Linux has a priority per thread."""
    if hasattr(os, "setpriority"):
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS)
