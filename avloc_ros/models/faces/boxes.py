"""Face boxes as they come out of a network: a record of arrays, and non-maximum suppression."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class FaceBoxes:
    """Boxes (n, 4) as left, top, right, bottom in pixels, scores (n,) in [0, 1], landmarks (n, k, 2) in pixels."""

    boxes: np.ndarray
    scores: np.ndarray
    landmarks: np.ndarray

    def __len__(self) -> int:
        return len(self.scores)

    def take(self, which: np.ndarray) -> FaceBoxes:
        """A choice of these boxes, by index or by mask."""
        return FaceBoxes(self.boxes[which], self.scores[which], self.landmarks[which])

    def moved(self, to_picture: Callable[[np.ndarray], np.ndarray]) -> FaceBoxes:
        """With every corner and landmark passed through a map of points (..., 2)."""
        corners = to_picture(self.boxes.reshape(-1, 2, 2)).reshape(-1, 4)
        return FaceBoxes(corners, self.scores, to_picture(self.landmarks))


def no_landmarks(count: int) -> np.ndarray:
    """What stands for the landmarks (count, 0, 2) of a network that has none."""
    return np.zeros((count, 0, 2), np.float32)


def boxes_from_centres(centres: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """Corners (n, 4) of boxes with centres (n, 2) and sizes (n, 2)."""
    return np.concatenate([centres - sizes / 2, centres + sizes / 2], axis=-1).astype(np.float32)


def overlaps(box: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """Intersection over union (n,) of one box (4,) with boxes (n, 4)."""
    low = np.maximum(box[:2], boxes[:, :2])
    high = np.minimum(box[2:], boxes[:, 2:])
    common = np.prod(np.maximum(high - low, 0), axis=1)
    areas = np.prod(np.maximum(boxes[:, 2:] - boxes[:, :2], 0), axis=1)
    union = np.prod(np.maximum(box[2:] - box[:2], 0)) + areas - common
    return common / np.maximum(union, 1e-9)


def strongest_apart(found: FaceBoxes, iou: float) -> FaceBoxes:
    """Greedy non-maximum suppression: the strongest first, and no later box that overlaps a kept one by more than `iou`."""
    order = np.argsort(-found.scores, kind="stable")
    kept: list[int] = []
    while order.size:
        best, rest = order[0], order[1:]
        kept.append(int(best))
        order = rest[overlaps(found.boxes[best], found.boxes[rest]) <= iou]
    return found.take(np.array(kept, int))
