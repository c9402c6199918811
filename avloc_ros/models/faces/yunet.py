"""YuNet: reads class, objectness, box and landmark maps of the strides 8, 16 and 32 (Wu et al., 2023)."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from avloc_ros.models.faces.boxes import FaceBoxes, boxes_from_centres

STRIDES = (8, 16, 32)


def decode_yunet(
    outputs: Mapping[str, np.ndarray], width: int, height: int, score_threshold: float
) -> FaceBoxes:
    """Faces in pixels of an input of width x height (multiples of 32).

    outputs per stride s: cls_s, obj_s (1, n, 1) in [0, 1]; bbox_s (1, n, 4): centre from the cell's corner in strides,
    log of width and height; kps_s (1, n, 10): five points from the cell's corner in strides; n cells row by row.
    """
    found = [
        _one_stride(outputs, width // stride, height // stride, stride, score_threshold) for stride in STRIDES
    ]
    return FaceBoxes(*(np.concatenate(parts) for parts in zip(*found, strict=True)))


def _one_stride(
    outputs: Mapping[str, np.ndarray], cols: int, rows: int, stride: int, score_threshold: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    certain = np.clip(outputs[f"cls_{stride}"][0, :, 0], 0, 1) * np.clip(
        outputs[f"obj_{stride}"][0, :, 0], 0, 1
    )
    scores = np.sqrt(certain)  # (n,)
    chosen = np.nonzero(scores > score_threshold)[0]
    corners = np.stack([chosen % cols, chosen // cols], axis=-1)  # (n, 2) as right, down
    box = outputs[f"bbox_{stride}"][0, chosen]
    boxes = boxes_from_centres((corners + box[:, :2]) * stride, np.exp(box[:, 2:]) * stride)
    points = (corners[:, None] + outputs[f"kps_{stride}"][0, chosen].reshape(-1, 5, 2)) * stride
    return boxes, scores[chosen], points.astype(np.float32)
