"""Watches the mouths of the faces of each picture against a picture shortly before."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from avloc_ros.features.inputs.mouth_motion import mouth_motion
from avloc_ros.types import Face

LEAST_APART_S = 0.03  # cameras above 33 pictures per second are compared over several: a mouth hardly moves in less


class MouthWatch:
    """Give it grey pictures in the order of capture, with their faces; it keeps those of the last moments."""

    def __init__(self) -> None:
        self._past: deque[tuple[int, np.ndarray]] = deque()  # stamps in nanoseconds, and grey pictures

    def reset(self) -> None:
        """Forget the past pictures."""
        self._past.clear()

    def step(self, grey: np.ndarray, stamp_ns: int, faces: Sequence[Face]) -> tuple[Face, ...]:
        """The faces with `mouth_motion`; it stays None where no picture before fits, or a face is too small."""
        while len(self._past) > 1 and self._apart_s(1, stamp_ns) >= LEAST_APART_S:
            self._past.popleft()
        watched = tuple(faces)
        if self._past and self._apart_s(0, stamp_ns) >= LEAST_APART_S:
            before, apart_s = self._past[0][1], self._apart_s(0, stamp_ns)
            watched = tuple(replace(face, mouth_motion=mouth_motion(before, grey, face, apart_s)) for face in faces)
        self._past.append((stamp_ns, grey))
        return watched

    def _apart_s(self, index: int, stamp_ns: int) -> float:
        return (stamp_ns - self._past[index][0]) * 1e-9
