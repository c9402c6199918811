"""What a microphone array cannot tell apart, by its geometry, and how precisely it tells the rest.

Microphones in one plane hear a direction and its mirror image at the plane alike; microphones on a line hear all
directions of a cone around it alike.
"""

from __future__ import annotations

from enum import Enum

import numpy as np

from avloc_ros.geometry import direction_from_angles
from avloc_ros.microphone_array import MicrophoneArray

FLAT_SHARE = 0.02  # an array thinner than this share of its width counts as flat
UNKNOWN_ANGLE_RAD = np.radians(30.0)  # standard deviation where the geometry tells nothing


class ArrayShape(Enum):
    """How the microphones of an array lie."""

    VOLUME = "in space"
    PLANE = "in a plane"
    LINE = "on a line"


class ArrayAmbiguity:
    """The mirror of an array: `normal` (3,) points to the side where a talker is assumed, or None where it has volume.

    `axis` (3,): along the line of microphones that stand on one, else None.

    The assumed side of a plane is the upper one, or the front (x > 0) where the plane stands upright; of a line, the
    front, or the left (y > 0) where the line points to the front, and its talkers are taken to be at its height.
    """

    def __init__(self, array: MicrophoneArray) -> None:
        centred = array.positions_m - array.positions_m.mean(0)
        _, extents, axes = np.linalg.svd(centred, full_matrices=True)
        extents = np.concatenate([extents, np.zeros(3 - len(extents))])
        self.on_a_line = bool(extents[1] < FLAT_SHARE * extents[0])
        self.in_a_plane = bool(extents[2] < FLAT_SHARE * extents[0])
        self.normal: np.ndarray | None = None
        self.axis: np.ndarray | None = axes[0] if self.on_a_line else None
        if self.on_a_line:
            across = np.cross([0.0, 0.0, 1.0], axes[0])
            self.normal = _towards_a_talker(
                across if np.linalg.norm(across) > 0.1 else np.array([1.0, 0.0, 0.0])
            )
        elif self.in_a_plane:
            self.normal = _towards_a_talker(axes[2])
        first, second = np.triu_indices(array.channels, 1)
        baselines = array.positions_m[first] - array.positions_m[second]  # (pairs, 3)
        self._moment = baselines.T @ baselines / len(baselines)  # (3, 3) m^2

    @property
    def shape(self) -> ArrayShape:
        """How the microphones lie."""
        return ArrayShape.LINE if self.on_a_line else ArrayShape.PLANE if self.in_a_plane else ArrayShape.VOLUME

    @property
    def reasons(self) -> tuple[str, ...]:
        """In words, for diagnostics."""
        if self.on_a_line:
            return (
                "microphones on a line: front and back, above and below sound alike; the front is assumed",
            )
        if self.in_a_plane:
            side = "upper" if self.normal is not None and abs(self.normal[2]) > 0.5 else "front"
            return (f"microphones in a plane: its two sides sound alike; the {side} one is assumed",)
        return ()

    def assumed_side(self, directions: np.ndarray, margin_rad: float) -> np.ndarray:
        """Whether directions (..., 3) lie on the side where a talker is assumed, or within the margin of the border."""
        if self.normal is None:
            return np.ones(directions.shape[:-1], bool)
        side = directions @ self.normal >= -np.sin(margin_rad)
        if self.on_a_line:
            side &= np.abs(directions[..., 2]) <= np.sin(2 * margin_rad)
        return side

    def angle_deviation(
        self, azimuth_rad: np.ndarray, elevation_rad: np.ndarray, path_deviation_m: float
    ) -> tuple[np.ndarray, np.ndarray]:
        """Standard deviation (n,) in azimuth (along the arc) and elevation, when path differences are off by so much."""
        tangents = np.stack(
            [
                direction_from_angles(azimuth_rad + np.pi / 2, 0.0 * elevation_rad),
                direction_from_angles(azimuth_rad, elevation_rad + np.pi / 2),
            ]
        )  # (2, n, 3)
        information = np.einsum("ani,ij,anj->an", tangents, self._moment, tangents) / path_deviation_m**2
        deviation = 1 / np.sqrt(information + UNKNOWN_ANGLE_RAD**-2)
        return deviation[0], deviation[1]


def _towards_a_talker(normal: np.ndarray) -> np.ndarray:
    """The normal or its opposite: up where it is steep, else to the front, else to the left."""
    normal = normal / np.linalg.norm(normal)
    axis = 2 if abs(normal[2]) > 0.5 else (0 if abs(normal[0]) > 0.1 else 1)
    return normal if normal[axis] >= 0 else -normal
