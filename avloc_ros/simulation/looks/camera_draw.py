"""Where the camera looks in a scene that is being drawn."""

from __future__ import annotations

import numpy as np

from avloc_ros.geometry import CameraModel, rotation_from_yaw_pitch_roll
from avloc_ros.simulation.measured_rooms import Response, position_m

WIDTH, HEIGHT, FX, FY = 720, 450, 318.5, 268.1  # 97 x 80 degrees (docs/papers.md: dsw)
HALF_VIEW_RAD = float(np.arctan(WIDTH / 2 / FX))
OFF_CAMERA_SHARE = 0.1  # scenes without anybody in the picture
EDGE_PX = 22.0  # no face centre this near to the picture's edge: half a face is neither in nor out


def draw_camera(
    rng: np.random.Generator, positions: list[Response], has_face: list[bool], *, face_needed: bool = False
) -> CameraModel:
    """A camera at the array's origin, level, its yaw uniform over those that show one drawn face (mostly).

    Talkers without a face stand outside of the picture, where the room allows it: a voice out of thin air would be
    neither in the picture nor out of it. face_needed: somebody is always seen.
    """
    faces = [p for p, face in zip(positions, has_face, strict=True) if face]
    voices = [p for p, face in zip(positions, has_face, strict=True) if not face] if faces else []
    shown = None
    if faces and (rng.random() >= OFF_CAMERA_SHARE or face_needed):
        shown = faces[int(rng.integers(len(faces)))]
    for attempt in range(1000):
        yaw = rng.uniform(-np.pi, np.pi)
        camera = camera_with_yaw(yaw)
        columns = [face_column(camera, p) for p in faces]
        if any(u is not None and min(abs(u), abs(u - WIDTH)) < EDGE_PX for u in columns):
            continue
        if attempt < 500 and any(_in_view(camera, voice) for voice in voices):
            continue
        if shown is not None and _in_view(camera, shown):
            return camera
        if shown is None and not any(_in_view(camera, face) for face in faces):
            return camera
    return camera_with_yaw(float(shown.azimuth_rad or 0.0) if shown else rng.uniform(-np.pi, np.pi))


def _in_view(camera: CameraModel, position: Response) -> bool:
    column = face_column(camera, position)
    return column is not None and 0 <= column < WIDTH


def camera_with_yaw(yaw_rad: float) -> CameraModel:
    """The kit's level camera turned by `yaw_rad`."""
    rotation = rotation_from_yaw_pitch_roll(yaw_rad, 0.0, 0.0)
    return CameraModel(WIDTH, HEIGHT, FX, FY, WIDTH / 2, HEIGHT / 2, rotation=rotation)


def face_column(camera: CameraModel, position: Response) -> float | None:
    """The pixel column of a position, which may lie beside the picture; None behind the camera."""
    point = position_m(position)
    u = float(camera.project(point)[0][0])
    return u if np.isfinite(u) else None
