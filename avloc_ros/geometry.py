"""Every angle, frame and projection: directions, camera model and grids.

Array frame: REP-103 (x forward, y left, z up). Camera optical frame: REP-103 suffix _optical (z forward, x right,
y down). Azimuth is counter-clockwise seen from above, elevation positive upwards, both in radians.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from avloc_ros.types import GridLayout, InputError, Projection

# Columns: the axes of the optical frame (x right, y down, z forward) in a frame with x forward, y left, z up.
OPTICAL_TO_BODY = np.array([[0.0, 0.0, 1.0], [-1.0, 0.0, 0.0], [0.0, -1.0, 0.0]])


# ------------------------------------------------------------------------------------------------ directions
def direction_from_angles(azimuth_rad: np.ndarray | float, elevation_rad: np.ndarray | float) -> np.ndarray:
    """Unit vectors (..., 3) of azimuth and elevation."""
    azimuth, elevation = np.broadcast_arrays(np.asarray(azimuth_rad, float), np.asarray(elevation_rad, float))
    return np.stack(
        [np.cos(elevation) * np.cos(azimuth), np.cos(elevation) * np.sin(azimuth), np.sin(elevation)], axis=-1
    )


def even_directions(count: int) -> np.ndarray:
    """Unit vectors (count, 3) spread evenly over the sphere (a Fibonacci spiral)."""
    k = np.arange(count) + 0.5
    z, azimuth = 1 - 2 * k / count, np.pi * (1 + 5**0.5) * k
    radius = np.sqrt(1 - z * z)
    return np.stack([radius * np.cos(azimuth), radius * np.sin(azimuth), z], -1)


def angles_from_direction(direction: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(azimuth, elevation) in radians of vectors (..., 3) of any length above zero."""
    direction = np.asarray(direction, float)
    horizontal = np.hypot(direction[..., 0], direction[..., 1])
    return np.arctan2(direction[..., 1], direction[..., 0]), np.arctan2(direction[..., 2], horizontal)


def wrap_angle(angle_rad: np.ndarray | float) -> Any:
    """The same angle in [-pi, pi)."""
    return (np.asarray(angle_rad) + np.pi) % (2 * np.pi) - np.pi


