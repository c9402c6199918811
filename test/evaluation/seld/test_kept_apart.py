"""Three events at once, two of one class, by hand."""

from __future__ import annotations

from avloc_ros.evaluation.seld.kept_apart import ApartCounts, count_apart
from avloc_ros.sources.dcase_csv import EventRow


def rows(*events: tuple[int, float], frame: int = 0) -> list[EventRow]:
    return [EventRow(frame, name, source, azimuth, 0.0) for source, (name, azimuth) in enumerate(events)]


def test_only_frames_with_a_pair_among_three_count():
    assert count_apart(rows((1, 0), (2, 40), (3, 80)), []) == ApartCounts()
    assert count_apart(rows((1, 0), (1, 40)), []) == ApartCounts()
    assert count_apart(rows((1, 0), (1, 40), (3, 80)), []) == ApartCounts(1)


def test_a_pair_needs_two_answers_of_its_class_each_near_its_own():
    true = rows((1, 0), (1, 60), (3, 120))
    assert count_apart(true, rows((1, 5), (1, 70), (3, 110))) == ApartCounts(1, 1, 1, 1)
    assert count_apart(true, rows((1, 5), (1, -5), (3, 110))) == ApartCounts(1, 0, 1, 0)
    assert count_apart(true, rows((1, 5), (2, 60))) == ApartCounts(1, 0, 1, 0)
    assert count_apart(true, rows((1, 25), (3, 120))) == ApartCounts(1, 0, 0, 0)
    total = count_apart(true, true) + count_apart(true, [])
    assert total.shares() == {"frames": 2.0, "pair_told": 0.5, "one_told": 0.5, "all_told": 0.5}
