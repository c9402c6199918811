"""How fast talkers walk, from the truth."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from avloc_ros.sources.truth import TruthRow

WINDOW_FRAMES = 5  # either side: 0.2 s at 25 fps, so that the rounding of the truth does not look like steps
UNKNOWN_DISTANCE_M = 2.0
WALKING_MPS = 0.2  # slower is standing: a head sways


def speeds_mps(rows: Iterable[TruthRow]) -> dict[tuple[str, int], float]:
    """Horizontal speed in metres per second by (speaker, frame), over 5 frames on either side where they exist.

    A talker of unknown distance is taken to be 2 m away.
    """
    tracks: dict[str, dict[int, TruthRow]] = {}
    for row in rows:
        tracks.setdefault(row.speaker, {})[row.frame] = row
    return {
        (speaker, frame): speed
        for speaker, track in tracks.items()
        for frame, speed in zip(sorted(track), _speeds(track), strict=True)
    }


def _speeds(track: dict[int, TruthRow]) -> list[float]:
    rows = [track[frame] for frame in sorted(track)]
    places = np.array([_place_m(row) for row in rows])  # (frames, 2)
    times_s = np.array([row.time_s for row in rows])
    index = np.arange(len(rows))
    before, after = np.maximum(index - WINDOW_FRAMES, 0), np.minimum(index + WINDOW_FRAMES, len(rows) - 1)
    elapsed_s = np.maximum(times_s[after] - times_s[before], 1e-9)
    return (np.linalg.norm(places[after] - places[before], axis=1) / elapsed_s).tolist()


def _place_m(row: TruthRow) -> tuple[float, float]:
    distance_m = row.distance_m if row.distance_m is not None else UNKNOWN_DISTANCE_M
    radius_m = distance_m * np.cos(row.elevation_rad)
    return radius_m * np.cos(row.azimuth_rad), radius_m * np.sin(row.azimuth_rad)
