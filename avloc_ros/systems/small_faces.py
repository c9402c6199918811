"""Small faces: a pass at full resolution now and then, whose faces are carried through the frames between."""

from __future__ import annotations

import numpy as np

from avloc_ros.features.inputs.image import round_up
from avloc_ros.models.faces.boxes import FaceBoxes, overlaps
from avloc_ros.runtime.face_detector import STRIDE_MULTIPLE, FaceDetector
from avloc_ros.systems.carried_pass import CarriedPass, Pace
from avloc_ros.systems.look_rate import Looks

SMALL_PX = 32  # on the fast pass's canvas; larger faces are found there anyway
LARGEST_SHARE = 0.1  # of one core for the background passes
SAME_FACE_IOU = 0.3


class SmallFacePass:
    """Adds the small faces of the last full pass to the faces of each frame.

    mode: `off`, `sync` (the frame that is due waits for its own pass), `async` (a background thread of low priority).
    interval_s: between passes, by capture stamps; `async` waits longer where a pass takes over a tenth of a core.
    """

    def __init__(self, detector: FaceDetector, mode: str, interval_s: float, longest_side_px: int) -> None:
        self._detector, self._mode, self._longest_side_px = detector, mode, longest_side_px
        self._pass = CarriedPass(Pace(mode == "async", interval_s, LARGEST_SHARE if mode == "async" else 0.0))

    def reset(self) -> None:
        """Forget the carried faces and any pass under way."""
        self._pass.reset()

    @property
    def notes(self) -> tuple[str, ...]:
        """Why there is no full pass although it is wanted."""
        if self._mode != "off" and self._detector.fixed_size:
            return (
                "small faces: this network has a fixed input size, so there is no pass at full resolution",
            )
        return ()

    @property
    def looks(self) -> Looks:
        """How often full passes came to a result."""
        return self._pass.looks

    def add(self, found: FaceBoxes, image: np.ndarray, grey: np.ndarray, stamp_ns: int) -> FaceBoxes:
        """The faces of the fast pass and the carried ones that it missed, strongest first."""
        size = self._full_size(image)
        if size is None:
            return found
        return _merged(found, self._pass.step(lambda: self._look(image, size), grey, stamp_ns))

    def use(self, detector: FaceDetector) -> None:
        """Go over to another form of the same network."""
        self._detector = detector

    def close(self) -> None:
        """Wait for the pass under way and end the thread."""
        self._pass.close()

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

    def _look(self, image: np.ndarray, size: tuple[int, int]) -> FaceBoxes:
        """The small ones among the faces of a full pass."""
        detector = self._detector
        found = detector.detect(image, size)
        width, height = detector.size
        smallest_sure = SMALL_PX / min(width / image.shape[1], height / image.shape[0])
        sides = found.boxes[:, 2:] - found.boxes[:, :2]
        return found.take(sides.max(1, initial=0.0) < smallest_sure)


def _merged(found: FaceBoxes, small: FaceBoxes) -> FaceBoxes:
    missed = [index for index, box in enumerate(small.boxes) if not _is_among(box, found.boxes)]
    if not missed:
        return found
    if not len(found):
        return small.take(np.argsort(-small.scores, kind="stable"))
    more = small.take(np.array(missed))
    both = FaceBoxes(
        np.concatenate([found.boxes, more.boxes]),
        np.concatenate([found.scores, more.scores]),
        np.concatenate([found.landmarks, more.landmarks]),
    )
    return both.take(np.argsort(-both.scores, kind="stable"))


def _is_among(box: np.ndarray, boxes: np.ndarray) -> bool:
    return bool(len(boxes)) and bool(overlaps(box, boxes).max() > SAME_FACE_IOU)
