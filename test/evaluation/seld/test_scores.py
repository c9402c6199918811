"""SELD scores against the rules written out slowly, and on cases worked by hand."""

from __future__ import annotations

import pytest

from avloc_ros.evaluation.seld.per_frame import FrameCounts, count_frames, frame_scores
from avloc_ros.evaluation.seld.segments import SegmentCounts, count_recording, macro, micro, segment_scores
from avloc_ros.sources.dcase_csv import EventRow
from avloc_ros.types import InputError


def row(frame, k=0, azimuth=0.0, elevation=0.0, source=0, distance=None):
    return EventRow(frame, k, source, azimuth, elevation, distance)


def totals(cases, classes):
    total = SegmentCounts(classes)
    for reference, predicted in cases:
        total.merge(count_recording(reference, predicted, classes))
    return total


def test_two_hundred_random_cases_agree_with_the_slow_rules(slow, random_case):
    overlaps = 0
    for seed in range(200):
        cases = [random_case(seed), random_case(1000 + seed)]
        overlaps += any(
            sum(r.frame == f and r.class_index == k for r in cases[0][0]) > 1
            for f in range(40)
            for k in range(4)
        )
        counts = totals(cases, 4)
        slow_micro, slow_macro = slow.slow_segment_scores(cases, 4)
        assert micro(counts) == pytest.approx(slow_micro, abs=1e-6)
        assert macro(counts) == pytest.approx(slow_macro, abs=1e-6)
    assert overlaps > 100  # the cases are of the kind that is asked for


def test_scores_per_frame_agree_with_the_slow_rules(slow, random_case):
    for seed in range(60):
        cases = [random_case(seed)]
        counts = FrameCounts(4, True)
        for reference, predicted in cases:
            counts.merge(count_frames(reference, predicted, 4, True))
        ours = frame_scores(counts)["micro"]
        theirs = slow.slow_frame_scores(cases, 4)
        assert {key: ours[key] for key in theirs} == pytest.approx(theirs, abs=1e-6)


def test_perfect_predictions(random_case):
    reference, _ = random_case(3)
    perfect = micro(count_recording(reference, reference, 4))
    assert perfect == pytest.approx(dict(er20=0, f20=1, le_cd_deg=0, lr_cd=1, seld=0), abs=1e-6)


def test_a_class_that_is_absent_pulls_the_macro_mean():
    events = [row(f) for f in range(11)]
    scores = macro(count_recording(events, events, 13))
    assert scores["f20"] == pytest.approx(1 / 13) and scores["lr_cd"] == pytest.approx(1 / 13)
    assert scores["le_cd_deg"] == pytest.approx(180 * 12 / 13) and scores["er20"] == 0


def test_a_wrong_class_is_one_substitution():
    """Class 0 for ten frames, heard as class 1: one miss and one false alarm make S = 1 of N = 1."""
    counts = count_recording([row(f) for f in range(11)], [row(f, 1) for f in range(10)], 2)
    assert (counts.substitutions, counts.deletions, counts.insertions) == (1, 0, 0)
    assert micro(counts)["er20"] == pytest.approx(1.0) and micro(counts)["lr_cd"] == 0


def test_a_spatial_miss_counts_as_found_but_not_as_right():
    """30 degrees off: LR 1 and LE 30, F = 0 / (0 + 1), and an insertion for ER, because it is an FP there, not an FN."""
    scores = micro(count_recording([row(f) for f in range(11)], [row(f, azimuth=30) for f in range(11)], 1))
    assert scores == pytest.approx(dict(er20=1, f20=0, le_cd_deg=30, lr_cd=1, seld=(1 + 1 + 30 / 180) / 4))


def test_no_shared_frame_in_the_block_adds_the_predictions_to_the_misses():
    """Two predictions of the class in frame 5, the reference in frame 0: FN 2 (not 1), no FP."""
    reference = [row(0), row(10, 1)]
    counts = count_recording(reference, [row(5), row(5, azimuth=90)], 2)
    assert counts.false_negatives[0] == 2 and counts.false_positives[0] == 0 and counts.references[0] == 1


def test_the_last_frame_alone_opens_no_block():
    """The highest index is 10, so there are ceil(10 / 10) = 1 blocks and what frame 10 holds is not seen."""
    counts = count_recording([row(0), row(10, 1)], [row(0), row(10, 1)], 2)
    assert counts.references.tolist() == [1, 0]
    assert count_recording([row(0), row(10, 1)], [], 2, frames=11).references.tolist() == [1, 1]


def test_two_of_one_class_are_paired_by_angle_and_tracked_by_place_in_the_frame():
    """Sources swap their order in frame 1: track 0 is then the other source, as in the evaluator."""
    reference = [row(0, azimuth=0), row(0, azimuth=90), row(1, azimuth=90), row(1, azimuth=0), row(10, 1)]
    predicted = [row(0, azimuth=92), row(0, azimuth=4), row(1, azimuth=92), row(1, azimuth=4)]
    counts = count_recording(reference, predicted, 1)
    assert counts.near[0] == 2 and counts.angle_sum_deg[0] == pytest.approx(
        3 + 3
    )  # each track: mean of 4 and 2


def test_relative_distance_of_more_than_one_is_no_hit():
    reference = [row(0, distance=1.0), row(1, distance=1.0), row(2, distance=1.0)]
    predicted = [row(0, distance=2.5), row(1, distance=1.5)]
    scores = frame_scores(count_frames(reference, predicted, 1, True))["micro"]
    assert scores["f20"] == pytest.approx(0.5) and scores["rde"] == pytest.approx(1.0)
    alone = frame_scores(count_frames(reference, predicted, 1, False))["micro"]
    assert alone["f20"] == pytest.approx(1.0) and alone["rde"] is None


def test_missing_distances_are_named():
    with pytest.raises(InputError, match="distance"):
        count_frames([row(0)], [row(0)], 1, True)


def test_nothing_predicted():
    scores = segment_scores(count_recording([row(f) for f in range(12)], [], 1))
    assert scores["micro"] == pytest.approx(dict(er20=1, f20=0, le_cd_deg=180, lr_cd=0, seld=1))
