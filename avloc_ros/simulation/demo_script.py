"""What happens in the demo scene: who says what when, and who stands where."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.interpolate import PchipInterpolator

from avloc_ros.geometry import direction_from_angles
from avloc_ros.simulation.sound.espeak import SyntheticVoice

DURATION_S = 20.0
FPS = 25


@dataclass(frozen=True)
class Line:
    """Spoken from `start_s` on."""

    start_s: float
    text: str


@dataclass(frozen=True)
class Role:
    """A talker of the demo: voice, lines, and the way as (seconds, azimuth in degrees, distance in metres)."""

    name: str
    voice: SyntheticVoice
    lines: tuple[Line, ...]
    way: tuple[tuple[float, float, float], ...]
    face_height_m: float

    def position_m(self, time_s: np.ndarray | float) -> np.ndarray:
        """Places (..., 3) of the mouth and face in the array frame, moving smoothly from waypoint to waypoint."""
        times, azimuths, distances = np.array(self.way).T
        azimuth = np.deg2rad(PchipInterpolator(times, azimuths)(time_s))
        distance = PchipInterpolator(times, distances)(time_s)
        place = direction_from_angles(azimuth, 0.0) * distance[..., None]
        place[..., 2] = self.face_height_m
        return place


ROLES = (
    Role(
        "collins",
        SyntheticVoice("en-us+f3", pitch=62, words_per_minute=170),
        (
            Line(0.6, "Hello! I am standing to the left. You can hear where I am."),
            Line(8.6, "Now I walk out of the picture, but I keep on talking. The microphones still follow me."),
            Line(16.3, "And here I am again, in the picture."),
        ),
        ((0, 24, 1.25), (4, 20, 1.25), (8.5, 25, 1.25), (11.2, 72, 1.3), (14, 72, 1.3), (16.4, 27, 1.25), (20, 20, 1.25)),
        0.10,
    ),
    Role(
        "hopper",
        SyntheticVoice("en-us+f5", pitch=30, words_per_minute=160),
        (
            Line(4.5, "And I am to the right. We take turns, and sometimes we talk together."),
            Line(13.4, "She has gone, but I am still here to be seen."),
            Line(17.6, "Welcome back!"),
        ),
        ((0, -26, 1.45), (4, -24, 1.45), (9, -12, 1.4), (14, -20, 1.45), (20, -26, 1.45)),
        0.06,
    ),
)  # fmt: skip
