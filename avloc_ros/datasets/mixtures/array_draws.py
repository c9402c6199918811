"""Microphone arrays to train on when the array of the user is not known: shipped geometries, jittered, and drawn ones."""

from __future__ import annotations

import numpy as np

from avloc_ros.microphone_array import MicrophoneArray

SHIPPED_SHARE = 0.5
PLACEMENT_ERROR_M = 0.001  # nobody mounts microphones more exactly
RADIUS_M = (0.03, 0.10)


def draw_array(rng: np.random.Generator, shipped: list[MicrophoneArray]) -> MicrophoneArray:
    """One array of 3 to 8 microphones: a shipped one, or a ring, a shell, a plate or a bar of drawn size."""
    if shipped and rng.random() < SHIPPED_SHARE:
        chosen = shipped[int(rng.integers(len(shipped)))]
        return MicrophoneArray(chosen.positions_m, name=chosen.name)
    kind = rng.choice(["ring", "shell", "plate", "bar"], p=[0.4, 0.3, 0.2, 0.1])
    return MicrophoneArray(_DRAWS[str(kind)](rng), name=f"drawn_{kind}")


def misplaced(rng: np.random.Generator, positions_m: np.ndarray) -> np.ndarray:
    """Where the microphones (channels, 3) of an array truly are, when the geometry file says otherwise by a millimetre."""
    return positions_m + rng.normal(0.0, PLACEMENT_ERROR_M, positions_m.shape)


def _ring(rng: np.random.Generator) -> np.ndarray:
    count = int(rng.integers(4, 8))
    angle = 2 * np.pi * (np.arange(count) / count) + rng.uniform(0, 2 * np.pi)
    flat = np.stack([np.cos(angle), np.sin(angle), np.zeros(count)], axis=1)
    return flat * rng.uniform(*RADIUS_M)


def _shell(rng: np.random.Generator) -> np.ndarray:
    count = int(rng.integers(4, 9))
    points = rng.normal(size=(count, 3))
    return points / np.linalg.norm(points, axis=1, keepdims=True) * rng.uniform(*RADIUS_M)


def _plate(rng: np.random.Generator) -> np.ndarray:
    count = int(rng.integers(4, 8))
    points = rng.uniform(-1, 1, (count, 3)) * rng.uniform(*RADIUS_M)
    points[:, 2] = 0.0
    return points


def _bar(rng: np.random.Generator) -> np.ndarray:
    count, length_m = int(rng.integers(3, 7)), rng.uniform(0.06, 0.25)
    along = np.linspace(-0.5, 0.5, count) * length_m
    return np.stack([np.zeros(count), along, np.zeros(count)], axis=1)


_DRAWS = {"ring": _ring, "shell": _shell, "plate": _plate, "bar": _bar}
