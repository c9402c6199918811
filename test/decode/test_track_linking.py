"""Tracks whose order flips become paths: against brute force, dense least squares, and scenes whose paths are known."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from avloc_ros.decode.track_linking import (
    TrackLinkingConfig,
    cheapest_course,
    link_tracks,
    smooth_path,
    stages,
)
from avloc_ros.evaluation.metrics.direction_tracks import DirectionFrame, clear_mot_of
from avloc_ros.geometry import angle_between, direction_from_angles


@pytest.mark.parametrize(("frames", "states", "price"), [(1, 2, 1.0), (6, 2, 0.4), (6, 3, 0.15), (5, 6, 0.0), (6, 3, 1e9)])
def test_the_cheapest_course_is_the_best_of_all_courses(frames, states, price):
    rng = np.random.default_rng(frames * states)
    for _ in range(20):
        costs = rng.random((frames, states))

        def total(course, costs=costs):
            changes = sum(a != b for a, b in itertools.pairwise(course))
            return sum(costs[frame, state] for frame, state in enumerate(course)) + price * changes

        best = min(itertools.product(range(states), repeat=frames), key=total)
        assert tuple(cheapest_course(costs, price)) == best


@pytest.mark.parametrize("frames", [1, 2, 3, 4, 30])
def test_a_smooth_path_is_the_dense_least_squares(frames):
    rng = np.random.default_rng(frames)
    points, weights, stiffness = rng.standard_normal((frames, 3)), rng.random(frames) + 0.01, 20.0
    bending = np.diff(np.eye(frames), 2, axis=0) if frames > 2 else np.zeros((0, frames))
    rows = np.concatenate([np.sqrt(weights)[:, None] * np.eye(frames), np.sqrt(stiffness) * bending])
    wanted = np.concatenate([np.sqrt(weights)[:, None] * points, np.zeros((len(bending), 3))])
    expected = np.linalg.lstsq(rows, wanted, rcond=None)[0]
    np.testing.assert_allclose(smooth_path(points, weights, stiffness), expected, atol=1e-8)


def test_a_stiff_path_goes_evenly_through_silence():
    time = np.arange(20.0)[:, None]
    line = np.array([1.0, -2.0, 0.5]) + time * np.array([0.1, 0.2, -0.3])
    weights = np.where((time[:, 0] > 4) & (time[:, 0] < 15), 1e-6, 1.0)
    points = np.where(weights[:, None] > 0.5, line, 77.0)
    np.testing.assert_allclose(smooth_path(points, weights, 1e4), line, atol=0.02)


def test_it_begins_stiff_and_ends_as_asked():
    assert stages(300.0) == pytest.approx([3e5, 3e4, 3e3, 300.0])
    assert stages(1e7) == [1e7]


def arcs(frames, starts_deg, speeds_deg_s):
    """Talkers who walk round at constant speed: (frames, talkers, 3)."""
    time = 0.1 * np.arange(frames)
    azimuths = np.radians(np.array(starts_deg) + np.array(speeds_deg_s) * time[:, None])
    return direction_from_angles(azimuths, np.zeros_like(azimuths))


def noisy(true, rng, error_deg):
    tangent = rng.standard_normal(true.shape) * np.radians(error_deg)
    return true + tangent


def flipped(values, orders):
    return np.take_along_axis(values, orders.reshape(*orders.shape, *(1,) * (values.ndim - 2)), axis=1)


@pytest.mark.parametrize("talkers", [2, 3])
def test_flips_are_undone_and_paths_are_nearer_than_the_tracks(talkers):
    rng = np.random.default_rng(talkers)
    true = arcs(50, (-100, 20, 110)[:talkers], (30, -10, 20)[:talkers])
    speaks = rng.random((50, talkers)) > 0.3
    speaks[20:30, 0] = False  # a pause of a second
    heard = noisy(true, rng, 8.0)
    probability = np.where(speaks, 0.9, 0.05)
    flips = np.array([rng.permutation(talkers) for _ in range(5)]).repeat(10, axis=0)
    found = link_tracks(flipped(heard, flips), flipped(probability, flips))

    back = flipped(flips, found.orders)  # whom each path follows
    assert (back == back[0]).mean() > 0.97
    own = flipped(true, np.broadcast_to(back[0], back.shape))
    np.testing.assert_allclose(np.linalg.norm(found.paths, axis=2), 1, atol=1e-12)
    error_deg = np.degrees(angle_between(found.paths, own)).mean()
    assert error_deg < 0.6 * np.degrees(angle_between(heard, true)).mean()
    np.testing.assert_array_equal(found.directions, flipped(flipped(heard, flips), found.orders))
    np.testing.assert_array_equal(np.sort(found.probability, axis=1), np.sort(probability, axis=1))


def switches(true, directions, probability):
    frames = [
        DirectionFrame(tuple(range(true.shape[1])), now, tuple(np.flatnonzero(sure > 0.5)), said[sure > 0.5])
        for now, said, sure in zip(true, directions, probability, strict=True)
    ]
    return clear_mot_of(frames).switches


def test_clear_mot_sees_switches_before_and_none_after():
    rng = np.random.default_rng(7)
    true = arcs(60, (-60, 80), (15, 0))
    heard, probability = noisy(true, rng, 3.0), np.full((60, 2), 0.9)
    flips = np.where((np.arange(60) // 12 % 2 == 0)[:, None], (0, 1), (1, 0))
    said = flipped(heard, flips)
    found = link_tracks(said, probability)
    assert switches(true, said, probability) == 8
    assert switches(true, found.directions, found.probability) == 0
    assert switches(true, found.paths, found.probability) == 0


def test_paths_that_cross_are_followed_by_their_motion():
    true = arcs(41, (-40, 40), (20, -20))  # they meet in frame 20
    flips = np.where((np.arange(41) >= 20)[:, None], (1, 0), (0, 1))  # two tracks that bounce off each other
    found = link_tracks(flipped(true, flips), np.full((41, 2), 0.9))
    back = flipped(flips, found.orders)
    away = np.abs(np.arange(41) - 20) > 4
    assert (back[away] == back[0]).all()


def test_no_order_of_a_short_scene_is_cheaper_than_the_one_found():
    """Brute force over all courses of orders, each with its own paths."""
    config, rng = TrackLinkingConfig(stiffness=300.0), np.random.default_rng(3)
    true = arcs(8, (-50, 30), (40, 0))
    said = flipped(noisy(true, rng, 6.0), rng.integers(2, size=(8, 1)) ^ np.array([[0, 1]]))
    probability = rng.uniform(0.5, 1.0, (8, 2))

    def cost(orders):
        units, weights = flipped(said, orders), flipped(probability, orders) ** 2
        units = units / np.linalg.norm(units, axis=2, keepdims=True)
        near, paths = weights, units
        for _ in range(20):
            paths = np.stack([smooth_path(units[:, k], near[:, k], config.stiffness) for k in (0, 1)], axis=1)
            leaps = (np.degrees(angle_between(paths, units)) / config.reach_deg) ** 2
            near = weights / (1 + leaps)
        return (weights * np.log1p(leaps)).sum() + config.change_price * (np.diff(orders[:, 0]) != 0).sum()

    every = [np.stack([flip, 1 - np.array(flip)], axis=1) for flip in itertools.product((0, 1), repeat=8)]
    assert cost(link_tracks(said, probability, config).orders) == pytest.approx(min(map(cost, every)), rel=1e-6)


def test_one_frame_silence_and_one_track_are_no_trouble():
    direction = np.array([[[0.0, 2.0, 0.0], [1.0, 0.0, 0.0]]])
    found = link_tracks(direction, np.zeros((1, 2)))
    np.testing.assert_allclose(found.paths[0], [[0, 1, 0], [1, 0, 0]], atol=1e-9)
    alone = link_tracks(arcs(10, (0,), (10,)), np.full((10, 1), 0.8))
    assert (alone.orders == 0).all()
