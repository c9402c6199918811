"""Bootstrap intervals against scipy's and against their meaning."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import bootstrap

from avloc_ros.evaluation.metrics.bootstrap import paired_difference, pooled_interval


def test_the_interval_of_a_mean_is_scipys():
    values = np.random.default_rng(4).gamma(2.0, 3.0, 60)
    ours = pooled_interval(values, np.ones(60))
    theirs = bootstrap(
        (values,), np.mean, method="percentile", n_resamples=9999, rng=np.random.default_rng(5)
    )
    assert ours.value == pytest.approx(values.mean())
    assert ours.low == pytest.approx(theirs.confidence_interval.low, abs=0.1)
    assert ours.high == pytest.approx(theirs.confidence_interval.high, abs=0.1)


def test_a_small_difference_on_the_same_scenes_is_seen_although_scenes_differ_much():
    rng = np.random.default_rng(6)
    scenes = rng.uniform(0, 100, 60)
    counts = np.full(60, 50.0)
    better = (scenes - 1 + rng.normal(0, 0.5, 60)) * counts
    interval = paired_difference(better, counts, scenes * counts, counts)
    assert interval.excludes_zero and interval.value == pytest.approx(-1, abs=0.3)
    assert not paired_difference(scenes * counts, counts, scenes * counts, counts).excludes_zero
    assert not pooled_interval(rng.normal(0, 1, 40), np.ones(40)).excludes_zero
