"""YOLO tables of each layout, made by hand from the same two faces."""

from __future__ import annotations

import numpy as np
import pytest

from avloc_ros.models.faces.yolo_face import decode_yolo, is_end_to_end
from avloc_ros.types import InputError

BOXES = np.array([[50.0, 40, 20, 30], [200, 100, 40, 44]])  # centre and size
CORNERS = np.array([[40.0, 25, 60, 55], [180, 78, 220, 122]])
POINTS = np.arange(20.0).reshape(2, 5, 2)
SURE = np.ones((2, 5, 1))
ROWS = 63 * 4  # anchors of a 64 x 64 input: 3 * (64 + 16 + 4) = 252


def table(found: np.ndarray, columns: bool) -> np.ndarray:
    rows = np.zeros((ROWS, found.shape[1]), np.float32)
    rows[[7, 100]] = found
    return (rows.T if columns else rows)[None]


def rows_of(*parts: np.ndarray) -> np.ndarray:
    return np.concatenate([np.asarray(part, float).reshape(2, -1) for part in parts], axis=1)


LAYOUTS = {
    "v5": (rows_of(BOXES, [[0.9], [0.8]], [[1.0], [0.5]]), False, 0),
    "v5_objectness_only": (rows_of(BOXES, [[0.9], [0.4]]), False, 0),
    "v5_second_class": (rows_of(BOXES, [[0.9], [0.8]], [[0.1, 1.0, 0], [0.2, 0.5, 0]]), False, 1),
    "v5_face": (rows_of(BOXES, [[0.9], [0.8]], POINTS, [[1.0], [0.5]]), False, 0),
    "v7_face": (rows_of(BOXES, [[0.9], [0.8]], [[1.0], [0.5]], np.concatenate([POINTS, SURE], 2)), False, 0),
    "v8": (rows_of(BOXES, [[0.9], [0.4]]), True, 0),
    "v8_second_class": (rows_of(BOXES, [[0.0, 0.9], [0.3, 0.4]]), True, 1),
    "v8_face": (rows_of(BOXES, [[0.9], [0.4]], np.concatenate([POINTS, SURE], 2)), True, 0),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_layout_gives_boxes_scores_and_points(layout: str) -> None:
    found, columns, face_class = LAYOUTS[layout]
    faces = decode_yolo(table(found, columns), 0.3, face_class)
    np.testing.assert_allclose(faces.boxes, CORNERS)
    np.testing.assert_allclose(faces.scores, [0.9, 0.4], rtol=1e-6)
    if layout.endswith("face"):
        np.testing.assert_allclose(faces.landmarks, POINTS)
    else:
        assert faces.landmarks.shape == (2, 0, 2)


def test_end_to_end_table_is_corners() -> None:
    rows = np.zeros((1, 300, 6), np.float32)
    rows[0, :3] = [[*CORNERS[0], 0.9, 0], [*CORNERS[1], 0.4, 0], [*CORNERS[1], 0.9, 1]]
    assert is_end_to_end(rows.shape)
    faces = decode_yolo(rows, 0.3)
    np.testing.assert_allclose(faces.boxes, CORNERS)


def test_wrong_tables_are_refused() -> None:
    with pytest.raises(InputError, match="shape"):
        decode_yolo(np.zeros((1, 10, 3), np.float32), 0.3)
    with pytest.raises(InputError, match="only 1 classes"):
        decode_yolo(np.zeros((1, 5, 252), np.float32), 0.3, class_index=4)
