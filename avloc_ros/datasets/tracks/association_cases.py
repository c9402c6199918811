"""Random assignment problems between directions, with their solutions: what the Hungarian network learns from."""

from __future__ import annotations

import functools
import itertools
from dataclasses import dataclass

import numpy as np

from avloc_ros.config import setting
from avloc_ros.geometry import direction_from_angles

QUANTUM = 2.0**-20  # distances are multiples of it: sums are exact, so that equal costs are equal numbers


@dataclass(frozen=True)
class AssociationCasesConfig:
    """What cases are drawn from (docs/papers.md: diff_track)."""

    slots: int = setting(2, "references and predictions at most, each", low=2, high=5)
    resolutions_deg: tuple[float, ...] = setting(
        (1.0, 2.0, 3.0, 4.0, 5.0, 10.0, 15.0, 20.0, 30.0), "steps of the sphere grids that directions are taken from"
    )
    far: float = setting(10.0, "distance of an empty slot to everything", low=3.0)
    off_sphere_share: float = setting(
        0.1, "share of cases with predictions of a length other than 1, as a network in training gives them", low=0, high=1
    )
    hard_share: float = setting(
        0.0, "share of cases with a choice to make, on top of those in the even draw over all counts", low=0, high=1
    )
    close_share: float = setting(
        0.0, "share of cases that are the closest of `close_of` drawn: another solution costs hardly more", low=0, high=1
    )
    close_of: int = setting(8, "cases drawn for each of those", low=2, high=1000)


@dataclass(frozen=True)
class AssociationCases:
    """distances float32 (cases, slots, slots), [reference][prediction]; matrix bool of the same shape; counts (cases, 2)."""

    distances: np.ndarray
    matrix: np.ndarray
    counts: np.ndarray


def sphere_points(resolution_deg: float) -> np.ndarray:
    """Unit vectors (points, 3) at every step of azimuth and elevation; each pole once."""
    azimuth = np.deg2rad(np.arange(-180.0, 180.0, resolution_deg))
    elevation = np.deg2rad(np.arange(-90.0 + resolution_deg, 90.0 - resolution_deg / 2, resolution_deg))
    ring = direction_from_angles(*np.meshgrid(azimuth, elevation)).reshape(-1, 3)
    return np.concatenate([ring, [[0.0, 0.0, -1.0], [0.0, 0.0, 1.0]]])


def draw_cases(rng: np.random.Generator, config: AssociationCasesConfig, count: int) -> AssociationCases:
    """`count` cases: all pairs of numbers of references and predictions equally often, one side in shuffled slots.

    With a `close_share`, so many of them are close ones, which most often have as many of both as there are slots.
    """
    close = round(count * config.close_share)
    drawn = _draw_evenly(rng, config, count + close * (config.close_of - 1))
    if not close:
        return drawn
    margin = margins(drawn.distances[count - close :], drawn.matrix[count - close :], config.far)
    closest = margin.reshape(close, config.close_of).argmin(axis=1) + np.arange(close) * config.close_of
    chosen = rng.permutation(np.r_[np.arange(count - close), count - close + closest])
    return AssociationCases(drawn.distances[chosen], drawn.matrix[chosen], drawn.counts[chosen])


def margins(distances: np.ndarray, matrix: np.ndarray, far: float) -> np.ndarray:
    """What the cheapest other association costs more than the solution: (cases,); infinite where there is no other.

    distances (cases, slots, slots); matrix: the solution, bool of the same shape; pairs as far as `far` do not count as
    associated, so that they make no difference to an association.
    """
    slots, real = distances.shape[-1], distances < far
    cheapest = np.full(len(distances), np.inf)
    for order in itertools.permutations(range(slots)):
        chosen = (np.array(order)[:, None] == np.arange(slots)) & real  # (cases, slots, slots)
        cost = sum(distances[:, row, column].astype(float) for row, column in enumerate(order))
        other = (chosen != matrix).any(axis=(1, 2))
        cheapest = np.minimum(cheapest, np.where(other, cost, np.inf))
    rest = np.where(matrix, distances, 0.0).sum(axis=(1, 2), dtype=float)
    return cheapest - rest - far * (slots - matrix.sum(axis=(1, 2)))


