"""Paired bootstrap of sound event scores."""

from __future__ import annotations

import numpy as np
import pytest

from avloc_ros.evaluation.seld.event_differences import event_figures, paired_event_differences
from avloc_ros.evaluation.seld.segments import count_recording
from avloc_ros.sources.dcase_csv import EventRow
from avloc_ros.types import InputError


def recordings(found_share: float, seed: int) -> list:
    """20 recordings of 5 s with one event in each second, of which a share is found."""
    random, counts = np.random.default_rng(seed), []
    for _ in range(20):
        truth = [EventRow(10 * block + 2, 0, 0, 0, 0) for block in range(5)]
        found = [row for row in truth if random.random() < found_share]
        counts.append(count_recording(truth, found, 2, 50))
    return counts


def test_what_is_better_beyond_chance_excludes_zero_and_what_is_not_does_not():
    good, poor = ([recordings(share, seed) for seed in (1, 2, 3)] for share in (0.9, 0.5))
    apart = paired_event_differences(good, poor)
    assert apart["lr_cd"].value == pytest.approx(0.4, abs=0.07) and apart["lr_cd"].low > 0.25
    assert apart["f20"].excludes_zero and apart["seld"].high < 0
    alike = paired_event_differences([recordings(0.7, 4)], [recordings(0.7, 5)])
    assert alike["f20"].low < 0 < alike["f20"].high


def test_the_figures_are_means_over_seeds_of_what_the_counts_give():
    runs = [recordings(0.9, 1), recordings(0.5, 2)]
    recalls = [sum(c.near.sum() for c in run) / 100 for run in runs]  # 20 recordings of 5 events
    assert event_figures(runs)["lr_cd"] == pytest.approx(np.mean(recalls))
    assert event_figures(runs, average="macro")["lr_cd"] == pytest.approx(np.mean(recalls) / 2)  # one class is absent
    with pytest.raises(InputError, match=r"\[19, 20\]"):
        paired_event_differences(runs, [runs[0][:19]])
