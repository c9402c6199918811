"""A rotation and a translation, as numbers."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from geometry_msgs.msg import Quaternion, Transform, Vector3


def _no_translation() -> np.ndarray:
    return np.zeros(3)


def _no_rotation() -> np.ndarray:
    return np.array([0.0, 0.0, 0.0, 1.0])


@dataclass(frozen=True)
class RigidTransform:
    """Takes points of a child frame to its parent: p_parent = R(rotation) p_child + translation.

    translation (3,) metres; rotation (4,) unit quaternion x, y, z, w.
    """

    translation: np.ndarray = field(default_factory=_no_translation)
    rotation: np.ndarray = field(default_factory=_no_rotation)

    @staticmethod
    def from_msg(message: Transform) -> RigidTransform:
        """The transform of a message; any quaternion but zero means the rotation of its unit quaternion, as in tf2."""
        t, q = message.translation, message.rotation
        rotation = np.array([q.x, q.y, q.z, q.w])
        length = float(np.linalg.norm(rotation))
        return RigidTransform(
            np.array([t.x, t.y, t.z]), rotation / length if length > 0.0 else rotation * np.nan
        )

    def to_msg(self) -> Transform:
        x, y, z = self.translation.tolist()
        qx, qy, qz, qw = self.rotation.tolist()
        return Transform(translation=Vector3(x=x, y=y, z=z), rotation=Quaternion(x=qx, y=qy, z=qz, w=qw))

    def after(self, first: RigidTransform) -> RigidTransform:
        """This transform applied to the result of `first`."""
        rotation = _multiply(self.rotation, first.rotation)
        return RigidTransform(self.translation + _rotate(self.rotation, first.translation), rotation)

    def inverse(self) -> RigidTransform:
        rotation = self.rotation * np.array([-1.0, -1.0, -1.0, 1.0])
        return RigidTransform(-_rotate(rotation, self.translation), rotation)

    def towards(self, other: RigidTransform, fraction: float) -> RigidTransform:
        """Between this (fraction 0) and other (1): translation on a straight line, rotation on the shorter arc."""
        translation = (1.0 - fraction) * self.translation + fraction * other.translation
        return RigidTransform(translation, _slerp(self.rotation, other.rotation, fraction))


def _multiply(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    vector = a[3] * b[:3] + b[3] * a[:3] + np.cross(a[:3], b[:3])
    return np.append(vector, a[3] * b[3] - a[:3] @ b[:3])


def _rotate(rotation: np.ndarray, point: np.ndarray) -> np.ndarray:
    twice = 2.0 * np.cross(rotation[:3], point)
    return point + rotation[3] * twice + np.cross(rotation[:3], twice)


def _slerp(start: np.ndarray, end: np.ndarray, fraction: float) -> np.ndarray:
    cosine = float(start @ end)
    if cosine < 0.0:  # q and -q are one rotation: take the nearer of the two
        end, cosine = -end, -cosine
    angle = np.arccos(min(cosine, 1.0))
    if angle < 1e-6:  # sin(angle) / angle is 1 to double precision
        mixed = (1.0 - fraction) * start + fraction * end
    else:
        mixed = (np.sin((1.0 - fraction) * angle) * start + np.sin(fraction * angle) * end) / np.sin(angle)
    return mixed / np.linalg.norm(mixed)
