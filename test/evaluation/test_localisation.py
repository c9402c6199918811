"""LE, FR, FP against values worked out by hand from the definitions (docs/evaluation.md)."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from avloc_ros.evaluation.metrics.localisation import (
    PictureGeometry,
    by_talkers,
    localisation_error,
    outside_collars,
    score_frames,
    summarise,
)

PICTURE = PictureGeometry(720, 450)


def test_the_assignment_is_the_best_of_all_permutations():
    rng = np.random.default_rng(1)
    for _ in range(20):
        detections, truth = rng.uniform(0, 700, (4, 2)), rng.uniform(0, 700, (3, 2))
        best = min(
            sum(np.hypot(*(detections[d] - truth[t])) for t, d in enumerate(order))
            for order in itertools.permutations(range(4), 3)
        )
        assert localisation_error(detections, truth) == pytest.approx(best / 3)


def test_a_missing_detection_is_filled_with_the_next_best_candidate(make):
    truth = [make.row(0, "a", 100.0, 100.0), make.row(0, "b", 300.0, 100.0)]
    candidates = [
        make.candidate(0.9, 103.0, 104.0),
        make.candidate(0.2, 300.0, 110.0),
        make.candidate(0.1, 0.0, 0.0),
    ]
    score = score_frames([make.frame(0, truth, candidates)], PICTURE)
    assert score.error_px == pytest.approx((5 + 10) / 2)
    assert (score.talkers[0], score.detections[0]) == (2, 1)


def test_without_any_candidate_the_centre_of_the_picture_is_the_guess(make):
    score = score_frames([make.frame(0, [make.row(0, "a", 360.0, 125.0)])], PICTURE)
    assert score.error_px == pytest.approx(100)


def test_of_too_many_detections_the_best_counts_and_the_rest_is_excess(make):
    candidates = [make.candidate(0.9, 500.0, 100.0), make.candidate(0.8, 100.0, 104.0)]
    score = score_frames([make.frame(0, [make.row(0, "a", 100.0, 100.0)], candidates)], PICTURE)
    assert score.error_px == pytest.approx(4) and score.excess == 1


def test_only_talkers_who_speak_inside_the_picture_count(make):
    truth = [make.row(0, "a", 100.0, 100.0, speaking=False), make.row(0, "b", None, None)]
    score = score_frames([make.frame(0, truth, [make.candidate(0.9, 100.0, 100.0)])], PICTURE)
    assert score.talkers == 0 and np.isnan(score.error_px) and score.excess == 1


def test_collars_leave_out_two_frames_on_either_side_of_a_change():
    counts = [1] * 5 + [2] * 5
    assert outside_collars(counts) == [True] * 3 + [False] * 4 + [True] * 3


def test_frame_recall_with_and_without_collars(make):
    frames = [
        make.frame(
            k,
            [make.row(k, "a", 100.0, 100.0, speaking=k >= 5)],
            [make.candidate(0.9, 100.0, 100.0)] if k >= 7 else [],
        )
        for k in range(12)
    ]
    figures = summarise(score_frames(frames, PICTURE))
    assert figures["frame_recall"] == 1.0 and figures["frame_recall_strict"] == pytest.approx(10 / 12)
    assert figures["false_positives"] == 0.0 and figures["le_px_mean"] == pytest.approx(
        2 * np.hypot(260, 125) / 7
    )


def test_snapping_to_cells_makes_cell_centres_exact_and_a_perfect_report_of_them_costs_ten_pixels(make):
    rng = np.random.default_rng(3)
    points = rng.uniform([0, 0], [720, 450], (4000, 2))
    snapped = PICTURE.snapped(points)
    assert np.linalg.norm(points - snapped, axis=1).mean() == pytest.approx(10.1, abs=0.15)  # by arithmetic
    truth = make.row(0, "a", 101.0, 100.0)
    score = score_frames([make.frame(0, [truth], [make.candidate(0.9, 118.0, 92.0)])], PICTURE)
    assert score.error_cell_px == 0.0 and score.error_px == pytest.approx(np.hypot(17, 8))


def test_a_threshold_overrides_the_systems_own_decision_and_numbers_are_split_by_talkers(make):
    truth = [make.row(0, "a", 100.0, 100.0)]
    frame = make.frame(0, truth, [make.candidate(0.3, 100.0, 100.0), make.candidate(0.2, 400.0, 100.0)])
    assert [score_frames([frame], PICTURE, t).detections[0] for t in (0.1, 0.25, 0.5)] == [2, 1, 0]
    table = by_talkers(score_frames([frame, make.frame(1)], PICTURE))
    assert table["1"]["frames"] == 1 and table["0"]["frame_recall_strict"] == 1.0
