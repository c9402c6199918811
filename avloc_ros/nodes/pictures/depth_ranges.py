"""How far the faces are, by a depth image that is registered to the picture."""

from __future__ import annotations

import numpy as np

from avloc_ros.geometry import CameraModel
from avloc_ros.tracking.evidence import RangeReading
from avloc_ros.types import Face, FaceDetections

CENTRE_SHARE = 0.5  # only the middle of the box: its rim shows the background
LEAST_VALID = 0.3  # share of the pixels that must hold a depth
RELATIVE_SIGMA = 0.03  # error of depth cameras at the distances of talkers, as a share of the range
MAD_TO_SIGMA = 1.4826  # of a normal distribution


def face_ranges(
    depth_m: np.ndarray, detections: FaceDetections, camera: CameraModel
) -> tuple[RangeReading | None, ...]:
    """Distance from the camera to each face, None where the depth image says nothing there.

    depth_m: float (rows, columns), metres along the optical axis, of any resolution of the same view.
    """
    camera = camera.scaled_to(*detections.image_size)
    return tuple(_face_range(depth_m, face, detections.image_size, camera) for face in detections.faces)


def _face_range(
    depth_m: np.ndarray, face: Face, image_size: tuple[int, int], camera: CameraModel
) -> RangeReading | None:
    rows, columns = depth_m.shape
    scale = np.array([columns / image_size[0], rows / image_size[1]])
    centre = np.array(face.centre) * scale
    half = np.maximum(np.array([face.width, face.height]) * scale * CENTRE_SHARE / 2, 0.5)
    left, top = np.maximum(np.floor(centre - half), 0).astype(int)
    right, bottom = np.ceil(centre + half).astype(int)
    patch = depth_m[top:bottom, left:right]
    valid = patch[np.isfinite(patch) & (patch > 0)]
    if patch.size == 0 or valid.size < LEAST_VALID * patch.size:
        return None
    along_axis = float(np.median(valid))
    spread = MAD_TO_SIGMA * float(np.median(np.abs(valid - along_axis)))
    u, v = face.centre
    slant = np.sqrt(1 + ((u - camera.cx) / camera.fx) ** 2 + ((v - camera.cy) / camera.fy) ** 2)
    range_m = along_axis * slant
    return RangeReading(float(range_m), float(np.hypot(RELATIVE_SIGMA * range_m, spread)))
