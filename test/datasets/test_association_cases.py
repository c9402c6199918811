"""Drawn assignment problems: solved as scipy solves them, evenly drawn, with empty slots far away."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment

from avloc_ros.datasets.tracks.association_cases import (
    AssociationCasesConfig,
    draw_cases,
    margins,
    sphere_points,
)


@pytest.mark.parametrize("slots", [2, 3, 5])
def test_solutions_are_those_of_scipy(slots):
    config = AssociationCasesConfig(slots=slots)
    cases = draw_cases(np.random.default_rng(1), config, 3000)
    for distances, matrix in zip(cases.distances, cases.matrix, strict=True):
        rows, columns = linear_sum_assignment(distances.astype(float))
        near = distances < config.far
        expected = np.zeros_like(matrix)
        expected[rows, columns] = near[rows, columns]
        assert (matrix <= near).all()
        assert (distances * matrix).sum() == (distances * expected).sum()  # as cheap, to the last bit
        if slots == 2:
            assert (matrix == expected).all()  # ties, too


def test_every_combination_of_counts_comes_equally_often_and_fills_its_slots():
    config = AssociationCasesConfig()
    cases = draw_cases(np.random.default_rng(2), config, 9000)
    pairs, often = np.unique(cases.counts, axis=0, return_counts=True)
    assert len(pairs) == 9 and often.min() > 850
    near = cases.distances < config.far
    assert (near.any(axis=2).sum(axis=1) == np.where(cases.counts[:, 1] > 0, cases.counts[:, 0], 0)).all()
    assert (cases.matrix.sum(axis=(1, 2)) == cases.counts.min(axis=1)).all()
    second_slot = near.any(axis=2)[(cases.counts == (1, 1)).all(axis=1)][:, 1]
    assert 0.1 < second_slot.mean() < 0.5  # shuffled slots: a lone reference is not always the first


def test_hard_share_draws_cases_with_a_choice():
    cases = draw_cases(np.random.default_rng(3), AssociationCasesConfig(hard_share=1.0), 2000)
    assert (cases.counts.min(axis=1) >= 1).all() and (cases.counts.max(axis=1) == 2).all()


def cost_of_the_next_best(distances, matrix, far):
    """By trying every set of as many pairs as the solution has, without permutations of empty slots."""
    pairs, size = list(zip(*np.nonzero(distances < far), strict=True)), int(matrix.sum())
    costs = []
    for chosen in itertools.combinations(pairs, size):
        rows, columns = {row for row, _ in chosen}, {column for _, column in chosen}
        if len(rows) == len(columns) == size and not all(matrix[pair] for pair in chosen):
            costs.append(sum(float(distances[pair]) for pair in chosen))
    return min(costs, default=np.inf)


@pytest.mark.parametrize("slots", [2, 3])
def test_margin_is_what_the_next_best_association_costs_more(slots):
    config = AssociationCasesConfig(slots=slots, off_sphere_share=0.0)
    cases = draw_cases(np.random.default_rng(5), config, 400)
    found = margins(cases.distances, cases.matrix, config.far)
    for margin, distances, matrix in zip(found, cases.distances, cases.matrix, strict=True):
        next_best = cost_of_the_next_best(distances, matrix, config.far)
        if next_best < np.inf:
            assert margin == pytest.approx(next_best - distances[matrix].sum(dtype=float), abs=1e-9)
        else:  # whatever else there is leaves a pair unassociated
            assert margin > config.far - 2 * slots
    assert (found >= 0).all()
    assert np.isinf(found[cases.counts.min(axis=1) == 0]).all()


def test_close_cases_have_small_margins_and_are_solved_as_scipy_solves_them():
    even = AssociationCasesConfig(off_sphere_share=0.0)
    close = AssociationCasesConfig(off_sphere_share=0.0, close_share=1.0, close_of=16)
    median = []
    for config in (even, close):
        cases = draw_cases(np.random.default_rng(6), config, 1000)
        assert len(cases.distances) == len(cases.matrix) == len(cases.counts) == 1000
        median.append(np.median(margins(cases.distances, cases.matrix, config.far)))
    assert median[1] < 0.1 * median[0]
    for distances, matrix in zip(cases.distances, cases.matrix, strict=True):
        rows, columns = linear_sum_assignment(distances.astype(float))
        assert distances[matrix].sum() == sum(d for d in distances[rows, columns] if d < config.far)


def test_sphere_points_are_unit_vectors_and_all_different():
    points = sphere_points(30.0)
    assert points.shape == (12 * 5 + 2, 3)
    assert np.linalg.norm(points, axis=1) == pytest.approx(np.ones(62))
    assert len(np.unique(points.round(6), axis=0)) == 62


def test_distances_are_chords_unless_off_the_sphere():
    config = AssociationCasesConfig(off_sphere_share=0.0)
    cases = draw_cases(np.random.default_rng(4), config, 2000)
    near = cases.distances[cases.distances < config.far]
    assert near.max() <= 2.0 + 1e-6 and near.min() >= 0
