"""Assignment problems drawn in torch: solved as scipy solves them, and drawn as the recipe says."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment

torch = pytest.importorskip("torch")

from avloc_ros.datasets.tracks.association_cases import AssociationCasesConfig, margins  # noqa: E402
from avloc_ros.datasets.tracks.association_cases_batch import CaseDraw  # noqa: E402


@pytest.mark.parametrize("slots", [2, 3, 4])
def test_cases_cost_what_scipy_pays(slots):
    config = AssociationCasesConfig(slots=slots, off_sphere_share=0.3, hard_share=0.5)
    distances, matrix = (part.numpy() for part in CaseDraw(config, 3, torch.device("cpu"))(400))
    assert distances.shape == matrix.shape == (400, slots, slots)
    for own, chosen in zip(distances.astype(float), matrix, strict=True):
        rows, columns = linear_sum_assignment(own)
        near = own[rows, columns] < config.far
        assert chosen.sum() == near.sum()
        assert chosen.sum(0).max() <= 1
        assert chosen.sum(1).max() <= 1
        assert own[chosen].sum() == pytest.approx(own[rows, columns][near].sum(), abs=1e-5)


def test_close_cases_are_those_with_the_smallest_margins():
    even, close = AssociationCasesConfig(slots=3), AssociationCasesConfig(slots=3, close_share=1.0, close_of=16)
    medians = []
    for config in (even, close):
        distances, matrix = (part.numpy() for part in CaseDraw(config, 4, torch.device("cpu"))(500))
        assert len(distances) == len(matrix) == 500
        medians.append(np.median(margins(distances, matrix, config.far)))
    assert medians[1] < 0.1 * medians[0]


def test_all_counts_are_drawn_equally_often():
    distances, _ = CaseDraw(AssociationCasesConfig(slots=2), 0, torch.device("cpu"))(9000)
    real = distances < 10
    references, predictions = real.any(dim=2).sum(dim=1), real.any(dim=1).sum(dim=1)
    both = references * 3 + predictions  # nobody on one side hides how many are on the other
    share = torch.bincount(both, minlength=9).numpy() / 9000
    expected = np.array([5, 0, 0, 0, 1, 1, 0, 1, 1]) / 9
    np.testing.assert_allclose(share, expected, atol=0.02)