def _draw_evenly(rng: np.random.Generator, config: AssociationCasesConfig, count: int) -> AssociationCases:
    counts = _counts(rng, config, count)
    references, predictions = _directions(rng, config, count)
    longer = rng.random((count, 1, 1)) < config.off_sphere_share
    lengths = np.where(longer, rng.uniform(0.2, 1.2, (count, config.slots, 1)), 1.0)
    distances = np.linalg.norm(references[:, :, None] - (predictions * lengths)[:, None], axis=-1)
    filled = _filled(rng, counts, config.slots)  # (cases, 2, slots)
    real = filled[:, 0, :, None] & filled[:, 1, None, :]
    quantised = np.round(np.where(real, distances, config.far) / QUANTUM) * QUANTUM
    return AssociationCases(quantised.astype(np.float32), solve(quantised) & real, counts)


def solve(distances: np.ndarray) -> np.ndarray:
    """Cheapest one-to-one assignments of (cases, slots, slots), by trying every permutation: bool of the same shape.

    Of equally cheap ones, the first in the order of permutations, which is the identity where it is one of them.
    """
    slots = distances.shape[-1]
    permutations = np.array(list(itertools.permutations(range(slots))))  # (permutations, slots)
    costs = sum(distances[:, row, permutations[:, row]].astype(float) for row in range(slots))
    best = permutations[np.argmin(costs, axis=1)]  # (cases, slots)
    return best[:, :, None] == np.arange(slots)


@functools.lru_cache(maxsize=16)
def _all_points(resolutions_deg: tuple[float, ...]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    grids = [sphere_points(resolution) for resolution in resolutions_deg]
    sizes = np.array([len(grid) for grid in grids])
    return np.concatenate(grids), np.r_[0, np.cumsum(sizes)[:-1]], sizes


def _directions(
    rng: np.random.Generator, config: AssociationCasesConfig, count: int
) -> tuple[np.ndarray, np.ndarray]:
    """References and predictions (cases, slots, 3) of one grid per case; no direction twice on one side."""
    points, first, sizes = _all_points(config.resolutions_deg)
    grid = rng.integers(len(sizes), size=count)
    index = np.empty((count, 2, config.slots), int)
    again = np.arange(count)
    while len(again):
        drawn = rng.random((len(again), 2, config.slots)) * sizes[grid[again], None, None]
        index[again] = first[grid[again], None, None] + drawn.astype(int)
        ordered = np.sort(index[again], axis=2)
        again = again[(np.diff(ordered, axis=2) == 0).any(axis=(1, 2))]
    return points[index[:, 0]], points[index[:, 1]]


def _counts(rng: np.random.Generator, config: AssociationCasesConfig, count: int) -> np.ndarray:
    even = rng.integers(config.slots + 1, size=(count, 2))
    pairs = [(r, p) for r in range(1, config.slots + 1) for p in range(1, config.slots + 1) if r + p > 2]
    hard = np.array(pairs)[rng.integers(len(pairs), size=count)]
    return np.where(rng.random((count, 1)) < config.hard_share, hard, even)


def _filled(rng: np.random.Generator, counts: np.ndarray, slots: int) -> np.ndarray:
    """Which slots hold somebody: the first ones, on one random side shuffled. bool (cases, 2, slots)."""
    filled = np.arange(slots) < counts[:, :, None]
    shuffled = rng.permuted(filled, axis=2)
    side = rng.integers(2, size=(len(counts), 1, 1)) == np.arange(2)[None, :, None]
    return np.where(side, shuffled, filled)
