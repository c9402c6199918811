"""The numbers that the any-array tracker, its networks and their training share: bands, masks, maps and cells."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from avloc_ros.geometry import cell_centres, direction_from_angles, sphere_grid

FRAME_S = 0.032  # of analysis
HOP_S = 0.010
WINDOW_S = 0.040  # of one output, four hops
HOPS = 4
HIGHEST_HZ = 7000.0
LOWEST_HZ = 200.0  # below, pairs of a small array say nothing
SPLIT_HZ = 1800.0  # between the two fixed bands
MAP_ROWS, COLS = 18, 72  # cells of the maps that the network sees: 10 degrees of elevation by 5 of azimuth
ROWS = 2 * MAP_ROWS  # rows of its output, 5 degrees each
BANDS = 40  # mel bands of the reference spectrum
MOST_PAIRS = 9  # microphone pairs that one example is trained with; of more, networks are told that they are so many

# Maps that the sphere network sees: (mask, time constant in seconds). Masks 0 .. LEARNT - 1 are the network's own, the
# first of them taught to be the share of voices; `low` and `high` let everything of their band through.
LEARNT = 3
LOW, HIGH = LEARNT, LEARNT + 1
MAPS = ((0, 0.06), (0, 0.3), (1, 0.12), (2, 0.8), (LOW, 0.1), (HIGH, 0.1))


@dataclass(frozen=True)
class MapLayout:
    """Which mask each map is of (maps,), and its time constant in seconds (maps,)."""

    masks: np.ndarray
    memory_s: np.ndarray

    @staticmethod
    def standard() -> MapLayout:
        return MapLayout(np.array([m for m, _ in MAPS]), np.array([s for _, s in MAPS]))


def map_directions() -> np.ndarray:
    """Unit vectors (MAP_ROWS * COLS, 3) of the cells of the maps, array frame."""
    centres = cell_centres(sphere_grid(MAP_ROWS, COLS))
    return direction_from_angles(centres[..., 0], centres[..., 1]).reshape(-1, 3)


def fixed_masks(frequencies_hz: np.ndarray) -> np.ndarray:
    """The two masks that are not learnt, float32 (2, bins)."""
    low = (frequencies_hz < SPLIT_HZ).astype(np.float32)
    return np.stack([low, 1 - low])
