"""How a head turns: yaw, pitch and roll over time, smooth, as fast as people turn to whoever speaks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter1d

from avloc_ros.config import setting
from avloc_ros.geometry import rotation_from_yaw_pitch_roll

STEP_S = 0.005  # resolution of the motion: several steps within one exposure


@dataclass(frozen=True)
class HeadMotionConfig:
    """Sizes of the motion; angles as seen from the level, straight-ahead head."""

    largest_yaw_deg: float = setting(25.0, "how far the head turns to a side", low=0.0, high=80.0)
    largest_pitch_deg: float = setting(8.0, "how far it nods", low=0.0, high=40.0)
    largest_roll_deg: float = setting(5.0, "how far it tilts", low=0.0, high=40.0)
    turn_s: float = setting(0.35, "time of a turn", low=0.05, high=5.0)
    rest_s: float = setting(1.5, "mean time between two turns", low=0.2, high=60.0)
    tremble_deg: float = setting(0.4, "small motion that never stops", low=0.0, high=5.0)


@dataclass(frozen=True)
class HeadMotion:
    """angles_rad (steps, 3): yaw, pitch, roll every STEP_S. The array frame is the head's, so it turns in the room."""

    angles_rad: np.ndarray

    def rotation(self, time_s: float) -> np.ndarray:
        """Turns the head's axes into the room's: (3, 3)."""
        steps = np.arange(len(self.angles_rad)) * STEP_S
        return rotation_from_yaw_pitch_roll(*(float(np.interp(time_s, steps, a)) for a in self.angles_rad.T))


def draw_head_motion(rng: np.random.Generator, duration_s: float, config: HeadMotionConfig) -> HeadMotion:
    """Rests and turns at random times to random places, with a tremble."""
    steps = round(duration_s / STEP_S) + 2
    largest = np.deg2rad([config.largest_yaw_deg, config.largest_pitch_deg, config.largest_roll_deg])
    target = np.zeros((steps, 3))
    at = 0
    while at < steps:
        end = at + max(1, round(rng.exponential(config.rest_s) / STEP_S))
        target[at:end] = rng.uniform(-largest, largest)
        at = end
    smooth = gaussian_filter1d(target, config.turn_s / STEP_S / 4, axis=0, mode="nearest")
    tremble = gaussian_filter1d(rng.standard_normal((steps, 3)), 0.1 / STEP_S, axis=0, mode="nearest")
    tremble *= np.deg2rad(config.tremble_deg) / (tremble.std(axis=0) + 1e-12)
    return HeadMotion(np.clip(smooth + tremble, -1.2 * largest, 1.2 * largest))
