"""What the camera on a turning head sees: a wide still picture of the room and its people, turned and blurred.

A camera that only turns sees any scene through a homography, near or far: there is no parallax.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from avloc_ros.geometry import OPTICAL_TO_BODY, CameraModel
from avloc_ros.simulation.looks.backdrop import Room, draw_room
from avloc_ros.simulation.looks.picture import CameraNoise, Figure, paste, table_row

WIDER = 2.75  # the still picture is so much wider than the camera's, and taller
TALLER = 2.2
EXPOSURES = 4  # pictures that one blurred picture is the mean of


@dataclass(frozen=True)
class StillPicture:
    """The room as a camera of a level head would see it if it saw more."""

    camera: CameraModel
    room: Room

    def drawn(self, figures: Sequence[tuple[Figure, int]]) -> np.ndarray:
        """With figures, far ones first, each at a frame of its clip: float32 (rows, cols, 3) in [0, 1]."""
        image = self.room.background.copy()
        for figure, frame in figures:
            paste(image, figure.pictures[frame].astype(np.float32) / 255, figure.left, figure.top)
        image[self.room.table_row :] = self.room.table
        return image


def wide_camera(camera: CameraModel) -> CameraModel:
    """The camera of the still picture: the same scale, more of it."""
    width, height = round(camera.width * WIDER), round(camera.height * TALLER)
    return CameraModel(width, height, camera.fx, camera.fy, width / 2, height / 2)


def draw_still(rng: np.random.Generator, camera: CameraModel, figures: list[Figure]) -> StillPicture:
    """A room behind the figures, which were placed by the wide camera."""
    wide = wide_camera(camera)
    table = table_row(wide, [figure.boxes for figure in figures])
    return StillPicture(wide, draw_room(rng, wide.width, wide.height, wide.cy, table))


def homography(wide: CameraModel, camera: CameraModel, rotation: np.ndarray) -> np.ndarray:
    """From pixels of the still picture to those of the camera on a head turned by `rotation` (3, 3)."""
    turned = OPTICAL_TO_BODY.T @ rotation.T @ OPTICAL_TO_BODY
    return _intrinsics(camera) @ turned @ np.linalg.inv(_intrinsics(wide))


def exposed(
    still: np.ndarray,
    wide: CameraModel,
    camera: CameraModel,
    rotations: Sequence[np.ndarray],
    noise: CameraNoise,
) -> np.ndarray:
    """The mean over the head's rotations during one exposure: uint8 (rows, cols, 3), BGR."""
    size = (camera.width, camera.height)
    total = np.zeros((camera.height, camera.width, 3), np.float32)
    for rotation in rotations:
        total += cv2.warpPerspective(
            still, homography(wide, camera, rotation), size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
        )
    return (np.clip(total / len(rotations) + noise.next(), 0, 1) * 255).astype(np.uint8)


def turned_box(
    box: np.ndarray, wide: CameraModel, camera: CameraModel, rotation: np.ndarray
) -> np.ndarray | None:
    """left, top, width, height around a box (4,) of the still picture; None where it is behind the camera."""
    left, top, width, height = box
    corners = np.array([[left, top], [left + width, top], [left, top + height], [left + width, top + height]])
    mapped = np.c_[corners, np.ones(4)] @ homography(wide, camera, rotation).T
    if (mapped[:, 2] < 1e-6).any():
        return None
    points = mapped[:, :2] / mapped[:, 2:]
    return np.r_[points.min(axis=0), np.ptp(points, axis=0)]


def _intrinsics(camera: CameraModel) -> np.ndarray:
    return np.array([[camera.fx, 0, camera.cx], [0, camera.fy, camera.cy], [0, 0, 1]])
