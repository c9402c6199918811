"""Sweeps against recomputation at every threshold, and against assignments found by trying all of them."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from avloc_ros.evaluation.metrics.bearings import frame_bearings, summarise_bearings
from avloc_ros.evaluation.metrics.localisation import PictureGeometry, score_frames
from avloc_ros.evaluation.recording import Recording
from avloc_ros.evaluation.summary import at_threshold
from avloc_ros.evaluation.sweep_table import BearingCounts, SweepTable

PICTURE = PictureGeometry(720, 450)
THRESHOLDS = (0.05, 0.3, 0.5, 0.75, 0.95)


def random_frames(make, seed, frames=40):
    """Up to 4 talkers, some silent or out of the picture; up to 6 candidates, some of equal score."""
    rng = np.random.default_rng(seed)
    found = []
    for k in range(frames):
        truth = []
        for name in "abcd"[: rng.integers(0, 5)]:
            inside = rng.random() < 0.8
            place = rng.uniform([0, 0], [720, 450]) if inside else (None, None)
            truth.append(make.row(k, name, *place, rng.uniform(-180, 180), speaking=rng.random() < 0.7))
        scores = np.sort(np.round(rng.uniform(0, 1, rng.integers(0, 7)), 1))[::-1]
        candidates = []
        for score in scores:
            place = rng.uniform([0, 0], [720, 450]) if rng.random() < 0.8 else (None, None)
            candidates.append(make.candidate(float(score), *place, rng.uniform(-180, 180)))
        found.append(make.frame(k, truth, candidates))
    return found


def brute_force_error(frame, threshold):
    """LE of a frame by trying every way to give detections to talkers; NaN without talkers."""
    talkers = [(row.u_px, row.v_px) for row in frame.truth if row.speaking and row.u_px is not None]
    if not talkers:
        return np.nan
    inside = [c for c in frame.candidates if c.u_px is not None]
    number = max(sum(c.score >= threshold for c in inside), len(talkers))
    points = [(c.u_px, c.v_px) for c in inside[:number]]
    points += [(360, 225)] * (len(talkers) - len(points))
    return min(
        sum(np.hypot(u - x, v - y) for (u, v), (x, y) in zip(order, talkers, strict=True)) / len(talkers)
        for order in itertools.permutations(points, len(talkers))
    )


@pytest.mark.parametrize("seed", range(3))
def test_errors_are_the_best_of_all_assignments_and_counts_are_counted(make, seed):
    frames = random_frames(make, seed)
    table = SweepTable(frames, PICTURE)
    for threshold in THRESHOLDS:
        scores = table.scores(threshold)
        assert scores.error_px == pytest.approx([brute_force_error(f, threshold) for f in frames], nan_ok=True)
        inside = [[c for c in f.candidates if c.u_px is not None and c.score >= threshold] for f in frames]
        assert scores.detections.tolist() == [len(candidates) for candidates in inside]


@pytest.mark.parametrize("seed", range(3))
def test_a_sweep_gives_what_each_threshold_gives_by_itself(make, seed):
    frames = random_frames(make, seed)
    recording = Recording.of("x", frames, PICTURE)
    for threshold in THRESHOLDS:
        quick, slow = recording.table.scores(threshold), score_frames(frames, PICTURE, threshold)
        for name in ("error_px", "error_cell_px", "talkers", "detections", "counted"):
            assert np.array_equal(getattr(quick, name), getattr(slow, name), equal_nan=True), name
        expected = summarise_bearings(frame_bearings(frames, threshold))
        for name, value in BearingCounts.summed([recording.table.bearings(threshold)]).items():
            assert value == pytest.approx(expected[name]), name


def test_the_figures_of_a_sweep_are_pooled_over_the_frames_of_all_recordings(make):
    recordings = [Recording.of("x", random_frames(make, seed, 10 * seed + 10), PICTURE) for seed in range(3)]
    for threshold in (0.2, 0.6):
        errors = [brute_force_error(f, threshold) for r in recordings for f in r.frames]
        assert at_threshold(recordings, threshold)["le_px_mean"] == pytest.approx(np.nanmean(errors))


def test_lean_recordings_give_the_same_figures(make):
    recording = Recording.of("x", random_frames(make, 5), PICTURE)
    lean = recording.lean()
    assert not lean.frames and at_threshold([lean], 0.4) == at_threshold([recording], 0.4)
    assert lean.sums() == recording.sums()


def test_sums_of_frames_with_one_number_of_talkers_add_up_to_those_of_all(make):
    recording = Recording.of("x", random_frames(make, 6, 120), PICTURE)
    for name, (total, count) in recording.sums().items():
        parts = [recording.sums(number)[name] for number in range(5)]
        assert total == pytest.approx(sum(part[0] for part in parts)) and count == sum(part[1] for part in parts)
