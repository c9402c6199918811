"""Who is who in the answers of a direction network, over a whole recording: tracks whose order flips become paths.

A network with a few output tracks may let two of them change places, or send one after another talker for a while. Here every
talker is a smooth path, and in each frame the tracks belong to the paths in some order. Both are found in turn: the paths
through the tracks as they are ordered (least squares with a penalty on bending: Whittaker 1923; far tracks count less, as
Cauchy's distribution has it), then the cheapest course of orders along the paths (Viterbi 1967), where a change of order has
a price. It begins with paths that hardly bend, which no flip can follow, and lets them bend more and more; it begins so from
a few courses, and the end of lowest energy is taken.

It looks at all frames before it answers. Live, the speaker tracker keeps the identities (avloc_ros/tracking).
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
from scipy.linalg import solveh_banded

from avloc_ros.config import setting
from avloc_ros.geometry import angle_between

STIFFEST = 1e6  # where it begins
SOFTER = 10.0  # how much less from one stage to the next
ROUNDS = 6  # of paths and orders per stage, at most
SOLVES = 2  # of the paths per round
TURNS = 4  # parts of a recording, between which a course to begin with may change
LEAST_WEIGHT = 1e-6  # of a track, so that there is a path where nothing is heard


@dataclass(frozen=True)
class TrackLinkingConfig:
    """What a path is, and what it costs to leave it."""

    stiffness: float = setting(300.0, "of the paths, per label frame: weight of squared second differences", low=1e-3, high=1e8)
    reach_deg: float = setting(10.0, "distance from its path at which a track counts half", low=0.1, high=180.0)
    change_price: float = setting(1.0, "of another order than in the frame before", low=0.0)
    certainty_power: float = setting(2.0, "a track counts as its probability to this power", low=0.0, high=10.0)


@dataclass(frozen=True)
class LinkedTracks:
    """orders int (frames, tracks): which track each path takes; paths (frames, tracks, 3): unit vectors of where it leads.

    directions (frames, tracks, 3) and probability (frames, tracks) are those of the network in these orders.
    """

    orders: np.ndarray
    paths: np.ndarray
    directions: np.ndarray
    probability: np.ndarray


def link_tracks(
    directions: np.ndarray, probability: np.ndarray, config: TrackLinkingConfig | None = None
) -> LinkedTracks:
    """Paths through directions (frames, tracks, 3), of any length above zero, with probabilities (frames, tracks)."""
    config = config or TrackLinkingConfig()
    units = _units(np.asarray(directions, float))
    frames, tracks = probability.shape
    weights = np.asarray(probability, float) ** config.certainty_power + LEAST_WEIGHT
    every = np.array(list(itertools.permutations(range(tracks))))  # (orders, tracks)
    begun = [*turned_once(frames, len(every)), nearest_course(units, weights, every)]
    ends = [_settled(course, units, weights, every, config) for course in begun]
    chosen, paths, _ = min(ends, key=lambda end: end[2])
    orders = every[chosen]
    return LinkedTracks(orders, paths, _ordered(np.asarray(directions), orders), _ordered(probability, orders))


def turned_once(frames: int, orders: int) -> list[np.ndarray]:
    """Courses to begin with, int (frames,): as the tracks come, and with each other order from some frame on."""
    found = [np.zeros(frames, int)]
    for first in sorted({frames * part // TURNS for part in range(1, TURNS)} - {0}):
        found += [np.where(np.arange(frames) < first, 0, order) for order in range(1, orders)]
    return found


def nearest_course(units: np.ndarray, weights: np.ndarray, every: np.ndarray) -> np.ndarray:
    """A course to begin with, int (frames,): in each frame the order in which the tracks are nearest to where they were."""
    where = units[0]
    course = np.zeros(len(units), int)
    for frame in range(1, len(units)):
        leaps = [(weights[frame, order] * angle_between(where, units[frame, order])).sum() for order in every]
        course[frame] = int(np.argmin(leaps))
        order = every[course[frame]]
        gain = np.minimum(weights[frame, order], 1)[:, None]
        moved = (1 - gain) * where + gain * units[frame, order]
        where = np.where(np.linalg.norm(moved, axis=1, keepdims=True) > 1e-3, moved, where)
    return course


def stages(stiffness: float) -> list[float]:
    """From the stiffest paths to those that are asked for."""
    found = [stiffness]
    while found[-1] * SOFTER <= STIFFEST:
        found.append(found[-1] * SOFTER)
    return found[::-1]


def smooth_path(points: np.ndarray, weights: np.ndarray, stiffness: float) -> np.ndarray:
    """The x of least sum weights |x - points|^2 + stiffness |second differences of x|^2, of points (frames, 3): (frames, 3).

    weights (frames,), above zero. Where they are small it goes on evenly.
    """
    frames = len(points)
    bands = np.zeros((3, frames))  # upper diagonals, the main one last
    bands[2] = weights
    for offset, value in ((0, 1.0), (1, -2.0), (2, 1.0)):
        for other, factor in ((0, 1.0), (1, -2.0), (2, 1.0)):
            if other >= offset and frames > 2:
                first = np.arange(frames - 2) + other
                bands[2 - (other - offset), first] += stiffness * value * factor
    return solveh_banded(bands[3 - min(3, frames) :], weights[:, None] * points)


def cheapest_course(costs: np.ndarray, change_price: float) -> np.ndarray:
    """The state of every frame, int (frames,), of least total cost; costs (frames, states); to change the state costs, too."""
    best = costs[0]
    came_from = np.zeros(costs.shape, int)
    own = np.arange(costs.shape[1])
    for frame in range(1, len(costs)):
        cheapest = int(best.argmin())
        stays = best <= best[cheapest] + change_price
        came_from[frame] = np.where(stays, own, cheapest)
        best = np.minimum(best, best[cheapest] + change_price) + costs[frame]
    course = np.empty(len(costs), int)
    course[-1] = best.argmin()
    for frame in range(len(costs) - 1, 0, -1):
        course[frame - 1] = came_from[frame, course[frame]]
    return course


def _settled(
    course: np.ndarray, units: np.ndarray, weights: np.ndarray, every: np.ndarray, config: TrackLinkingConfig
) -> tuple[np.ndarray, np.ndarray, float]:
    """Course, paths (frames, tracks, 3) and energy that a course ends in."""
    paths: np.ndarray | None = None
    for stiffness in stages(config.stiffness):
        for _ in range(ROUNDS):
            order = every[course]
            paths = _bent(paths, _ordered(units, order), _ordered(weights, order), stiffness, config)
            before, course = course, cheapest_course(_costs(paths, units, weights, every, config), config.change_price)
            if np.array_equal(before, course):
                break
    assert paths is not None
    near = _costs(paths, units, weights, every, config)[np.arange(len(units)), course].sum()
    bending = np.square(np.diff(paths, 2, axis=0)).sum() * config.stiffness / np.radians(config.reach_deg) ** 2
    return course, paths, near + bending + config.change_price * np.count_nonzero(np.diff(course))


def _bent(
    paths: np.ndarray | None, units: np.ndarray, weights: np.ndarray, stiffness: float, config: TrackLinkingConfig
) -> np.ndarray:
    """Paths (frames, tracks, 3) through ordered tracks; those that are far from the paths of before count less."""
    for _ in range(SOLVES):
        near = weights if paths is None else weights / (1 + _leaps(paths, units, config))
        found = [smooth_path(units[:, k], near[:, k], stiffness) for k in range(units.shape[1])]
        paths = _units(np.stack(found, axis=1))
    assert paths is not None
    return paths


def _costs(
    paths: np.ndarray, units: np.ndarray, weights: np.ndarray, every: np.ndarray, config: TrackLinkingConfig
) -> np.ndarray:
    """What each order of every (orders, tracks) costs in each frame: (frames, orders)."""
    leaps = [_leaps(paths, units[:, order], config) for order in every]
    return np.stack([(weights[:, order] * np.log1p(leap)).sum(axis=1) for leap, order in zip(leaps, every, strict=True)], 1)


def _leaps(paths: np.ndarray, units: np.ndarray, config: TrackLinkingConfig) -> np.ndarray:
    """Squared angles between paths and tracks, in units of the reach: (frames, tracks)."""
    return (np.degrees(angle_between(paths, units)) / config.reach_deg) ** 2


def _ordered(values: np.ndarray, orders: np.ndarray) -> np.ndarray:
    """values (frames, tracks, ...) in orders (frames, tracks)."""
    return values[np.arange(len(values))[:, None], orders]


def _units(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-9)
