"""Talkers on foot: from waypoint to waypoint at a walking pace, with rests, and pairs whose ways cross."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from avloc_ros.simulation.places import NoPlaceError

SPEED_M_S = (0.3, 1.2)
REST_S = (0.0, 1.5)  # at a waypoint
CROSSING_SPEED_M_S = 1.0
CROSSING_REST_S = 0.8
NEAREST_M = 0.7  # nobody walks nearer to the array than this
PERSONAL_SPACE_M = 0.45  # between the depths of two whose ways cross

Inside = Callable[[np.ndarray], bool]  # whether a point of the array frame may be walked on


@dataclass(frozen=True)
class Walk:
    """Waypoints (metres, array frame) and when each is reached; before the first and after the last it stands."""

    waypoints_m: tuple[tuple[float, float, float], ...]
    times_s: tuple[float, ...]

    def places_m(self, times_s: np.ndarray) -> np.ndarray:
        """Where the mouth is at these times: (times, 3)."""
        points = np.array(self.waypoints_m)
        return np.stack([np.interp(times_s, self.times_s, points[:, axis]) for axis in range(3)], axis=-1)

    def walked_m(self, until_s: float) -> float:
        """Length of the way up to a time."""
        places = self.places_m(np.linspace(0.0, until_s, 500))
        return float(np.linalg.norm(np.diff(places, axis=0), axis=1).sum())

    def speeds_m_s(self, times_s: np.ndarray) -> np.ndarray:
        """Speeds between these times: (times - 1,)."""
        places = self.places_m(times_s)
        return np.linalg.norm(np.diff(places, axis=0), axis=1) / np.diff(times_s)


def draw_walk(
    rng: np.random.Generator, start_m: np.ndarray, next_m: Callable[[], np.ndarray], duration_s: float
) -> Walk:
    """A walk from start_m on, through places that `next_m` draws, at one pace of SPEED_M_S, with rests between them.

    No way leads nearer than NEAREST_M past the array. Raises NoPlaceError where no such way is found.
    """
    speed = rng.uniform(*SPEED_M_S)
    points, times = [np.asarray(start_m, float)], [0.0]
    _rest(rng, points, times)
    for _ in range(500):
        if times[-1] >= duration_s:
            return _walk(points, times)
        goal = np.append(next_m()[:2], points[-1][2])  # heads stay as high as they are
        way_m = float(np.linalg.norm(goal - points[-1]))
        if way_m < 0.3 or _nearest_m(points[-1], goal) < NEAREST_M:
            continue
        points.append(goal)
        times.append(times[-1] + way_m / speed)
        _rest(rng, points, times)
    raise NoPlaceError("no way through the room was found for a walking talker: take a larger room")


def draw_crossing(
    rng: np.random.Generator, yaw_rad: float, half_view_rad: float, inside: Inside, duration_s: float
) -> tuple[Walk, Walk] | None:
    """Two who walk to and fro across the view at CROSSING_SPEED_M_S, in opposite directions, one behind the other.

    yaw_rad: where the camera looks; ends of the ways lie within 0.9 of its half view. None where `inside` allows no
    such ways.
    """
    forward = np.array([np.cos(yaw_rad), np.sin(yaw_rad), 0.0])
    leftward = np.array([-np.sin(yaw_rad), np.cos(yaw_rad), 0.0])
    for _ in range(200):
        near_m = rng.uniform(1.1, 2.2)
        far_m = near_m + rng.uniform(PERSONAL_SPACE_M, 1.2)
        middle_m, half_way_m = rng.uniform(-0.3, 0.3), rng.uniform(0.6, 1.6)
        if abs(middle_m) + half_way_m > 0.9 * near_m * np.tan(half_view_rad):
            continue
        side = rng.choice([-1.0, 1.0])
        heights = rng.uniform(-0.05, 0.35, 2)
        ends = [
            [depth * forward + (middle_m + turn * half_way_m) * leftward + [0, 0, height] for turn in (sign, -sign)]
            for depth, height, sign in ((near_m, heights[0], side), (far_m, heights[1], -side))
        ]  # fmt: skip
        if all(inside(point) for pair in ends for point in pair):
            first_s = rng.uniform(0.2, 1.0)
            return _to_and_fro(ends[0], first_s, duration_s), _to_and_fro(ends[1], first_s, duration_s)
    return None


def _to_and_fro(ends: list[np.ndarray], first_s: float, duration_s: float) -> Walk:
    way_s = float(np.linalg.norm(ends[1] - ends[0])) / CROSSING_SPEED_M_S
    points, times, here = [ends[0], ends[0]], [0.0, first_s], 0
    while times[-1] < duration_s:
        here = 1 - here
        points += [ends[here], ends[here]]
        times += [times[-1] + way_s, times[-1] + way_s + CROSSING_REST_S]
    return _walk(points, times)


def _rest(rng: np.random.Generator, points: list[np.ndarray], times: list[float]) -> None:
    points.append(points[-1])
    times.append(times[-1] + rng.uniform(*REST_S))


def _nearest_m(first: np.ndarray, second: np.ndarray) -> float:
    """How near the straight way between two points comes to the origin, seen from above."""
    a, way = first[:2], (second - first)[:2]
    share = np.clip(-(a @ way) / (way @ way), 0.0, 1.0)
    return float(np.linalg.norm(a + share * way))


def _walk(points: list[np.ndarray], times: list[float]) -> Walk:
    return Walk(tuple((float(x), float(y), float(z)) for x, y, z in points), tuple(float(t) for t in times))