def angle_between(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Angle in radians between vectors (..., 3); exact for small angles (Kahan's form, not arccos of a product)."""
    first = np.asarray(first, float) / np.linalg.norm(first, axis=-1, keepdims=True)
    second = np.asarray(second, float) / np.linalg.norm(second, axis=-1, keepdims=True)
    return 2 * np.arctan2(np.linalg.norm(first - second, axis=-1), np.linalg.norm(first + second, axis=-1))


def rotation_from_yaw_pitch_roll(yaw_rad: float, pitch_rad: float, roll_rad: float) -> np.ndarray:
    """Rz(yaw) Ry(pitch) Rx(roll), (3, 3); positive pitch turns x downwards (REP-103)."""
    cy, sy = np.cos(yaw_rad), np.sin(yaw_rad)
    cp, sp = np.cos(pitch_rad), np.sin(pitch_rad)
    cr, sr = np.cos(roll_rad), np.sin(roll_rad)
    yaw = np.array([[cy, -sy, 0.0], [sy, cy, 0.0], [0.0, 0.0, 1.0]])
    pitch = np.array([[cp, 0.0, sp], [0.0, 1.0, 0.0], [-sp, 0.0, cp]])
    roll = np.array([[1.0, 0.0, 0.0], [0.0, cr, -sr], [0.0, sr, cr]])
    return yaw @ pitch @ roll


def yaw_pitch_roll_from_rotation(rotation: np.ndarray) -> tuple[float, float, float]:
    """(yaw, pitch, roll) in radians with Rz(yaw) Ry(pitch) Rx(roll) = rotation (3, 3); roll is 0 looking straight up."""
    r = np.asarray(rotation, float)
    horizontal = np.hypot(r[0, 0], r[1, 0])
    if horizontal < 1e-9:
        return float(np.arctan2(-r[0, 1], r[1, 1])), float(np.arctan2(-r[2, 0], horizontal)), 0.0
    yaw, pitch, roll = np.arctan2(r[1, 0], r[0, 0]), np.arctan2(-r[2, 0], horizontal), np.arctan2(r[2, 1], r[2, 2])
    return float(yaw), float(pitch), float(roll)


def rotation_from_quaternion(x: float, y: float, z: float, w: float) -> np.ndarray:
    """Rotation matrix (3, 3) of a quaternion in ROS order. Raises InputError where its length is zero or not finite."""
    q = np.array([x, y, z, w], float)
    length = np.linalg.norm(q)
    if not np.isfinite(length) or length < 1e-9:
        raise InputError(f"quaternion ({x}, {y}, {z}, {w}) has no length: publish a normalised rotation")
    x, y, z, w = q / length
    return np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
            [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
            [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
        ]
    )


def quaternion_from_rotation(rotation: np.ndarray) -> np.ndarray:
    """Quaternion (x, y, z, w), w >= 0, of a rotation matrix (3, 3).

    The eigenvector of the largest eigenvalue of a symmetric matrix, which has no singular cases (Bar-Itzhack 2000).
    """
    (xx, xy, xz), (yx, yy, yz), (zx, zy, zz) = np.asarray(rotation, float)
    symmetric = np.array(
        [
            [xx - yy - zz, 0, 0, 0],
            [xy + yx, yy - xx - zz, 0, 0],
            [xz + zx, yz + zy, zz - xx - yy, 0],
            [zy - yz, xz - zx, yx - xy, xx + yy + zz],
        ]
    )
    quaternion = np.linalg.eigh(symmetric, UPLO="L")[1][:, -1]
    return quaternion if quaternion[3] >= 0 else -quaternion


def quaternion_x_towards(direction: np.ndarray) -> np.ndarray:
    """Quaternion (x, y, z, w) whose x axis points along `direction` and whose y axis stays level."""
    azimuth, elevation = angles_from_direction(direction)
    cy, sy, cp, sp = np.cos(azimuth / 2), np.sin(azimuth / 2), np.cos(-elevation / 2), np.sin(-elevation / 2)
    return np.array([-sy * sp, cy * sp, sy * cp, cy * cp])


# ------------------------------------------------------------------------------------------------ camera
@dataclass(frozen=True)
class CameraModel:
    """A pinhole camera and where it is mounted on the array.

    width, height, fx, fy, cx, cy: rectified pixels. position_m (3,): camera centre in the array frame. rotation (3, 3):
    turns the camera's body axes (x forward, y left, z up) into the array frame.
    """

    width: int
    height: int
    fx: float
    fy: float
    cx: float
    cy: float
    position_m: np.ndarray = field(default_factory=lambda: np.zeros(3))
    rotation: np.ndarray = field(default_factory=lambda: np.eye(3))
    frame_id: str = "camera"

    def __post_init__(self) -> None:
        numbers = [self.fx, self.fy, self.cx, self.cy]
        if min(self.width, self.height) <= 0 or not np.all(np.isfinite(numbers)) or min(self.fx, self.fy) <= 0:
            raise InputError(
                f"camera {self.width}x{self.height} with fx={self.fx}, fy={self.fy} is not calibrated: "
                "it needs a camera_info with a size and a K matrix, or width, height, fx, fy in the camera's file"
            )

    @staticmethod
    def from_mapping(camera: dict[str, Any]) -> CameraModel:
        """From the `camera` block of a scene or a YAML file (keys as in docs/scenes.md). Raises InputError on a missing key."""
        missing = [key for key in ("width", "height", "fx", "fy", "cx", "cy") if key not in camera]
        if missing:
            raise InputError(f"camera description lacks {', '.join(missing)}: give them in pixels")
        return CameraModel(
            width=int(camera["width"]),
            height=int(camera["height"]),
            fx=float(camera["fx"]),
            fy=float(camera["fy"]),
            cx=float(camera["cx"]),
            cy=float(camera["cy"]),
            position_m=np.asarray(camera.get("position_m", (0.0, 0.0, 0.0)), float),
            rotation=rotation_from_yaw_pitch_roll(
                *(float(camera.get(key, 0.0)) for key in ("yaw_rad", "pitch_rad", "roll_rad"))
            ),
        )

    def to_mapping(self) -> dict[str, Any]:
        """The `camera` block of a scene, as from_mapping reads it."""
        pixels = {key: getattr(self, key) for key in ("width", "height", "fx", "fy", "cx", "cy")}
        angles = dict(zip(("yaw_rad", "pitch_rad", "roll_rad"), yaw_pitch_roll_from_rotation(self.rotation), strict=True))
        return pixels | {"position_m": [float(x) for x in self.position_m]} | angles

    def scaled_to(self, width: int, height: int) -> CameraModel:
        """The same camera delivering another picture size."""
        sx, sy = width / self.width, height / self.height
        return replace(
            self, width=width, height=height, fx=self.fx * sx, fy=self.fy * sy, cx=self.cx * sx, cy=self.cy * sy
        )

    def rays(self, pixels: np.ndarray) -> np.ndarray:
        """Unit vectors (..., 3), array frame, of the viewing rays through pixels (..., 2)."""
        pixels = np.asarray(pixels, float)
        x = (pixels[..., 0] - self.cx) / self.fx
        y = (pixels[..., 1] - self.cy) / self.fy
        body = np.stack([np.ones_like(x), -x, -y], axis=-1)
        rays = body @ self.rotation.T
        return rays / np.linalg.norm(rays, axis=-1, keepdims=True)

    def points_at(self, pixels: np.ndarray, range_m: np.ndarray | float) -> np.ndarray:
        """Points (..., 3), array frame, `range_m` from the camera along the rays through pixels (..., 2)."""
        return self.position_m + self.rays(pixels) * np.asarray(range_m, float)[..., None]

    def directions(self, pixels: np.ndarray, assumed_range_m: np.ndarray | float) -> np.ndarray:
        """Unit vectors (..., 3) from the ARRAY's origin to what pixels (..., 2) show at the assumed range (parallax)."""
        points = self.points_at(pixels, assumed_range_m)
        return points / np.linalg.norm(points, axis=-1, keepdims=True)

    def project(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Pixels (..., 2) of points (..., 3) of the array frame, and whether each lies in the picture (...,)."""
        body = (np.asarray(points, float) - self.position_m) @ self.rotation
        ahead = body[..., 0] > 1e-6
        depth = np.where(ahead, body[..., 0], 1.0)
        pixels = np.stack([self.cx - self.fx * body[..., 1] / depth, self.cy - self.fy * body[..., 2] / depth], axis=-1)
        inside = (pixels >= 0).all(-1) & (pixels[..., 0] < self.width) & (pixels[..., 1] < self.height)
        pixels = np.where(ahead[..., None], pixels, np.nan)
        return pixels, ahead & inside


# ------------------------------------------------------------------------------------------------ grids
def image_grid(width: int, height: int, rows: int = 20, cols: int = 24) -> GridLayout:
    """A grid of cells over the whole picture; row 0 is the top."""
    return GridLayout(Projection.IMAGE, rows, cols, 0.0, width / cols, 0.0, height / rows)


def sphere_grid(rows: int = 36, cols: int = 72) -> GridLayout:
    """A grid over all directions; row 0 is the lowest, column 0 starts at azimuth -pi and azimuth grows to the left."""
    return GridLayout(
        Projection.SPHERE, rows, cols, -np.pi, 2 * np.pi / cols, -np.pi / 2, np.pi / rows, wraps=True
    )


def cell_centres(layout: GridLayout) -> np.ndarray:
    """Centres (rows, cols, 2) of the cells as (u, v) in the layout's unit."""
    u = layout.u_min + (np.arange(layout.cols) + 0.5) * layout.u_step
    v = layout.v_min + (np.arange(layout.rows) + 0.5) * layout.v_step
    return np.stack(np.broadcast_arrays(u[None, :], v[:, None]), axis=-1)


def cell_of(layout: GridLayout, u: float, v: float) -> tuple[int, int] | None:
    """(row, column) of the cell that holds the point, or None outside the grid."""
    row = int(np.floor((v - layout.v_min) / layout.v_step))
    col = int(np.floor((u - layout.u_min) / layout.u_step))
    if layout.wraps:
        col %= layout.cols
    return (row, col) if 0 <= row < layout.rows and 0 <= col < layout.cols else None


def layout_directions(
    layout: GridLayout, points: np.ndarray, camera: CameraModel | None, assumed_range_m: float
) -> np.ndarray:
    """Unit vectors (..., 3) from the array's origin for points (..., 2) of a grid. IMAGE grids need the camera."""
    if layout.projection == Projection.SPHERE:
        return direction_from_angles(points[..., 0], points[..., 1])
    if camera is None:
        raise InputError("an image grid has no directions without a camera: publish camera_info or give camera.yaml")
    return camera.directions(points, assumed_range_m)
