"""CenterFace: reads the centre heat map, sizes, offsets and landmarks of a stride-4 map (Xu et al., 2019)."""

from __future__ import annotations

import numpy as np

from avloc_ros.models.faces.boxes import FaceBoxes, boxes_from_centres

STRIDE = 4


def decode_centerface(
    heat: np.ndarray, size: np.ndarray, offset: np.ndarray, landmarks: np.ndarray, score_threshold: float
) -> FaceBoxes:
    """Faces in pixels of the network's input.

    heat (1, 1, H, W) in [0, 1]; size (1, 2, H, W): log of height and width in strides; offset (1, 2, H, W): down and
    right of the cell's corner; landmarks (1, 10, H, W): five (down, right) pairs from the box's corner, in box sizes.
    """
    rows, cols = np.nonzero(heat[0, 0] > score_threshold)
    cells = np.stack([cols, rows], axis=-1)  # (n, 2) as right, down
    down_right = np.stack([offset[0, 1, rows, cols], offset[0, 0, rows, cols]], axis=-1)
    extent = np.exp(np.stack([size[0, 1, rows, cols], size[0, 0, rows, cols]], axis=-1)) * STRIDE
    centres = (cells + down_right + 0.5) * STRIDE
    boxes = boxes_from_centres(centres, extent)
    pairs = landmarks[0, :, rows, cols].reshape(-1, 5, 2)[..., ::-1]  # (n, 5, 2) as right, down
    points = boxes[:, None, :2] + pairs * extent[:, None]
    return FaceBoxes(boxes, heat[0, 0, rows, cols], points.astype(np.float32))
