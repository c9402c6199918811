"""Where talkers and noises stand in a simulated room: anywhere, or where the camera looks, apart from each other."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from avloc_ros.geometry import angles_from_direction, wrap_angle
from avloc_ros.simulation.looks.camera_draw import EDGE_PX, FX, HALF_VIEW_RAD, WIDTH
from avloc_ros.simulation.measured_rooms import Response, position_m
from avloc_ros.simulation.sound.moving_sound import ShoeboxRoom
from avloc_ros.types import InputError

ROOM_SIZE_M = ((3.5, 3.0, 2.4), (8.0, 7.0, 3.2))
DISTANCE_M = (0.8, 3.5)
SEPARATION_RAD = np.deg2rad(25.0)
SEPARATION_IN_VIEW_RAD = np.deg2rad(12.0)  # four have to stand within 97 degrees
FACE_HEIGHT_M = (-0.15, 0.45)  # above the array
MARGIN_M = 0.3  # to the walls
REFLECTION_ORDER = 14  # of reflections


class NoPlaceError(InputError):
    """A room is too small for what is to happen in it."""


def draw_shoebox(rng: np.random.Generator, rt60_s: tuple[float, float]) -> ShoeboxRoom:
    """A room with the array at least 1 m from its walls; its reverberation time is one that the room can have."""
    low, high = np.array(ROOM_SIZE_M)
    size = low + (high - low) * rng.random(3)
    width, depth, height = size
    surface = 2 * (width * depth + width * height + depth * height)
    shortest = (
        24 * np.log(10) / 343.0 * size.prod() / surface / 0.98
    )  # Sabine, walls that absorb almost everything
    reverberation_s = max(float(rng.uniform(*rt60_s)), shortest)
    place = np.array([rng.uniform(1.0, width - 1.0), rng.uniform(1.0, depth - 1.0), rng.uniform(0.8, 1.6)])
    return ShoeboxRoom(_triple(size), _triple(place), round(reverberation_s, 3), max_order=REFLECTION_ORDER)


def response_at(point_m: np.ndarray) -> Response:
    """The simulated source at a point of the array frame (3,)."""
    azimuth, elevation = (float(angle) for angle in angles_from_direction(point_m))
    return _response(azimuth, elevation, float(np.linalg.norm(point_m)))


def draw_place(
    rng: np.random.Generator,
    room: ShoeboxRoom,
    taken: list[Response],
    separation_rad: float = SEPARATION_RAD,
) -> Response:
    """A place in the room apart from those that are taken. Raises NoPlaceError where the room is full."""
    for _ in range(2000):
        azimuth, distance = float(rng.uniform(-np.pi, np.pi)), float(rng.uniform(*DISTANCE_M))
        elevation = float(np.arctan2(rng.uniform(*FACE_HEIGHT_M), distance))
        place = _response(azimuth, elevation, distance)
        if _is_apart(place, taken, separation_rad) and room.holds(position_m(place), MARGIN_M):
            return place
    raise NoPlaceError(
        f"no place left for another source in a room of {room.size_m} m with {len(taken)} sources"
    )


def draw_place_in_view(
    rng: np.random.Generator, room: ShoeboxRoom, yaw_rad: float, taken: list[Response], in_view: bool
) -> Response | None:
    """A place whose face is in the picture of a level camera at the array (any column alike), or surely beside it.

    None where the room has no such place among 60 that are tried.
    """
    for _ in range(60):
        if in_view:
            column = rng.uniform(EDGE_PX, WIDTH - EDGE_PX)
            azimuth = yaw_rad + float(np.arctan((WIDTH / 2 - column) / FX))
        else:
            azimuth = yaw_rad + float(rng.uniform(HALF_VIEW_RAD + 0.07, 2 * np.pi - HALF_VIEW_RAD - 0.07))
        distance = float(rng.uniform(*DISTANCE_M))
        elevation = float(np.arctan2(rng.uniform(*FACE_HEIGHT_M), distance))
        place = _response(float(wrap_angle(azimuth)), elevation, distance)
        if _is_apart(place, taken, SEPARATION_IN_VIEW_RAD) and room.holds(position_m(place), MARGIN_M):
            return place
    return None


def _response(azimuth_rad: float, elevation_rad: float, distance_m: float) -> Response:
    name = Path(f"simulated_{np.rad2deg(azimuth_rad):.1f}deg_{distance_m:.2f}m")
    return Response(name, "shoebox", azimuth_rad, distance_m, elevation_rad=elevation_rad)


def _is_apart(place: Response, taken: list[Response], separation_rad: float) -> bool:
    azimuth = place.azimuth_rad or 0.0
    return all(abs(float(wrap_angle(azimuth - (t.azimuth_rad or 0.0)))) > separation_rad for t in taken)


def _triple(values: np.ndarray) -> tuple[float, float, float]:
    first, second, third = (round(float(value), 3) for value in values)
    return first, second, third
