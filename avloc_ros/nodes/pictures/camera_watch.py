"""Keeps the camera model up to date: intrinsics from camera_info, mounting from TF or parameters."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np
import tf2_ros
from rclpy.node import Node
from rclpy.time import Time
from sensor_msgs.msg import CameraInfo

from avloc_ros.config import setting
from avloc_ros.geometry import CameraModel, rotation_from_yaw_pitch_roll
from avloc_ros.nodes.messages.conversions import camera_from_message, mount_from_transform
from avloc_ros.types import InputError

LOOKUP_PERIOD_S = 0.5  # a camera that moves on a pan-tilt head is followed at this pace


@dataclass(frozen=True)
class CameraMountConfig:
    """Where the camera sits on the microphone array."""

    mount_from: str = setting(
        "auto",
        "where the camera's mounting comes from: TF, the settings below, or auto (TF where it is published)",
        choices=("auto", "tf", "parameters"),
    )
    position_m: tuple[float, ...] = setting((0.0, 0.0, 0.0), "camera centre in the array frame: x, y, z in metres")
    yaw_rad: float = setting(0.0, "camera turned to the left", low=-3.1416, high=3.1416)
    pitch_rad: float = setting(0.0, "camera turned downwards", low=-1.5708, high=1.5708)
    roll_rad: float = setting(0.0, "camera rolled to the right", low=-3.1416, high=3.1416)

    def __post_init__(self) -> None:
        numbers = np.asarray(self.position_m, float)
        if numbers.shape != (3,) or not np.all(np.isfinite(numbers)):
            raise InputError(f"camera.position_m is {self.position_m}, needs three finite numbers in metres")


class CameraWatch:
    """Turns CameraInfo messages into a CameraModel in the array's frame; `reason` says what is doubtful about it."""

    def __init__(self, node: Node, config: CameraMountConfig) -> None:
        self.config = config
        self.model: CameraModel | None = None
        self.reason = ""
        self._node = node
        self._looked_up_s = -np.inf
        self._mount: tuple[np.ndarray, np.ndarray] | None = None
        self._intrinsics: tuple[object, ...] | None = None
        self._buffer = tf2_ros.Buffer()
        self._listener = tf2_ros.TransformListener(self._buffer, node)

    def close(self) -> None:
        """Stop listening to TF."""
        self._listener.unregister()

    def update(self, info: CameraInfo, array_frame: str) -> bool:
        """Take in a CameraInfo. True where the model is another one now; InputError where it is not calibrated."""
        intrinsics = (info.width, info.height, *info.k, *info.p, info.header.frame_id)
        mount_is_new = self._look_up(info.header.frame_id or "camera", array_frame, Time.from_msg(info.header.stamp))
        if intrinsics == self._intrinsics and not mount_is_new:
            return False
        if self._mount is None:
            raise InputError(self.reason)
        self.model, self._intrinsics = None, None  # what held before does not hold for a picture that is not calibrated
        self.model = camera_from_message(info, *self._mount)
        self._intrinsics = intrinsics
        return True

    def reset(self, config: CameraMountConfig) -> None:
        """Other settings: everything is looked up again at the next CameraInfo."""
        self.config = config
        self._looked_up_s = -np.inf
        self._mount = None
        self._intrinsics = None

    def _look_up(self, camera_frame: str, array_frame: str, stamp: Time) -> bool:
        now = time.monotonic()
        if now - self._looked_up_s < LOOKUP_PERIOD_S:
            return False
        self._looked_up_s = now
        before = self._mount
        if self.config.mount_from == "parameters":
            self._mount, self.reason = self._mount_from_parameters(), ""
        else:
            self._mount_from_tf(camera_frame, array_frame, stamp)
        return self._mount is not None and (before is None or not _is_same_mount(before, self._mount))

    def _mount_from_tf(self, camera_frame: str, array_frame: str, stamp: Time) -> None:
        try:
            # Where the camera was when it saw the picture: a head turns on while the picture is on its way.
            when = stamp if self._buffer.can_transform(array_frame, camera_frame, stamp) else Time()
            found = self._buffer.lookup_transform(array_frame, camera_frame, when)
        except tf2_ros.TransformException as error:
            missing = f"no TF from '{camera_frame}' to '{array_frame}'"
            if self.config.mount_from == "tf":
                self.reason = f"{missing} ({error}): publish it, or set camera.mount_from to parameters"
                return
            self._mount = self._mount or self._mount_from_parameters()
            where = "on the array, looking along x" if self.config == CameraMountConfig() else "where camera.* says"
            self.reason = f"{missing}: the camera is taken to be {where} (camera.mount_from: parameters confirms it)"
            return
        self.reason = ""
        self._mount = mount_from_transform(found.transform)

    def _mount_from_parameters(self) -> tuple[np.ndarray, np.ndarray]:
        config = self.config
        rotation = rotation_from_yaw_pitch_roll(config.yaw_rad, config.pitch_rad, config.roll_rad)
        return np.asarray(config.position_m, float), rotation


def _is_same_mount(first: tuple[np.ndarray, np.ndarray], second: tuple[np.ndarray, np.ndarray]) -> bool:
    return np.allclose(first[0], second[0], atol=1e-4) and np.allclose(first[1], second[1], atol=1e-4)
