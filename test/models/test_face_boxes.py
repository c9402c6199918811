"""Overlap and non-maximum suppression against OpenCV."""

from __future__ import annotations

import cv2
import numpy as np

from avloc_ros.models.faces.boxes import FaceBoxes, no_landmarks, overlaps, strongest_apart


def test_suppression_keeps_what_opencv_keeps() -> None:
    random = np.random.default_rng(0)
    corners = random.integers(0, 100, (200, 2))
    sizes = random.integers(5, 40, (200, 2))
    scores = random.permutation(200) / 200
    boxes = np.concatenate([corners, corners + sizes], axis=1).astype(np.float32)
    kept = strongest_apart(FaceBoxes(boxes, scores, no_landmarks(200)), 0.3)
    expected = cv2.dnn.NMSBoxes(np.concatenate([corners, sizes], axis=1).tolist(), scores.tolist(), 0.0, 0.3)
    np.testing.assert_array_equal(kept.scores, scores[np.asarray(expected).ravel()])


def test_overlap_of_known_boxes() -> None:
    box = np.array([0, 0, 10, 10])
    others = np.array([[0, 0, 10, 10], [5, 0, 15, 10], [20, 20, 30, 30], [3, 3, 3, 3]])
    np.testing.assert_allclose(overlaps(box, others), [1, 50 / 150, 0, 0])


def test_no_box_stays_no_box() -> None:
    empty = FaceBoxes(np.zeros((0, 4), np.float32), np.zeros(0, np.float32), no_landmarks(0))
    assert len(strongest_apart(empty, 0.3)) == 0
