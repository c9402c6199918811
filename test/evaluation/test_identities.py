"""CLEAR MOT against motmetrics on random scenes."""

from __future__ import annotations

import numpy as np
import pytest

from avloc_ros.evaluation.metrics.identities import ClearMot, count_identities, follow_identities

motmetrics = pytest.importorskip(
    "motmetrics", reason="the reference implementation motmetrics is not installed"
)


@pytest.mark.parametrize("seed", range(8))
def test_counts_are_those_of_motmetrics(seed):
    rng = np.random.default_rng(seed)
    ours, reference = ClearMot(20.0), motmetrics.MOTAccumulator(auto_id=True)
    places = {"a": 0.0, "b": 40.0, "c": 90.0}
    for _ in range(60):
        true = [name for name in places if rng.random() < 0.8]
        reported = [f"s{k}" for k in range(4) if rng.random() < 0.7]
        azimuth = {
            f"s{k}": [0.0, 40.0, 90.0, 30.0][(k + (rng.random() < 0.1)) % 4] + rng.normal(0, 8)
            for k in range(4)
        }
        distances = np.array([[abs(places[t] - azimuth[r]) for r in reported] for t in true]).reshape(
            len(true), len(reported)
        )
        ours.step(true, reported, distances)
        reference.update(  # it wants numbers for names
            [ord(name) for name in true],
            [int(name[1:]) for name in reported],
            np.where(distances <= 20, distances, np.nan),
        )
    summary = motmetrics.metrics.create().compute(
        reference,
        metrics=[
            "num_misses", "num_false_positives", "num_switches", "num_fragmentations", "mota", "num_objects"
        ],
    )  # fmt: skip
    expected = summary.iloc[0]
    counts = ours.counts
    assert (counts.talkers, counts.misses) == (expected["num_objects"], expected["num_misses"])
    assert (counts.false_positives, counts.switches) == (
        expected["num_false_positives"],
        expected["num_switches"],
    )
    assert counts.fragmentations == expected["num_fragmentations"]
    assert counts.mota == pytest.approx(expected["mota"])


def test_two_talkers_who_swap_identities_are_two_switches(make):
    frames = []
    for k in range(10):
        names = ("s1", "s2") if k < 5 else ("s2", "s1")
        truth = [make.row(k, "a", azimuth_deg=0), make.row(k, "b", azimuth_deg=90)]
        said = [make.candidate(0.9, azimuth_deg=a, id=name) for a, name in zip((1, 91), names, strict=True)]
        frames.append(make.frame(k, truth, said))
    counts = count_identities(frames)
    assert counts.switches == 2 and counts.mota == pytest.approx(1 - 2 / 20)


def test_a_talker_who_is_lost_and_found_again_is_a_fragmentation_and_a_pause_is_none(make):
    frames = [
        make.frame(
            k,
            [make.row(k, "a", azimuth_deg=0, speaking=not 10 <= k < 20)],  # silent for 10 frames
            [] if 25 <= k < 30 or 10 <= k < 20 else [make.candidate(0.9, azimuth_deg=1, id="s1" if k < 30 else "s2")],
        )
        for k in range(40)
    ]
    followed = follow_identities(frames)
    assert (followed.counts.fragmentations, followed.counts.switches, followed.counts.misses) == (1, 1, 5)
    assert [k for k, names in enumerate(followed.switched) if names] == [30]
