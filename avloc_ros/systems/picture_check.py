"""Says in words why a camera's picture can hold no faces: black, white, flat, or frozen."""

from __future__ import annotations

import cv2
import numpy as np

SAMPLE_SIZE = (64, 40)
BLACK_LEVEL = 2.0  # grey levels of 255; below it there is sensor noise only
DARK_LEVEL = 10.0
WHITE_LEVEL = 250.0
FROZEN_AFTER_S = 2.0


class PictureCheck:
    """Looks at a thumbnail of each picture."""

    def __init__(self) -> None:
        self._before: np.ndarray | None = None
        self._same_since_ns: int | None = None
        self.reasons: tuple[str, ...] = ()

    def see(self, image: np.ndarray, stamp_ns: int) -> None:
        """Take the next BGR picture; `reasons` then says what is wrong with it."""
        sample = cv2.resize(image, SAMPLE_SIZE, interpolation=cv2.INTER_NEAREST)
        levels = sample.mean(axis=2)
        reasons = []
        if levels.mean() < BLACK_LEVEL:
            reasons.append("the picture is black: lens cover, light, or exposure")
        elif levels.mean() < DARK_LEVEL:
            reasons.append("the picture is very dark: faces may be missed")
        elif levels.mean() > WHITE_LEVEL:
            reasons.append("the picture is white: overexposed")
        elif levels.std() < 1:
            reasons.append("the picture has no content: camera or driver delivers a plain colour")
        same = self._before is not None and np.array_equal(sample, self._before)
        self._before = sample
        if not same or self._same_since_ns is None:
            self._same_since_ns = stamp_ns
        frozen_s = (stamp_ns - self._same_since_ns) * 1e-9
        if frozen_s >= FROZEN_AFTER_S:
            reasons.append(
                f"the picture has not changed for {frozen_s:.0f} s: the camera is frozen, or a still is shown"
            )
        self.reasons = tuple(reasons)
