"""Where the camera sits on the array, from a bag: microphone_array, camera_info, tf_static and tf."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np

from avloc_ros.geometry import OPTICAL_TO_BODY, CameraModel, rotation_from_quaternion
from avloc_ros.microphone_array import SPEED_OF_SOUND_MPS, MicrophoneArray
from avloc_ros.types import InputError


def array_of_message(message: Any) -> MicrophoneArray:
    """Geometry of an avloc_ros/MicrophoneArray message."""
    positions = np.array([[p.x, p.y, p.z] for p in message.positions], float).reshape(-1, 3)  # (channels, 3)
    return MicrophoneArray(
        positions,
        tuple(message.channel_names),
        float(message.sound_speed) or SPEED_OF_SOUND_MPS,
        "bag",
        message.header.frame_id or "microphone_array",
    )


def camera_of_info(message: Any) -> CameraModel:
    """The rectified camera of a CameraInfo (P, or K where P is empty), at the array's origin."""
    projection, intrinsics = np.asarray(message.p, float), np.asarray(message.k, float)
    numbers = projection[[0, 5, 2, 6]] if projection[0] > 0 else intrinsics[[0, 4, 2, 5]]
    fx, fy, cx, cy = map(float, numbers)
    frame_id = message.header.frame_id or "camera"
    return CameraModel(int(message.width), int(message.height), fx, fy, cx, cy, frame_id=frame_id)


class FrameTree:
    """Transforms by child frame; the newest of each is taken."""

    def __init__(self) -> None:
        self._parents: dict[
            str, tuple[str, np.ndarray, np.ndarray]
        ] = {}  # child -> (parent, position, rotation)

    def add(self, transforms: Iterable[Any]) -> None:
        """Take in geometry_msgs/TransformStamped."""
        for transform in transforms:
            q, t = transform.transform.rotation, transform.transform.translation
            rotation = rotation_from_quaternion(q.x, q.y, q.z, q.w)
            position = np.array([t.x, t.y, t.z], float)
            self._parents[transform.child_frame_id] = (transform.header.frame_id, position, rotation)

    def pose(self, frame: str, target: str) -> tuple[np.ndarray, np.ndarray] | None:
        """Position (3,) and rotation (3, 3) of a frame in another, or None where no chain joins them."""
        from_frame, to_frame = self._chain(frame), self._chain(target)
        shared = next((name for name in from_frame if name in to_frame), None)
        if shared is None:
            return None
        position, rotation = from_frame[shared]
        target_position, target_rotation = to_frame[shared]
        return target_rotation.T @ (position - target_position), target_rotation.T @ rotation

    def mounted(self, camera: CameraModel, array_frame: str) -> CameraModel | None:
        """The camera at its place on the array, None where the bag does not say; its frame is optical."""
        pose = self.pose(camera.frame_id, array_frame)
        if pose is None:
            return None
        return replace(camera, position_m=pose[0], rotation=pose[1] @ OPTICAL_TO_BODY.T)

    def _chain(self, frame: str) -> dict[str, tuple[np.ndarray, np.ndarray]]:
        """Poses of a frame in each of its ancestors, itself first."""
        position, rotation = np.zeros(3), np.eye(3)
        poses = {frame: (position, rotation)}
        while frame in self._parents:
            parent, parent_position, parent_rotation = self._parents[frame]
            if parent in poses:
                raise InputError(f"the transforms of {frame} and {parent} run in a circle")
            position, rotation = parent_position + parent_rotation @ position, parent_rotation @ rotation
            poses[parent] = (position, rotation)
            frame = parent
        return poses
