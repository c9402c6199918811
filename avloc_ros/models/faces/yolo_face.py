"""YOLO-style detectors: one table of rows (1, n, 5 + ...) as YOLOv5 writes it, or of columns (1, 4 + ..., n) as YOLOv8."""

from __future__ import annotations

import numpy as np

from avloc_ros.models.faces.boxes import FaceBoxes, boxes_from_centres, no_landmarks
from avloc_ros.types import InputError

END_TO_END_WIDTH = 6  # left, top, right, bottom, score, class
LANDMARKS = 5


def is_end_to_end(shape: tuple[int, ...]) -> bool:
    """Whether a table (1, n, 6) is already suppressed corners: its n is no count of anchors on strides 8, 16, 32."""
    return len(shape) == 3 and shape[2] == END_TO_END_WIDTH and shape[1] % 63 != 0


def decode_yolo(table: np.ndarray, score_threshold: float, class_index: int = 0) -> FaceBoxes:
    """Faces in pixels of the network's input.

    Rows (1, n, w): w = 16 is YOLOv5-face (box, objectness, five points, class), w = 21 YOLOv7-face (box, objectness,
    class, five points with confidence), else box, objectness and classes. Columns (1, w, n), w < n: w = 20 is
    YOLOv8-face (box, class, five points with confidence), else box and classes. Boxes are centre and size.
    class_index: which class is the face. Raises InputError on another layout.
    """
    if table.ndim != 3 or table.shape[0] != 1 or min(table.shape[1:]) < 5:
        raise InputError(f"a YOLO table of shape {table.shape}: need (1, n, 5 or more) or (1, 5 or more, n)")
    if is_end_to_end(table.shape):
        rows = table[0]
        rows = rows[(rows[:, 4] > score_threshold) & (rows[:, 5] == class_index)]
        return FaceBoxes(rows[:, :4].astype(np.float32), rows[:, 4], no_landmarks(len(rows)))
    by_columns = table.shape[1] < table.shape[2]
    rows = table[0].T if by_columns else table[0]  # (n, w)
    scores, points = _columns_kind(rows, class_index) if by_columns else _rows_kind(rows, class_index)
    chosen = scores > score_threshold
    boxes = boxes_from_centres(rows[chosen, :2], rows[chosen, 2:4])
    landmarks = no_landmarks(int(chosen.sum())) if points is None else points[chosen].astype(np.float32)
    return FaceBoxes(boxes, scores[chosen], landmarks)


def decode_yolo_rows(table: np.ndarray, score_threshold: float, class_index: int = 0) -> FaceBoxes:
    """Faces of rows (1, n, 5 + classes): centre and size, objectness, classes; the score is their product."""
    rows = table[0]
    scores = rows[:, 4] * _class_score(rows[:, 5:], class_index)
    chosen = scores > score_threshold
    return FaceBoxes(
        boxes_from_centres(rows[chosen, :2], rows[chosen, 2:4]),
        scores[chosen],
        no_landmarks(int(chosen.sum())),
    )


def _rows_kind(rows: np.ndarray, class_index: int) -> tuple[np.ndarray, np.ndarray | None]:
    width = rows.shape[1]
    if width == 16:
        return rows[:, 4] * rows[:, 15], rows[:, 5:15].reshape(-1, LANDMARKS, 2)
    if width == 21:
        return rows[:, 4] * rows[:, 5], rows[:, 6:].reshape(-1, LANDMARKS, 3)[..., :2]
    if width == 5:
        return rows[:, 4], None
    return rows[:, 4] * _class_score(rows[:, 5:], class_index), None


def _columns_kind(rows: np.ndarray, class_index: int) -> tuple[np.ndarray, np.ndarray | None]:
    if rows.shape[1] == 20:
        return rows[:, 4], rows[:, 5:].reshape(-1, LANDMARKS, 3)[..., :2]
    return _class_score(rows[:, 4:], class_index), None


def _class_score(classes: np.ndarray, class_index: int) -> np.ndarray:
    if class_index >= classes.shape[1]:
        raise InputError(
            f"face class {class_index}: this network has only {classes.shape[1]} classes, counted from 0"
        )
    return classes[:, class_index]
