"""Ultra-Light (RFB and slim) face detectors: SSD boxes on four strides, with or without the decoding in the graph."""

from __future__ import annotations

import functools

import numpy as np

from avloc_ros.models.faces.boxes import FaceBoxes, boxes_from_centres, no_landmarks

STRIDES = (8, 16, 32, 64)
SIZES_PX = ((10, 16, 24), (32, 48), (64, 96), (128, 192, 256))
CENTRE_VARIANCE, SIZE_VARIANCE = 0.1, 0.2


@functools.cache
def priors(width: int, height: int) -> np.ndarray:
    """The anchor boxes (n, 4) as centre and size, in shares of the input; order: stride, row, column, size."""
    parts = []
    for stride, sizes in zip(STRIDES, SIZES_PX, strict=True):
        cols, rows = -(-width // stride), -(-height // stride)
        # The cells of a stride share the input evenly, also where it is no multiple of the stride.
        u, v = np.meshgrid((np.arange(cols) + 0.5) / cols, (np.arange(rows) + 0.5) / rows)
        centres = np.stack([u, v], axis=-1)[:, :, None]  # (rows, cols, 1, 2)
        extents = np.array([[size / width, size / height] for size in sizes])  # (sizes, 2)
        shape = (rows, cols, len(sizes), 2)
        pair = [np.broadcast_to(centres, shape), np.broadcast_to(extents, shape)]
        parts.append(np.concatenate(pair, axis=-1).reshape(-1, 4))
    return np.clip(np.concatenate(parts), 0, 1).astype(np.float32)


def boxes_are_decoded(boxes: np.ndarray) -> bool:
    """Whether boxes (1, n, 4) are corners already: then right of left and below top, for nearly all of them."""
    return bool(((boxes[0, :, 2] > boxes[0, :, 0]) & (boxes[0, :, 3] > boxes[0, :, 1])).mean() > 0.99)


def decode_ultralight(
    scores: np.ndarray,
    boxes: np.ndarray,
    width: int,
    height: int,
    score_threshold: float,
    decoded: bool = True,
) -> FaceBoxes:
    """Faces in pixels of an input of width x height.

    scores (1, n, 2): background and face; boxes (1, n, 4): corners in shares of the input, or, with `decoded` False,
    offsets to the priors (SSD, Liu et al. 2016, with variances 0.1 and 0.2).
    """
    chosen = np.nonzero(scores[0, :, 1] > score_threshold)[0]
    found = boxes[0, chosen]
    if not decoded:
        anchors = priors(width, height)[chosen]
        centres = anchors[:, :2] + found[:, :2] * CENTRE_VARIANCE * anchors[:, 2:]
        found = boxes_from_centres(centres, anchors[:, 2:] * np.exp(found[:, 2:] * SIZE_VARIANCE))
    pixels = (found * np.array([width, height, width, height])).astype(np.float32)
    return FaceBoxes(pixels, scores[0, chosen, 1], no_landmarks(len(chosen)))
