"""Confusion matrices by hand and against scikit-learn's definitions written out."""

from __future__ import annotations

import numpy as np
import pytest

from avloc_ros.evaluation.metrics.mask_scores import STEPS, Confusion, ProbabilityCounts


def test_counts_and_ratios_by_hand():
    found = np.array([1, 1, 1, 0, 0, 0, 0, 0, 0, 0])
    true = np.array([1, 1, 0, 1, 1, 0, 0, 0, 0, 0])
    counts = Confusion.of(found, true)
    assert counts == Confusion(2, 1, 2, 5)
    assert (counts.accuracy, counts.recall, counts.precision) == pytest.approx((0.7, 0.5, 2 / 3))
    assert counts.f1 == pytest.approx(2 * 0.5 * (2 / 3) / (0.5 + 2 / 3))
    assert counts.iou == pytest.approx(2 / 5)
    assert counts.tversky(0.7, 0.3) == pytest.approx(2 / (2 + 0.7 * 2 + 0.3 * 1))


def test_a_whole_set_is_not_the_mean_of_its_batches():
    full, empty = Confusion.of(np.ones(4), np.ones(4)), Confusion.of(np.zeros(4), np.array([1, 0, 0, 0]))
    together = full + empty
    assert together.recall == pytest.approx(4 / 5)
    assert together.to_mapping()["iou"] == pytest.approx(4 / 5)


def test_ratios_without_cases_are_none():
    nothing = Confusion.of(np.zeros(3), np.zeros(3))
    assert nothing.accuracy == 1.0
    assert (nothing.recall, nothing.precision, nothing.iou) == (None, None, None)


def test_all_background_scores_high_accuracy_and_no_recall():
    """The report's trap: one pixel of a hundred is a speaker's."""
    true = np.zeros(100)
    true[0] = 1
    counts = Confusion.of(np.zeros(100), true)
    assert counts.accuracy == pytest.approx(0.99) and counts.recall == 0.0


def test_counts_by_probability_give_the_confusion_of_every_threshold_and_the_best_one():
    rng = np.random.default_rng(6)
    true = rng.random(4000) < 0.2
    probability = np.clip(rng.normal(0.3 + 0.3 * true, 0.15), 0, 1)
    counts = ProbabilityCounts.of(probability[:1000], true[:1000]) + ProbabilityCounts.of(probability[1000:], true[1000:])
    scores = {}
    for threshold in np.arange(1, STEPS) / STEPS:
        expected = Confusion.of(probability >= threshold, true)
        assert counts.confusion(threshold) == expected
        scores[threshold] = expected.iou or 0.0
    assert scores[counts.best_threshold()] == max(scores.values()) > 0.4
    assert ProbabilityCounts().best_threshold() == 0.5
