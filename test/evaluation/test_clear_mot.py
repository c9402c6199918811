"""CLEAR MOT with all its counts against motmetrics on random sequences, and by hand."""

from __future__ import annotations

import numpy as np
import pytest

from avloc_ros.evaluation.metrics.clear_mot import ClearMotCounts, ClearMotScore

GATE = 20.0


def random_frames(seed):
    """Objects that wander, come and go; tracks that jump, swap, vanish and lie."""
    rng = np.random.default_rng(seed)
    places = rng.uniform(0, 120, 4)
    owner = list(range(4))
    for _ in range(80):
        places += rng.normal(0, 3, 4)
        if rng.random() < 0.1:
            i, j = rng.choice(4, 2, replace=False)
            owner[i], owner[j] = owner[j], owner[i]
        true = [k for k in range(4) if rng.random() < 0.8]
        tracks = [k for k in range(5) if rng.random() < 0.75]
        where = np.array([places[owner[k]] if k < 4 else rng.uniform(0, 120) for k in tracks])
        where = where + rng.normal(0, 8, len(tracks))
        yield true, tracks, np.abs(places[true][:, None] - where[None]).reshape(len(true), len(tracks))


@pytest.mark.parametrize("seed", range(25))
def test_counts_are_those_of_motmetrics(seed):
    motmetrics = pytest.importorskip("motmetrics", reason="the reference motmetrics is not installed")
    score, reference = ClearMotScore(GATE), motmetrics.MOTAccumulator(auto_id=True)
    for true, tracks, distances in random_frames(seed):
        score.step(true, tracks, distances)
        reference.update(true, tracks, np.where(distances <= GATE, distances, np.nan))
    names = ["mota", "motp", "num_switches", "num_fragmentations", "num_misses", "num_false_positives", "num_objects"]
    expected = motmetrics.metrics.create().compute(reference, metrics=names).iloc[0]
    counts = score.counts
    assert counts.switches > 0 and counts.fragmentations > 0  # the sequences are hard enough to tell
    assert counts.mota == pytest.approx(expected["mota"])
    assert counts.motp == pytest.approx(expected["motp"])
    assert [
        counts.switches,
        counts.fragmentations,
        counts.misses,
        counts.false_positives,
        counts.references,
    ] == [int(expected[name]) for name in names[2:]]


def test_a_swap_is_two_switches_and_a_gap_one_fragmentation():
    score = ClearMotScore(GATE)
    near, far = 1.0, 90.0
    straight, crossed = np.array([[near, far], [far, near]]), np.array([[far, near], [near, far]])
    score.step("ab", "xy", straight)
    score.step("ab", "xy", crossed)
    score.step("ab", "x", np.array([[far], [near]]))  # a is lost
    score.step("ab", "xy", crossed)
    assert score.counts == ClearMotCounts(8, 7, 7, switches=2, fragmentations=1, distance=7.0)
    assert score.counts.mota == pytest.approx(1 - (1 + 0 + 2) / 8)
    assert score.counts.motp == pytest.approx(1.0)


def test_a_reference_that_is_absent_is_not_lost():
    score = ClearMotScore(GATE)
    score.step("a", "x", np.array([[1.0]]))
    score.step("", "x", np.zeros((0, 1)))
    score.step("a", "x", np.array([[1.0]]))
    assert score.counts.fragmentations == 0
    assert score.counts.false_positives == 1


def test_nothing_true_has_no_mota_and_nothing_matched_no_motp():
    score = ClearMotScore(GATE)
    score.step("", "x", np.zeros((0, 1)))
    assert score.counts.mota is None and score.counts.motp is None
