"""Pairs of one class that are told as two."""

from __future__ import annotations

from avloc_ros.evaluation.seld.told_pairs import PairCounts
from avloc_ros.sources.dcase_csv import EventRow


def rows(*events: tuple[int, int, float]) -> list[EventRow]:
    """(frame, class, azimuth)"""
    return [EventRow(frame, kind, source, azimuth, 0.0) for source, (frame, kind, azimuth) in enumerate(events)]


def test_both_are_told_only_by_two_events_of_the_class():
    true = rows(*((frame, 1, azimuth) for frame in range(7) for azimuth in (0.0, 30.0)), (0, 2, 90.0), (7, 1, 0.0))
    told = rows(
        (0, 1, 5.0), (0, 1, 25.0),  # both
        (1, 1, 15.0),  # one between the two
        (2, 1, -15.0), (2, 1, 100.0),  # the first, and a false one
        (3, 2, 0.0), (3, 2, 30.0),  # another class
        (5, 1, 15.0), (5, 1, 16.0),  # two, each near to both
        (6, 1, 60.0),
    )  # fmt: skip
    counts = PairCounts()
    counts.add(true, told)
    assert (counts.pairs, counts.both, counts.one) == (7, 2, 4)
    assert counts.shares() == {"pairs": 7.0, "pairs_both": 2 / 7, "pairs_one": 4 / 7}
    with_a_third = PairCounts(least_events=3)
    with_a_third.add(true, told)
    assert (with_a_third.pairs, with_a_third.both, with_a_third.one) == (1, 1, 1)
    assert PairCounts().shares()["pairs_both"] == 0.0
