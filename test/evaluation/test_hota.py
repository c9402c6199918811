"""HOTA by hand, and against a slow reference written from the paper's definitions."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from avloc_ros.evaluation.metrics.hota import LEVELS, HotaFrame, hota, similarity_within


def test_perfect_tracks_score_one():
    frames = [HotaFrame("ab", "xy", np.eye(2)) for _ in range(5)]
    score = hota(frames)
    assert (score.hota, score.detection, score.association) == pytest.approx((1.0, 1.0, 1.0))


def test_an_identity_lost_halfway_halves_the_association():
    """One reference of 10 frames, tracked by x for 5 and by y for 5: each pair shares 5 of 10 frames."""
    frames = [HotaFrame("a", "x" if k < 5 else "y", np.ones((1, 1))) for k in range(10)]
    score = hota(frames)
    assert score.detection == pytest.approx(1.0)
    assert score.association == pytest.approx(0.5)
    assert score.hota == pytest.approx(np.sqrt(0.5))


def test_a_miss_and_a_lie_lower_the_detection_only_as_far_as_they_count():
    """Two true, one of them found, one false report, always the same: detection 1 / 3, association 1."""
    frames = [HotaFrame("ab", "xz", np.array([[1.0, 0.0], [0.0, 0.0]])) for _ in range(4)]
    score = hota(frames)
    assert score.detection == pytest.approx(1 / 3)
    assert score.association == pytest.approx(1.0)


def test_closeness_decides_how_many_levels_count():
    frames = [HotaFrame("a", "x", np.array([[0.5]])) for _ in range(3)]
    assert hota(frames).hota == pytest.approx(np.mean(LEVELS <= 0.5 + 1e-9))


def test_nothing_at_all_has_no_score():
    assert hota([HotaFrame("", "", np.zeros((0, 0)))]) is None


@pytest.mark.parametrize("seed", range(4))
def test_random_sequences_agree_with_the_definition(seed):
    rng = np.random.default_rng(seed)
    frames = []
    for _ in range(20):
        true = [k for k in range(3) if rng.random() < 0.8]
        tracks = [k for k in range(3) if rng.random() < 0.8]
        similarity = np.array([[rng.random() * (1.0 if t == x else 0.6) for x in tracks] for t in true])
        frames.append(HotaFrame(true, tracks, similarity.reshape(len(true), len(tracks))))
    score = hota(frames)
    assert score.hota == pytest.approx(slow_hota(frames))


def test_similarity_falls_to_zero_at_the_given_distance():
    assert similarity_within(np.array([0.0, 10.0, 40.0, 90.0]), 40.0) == pytest.approx([1, 0.75, 0, 0])


def slow_hota(frames):
    """Loops and every permutation; one true positive at a time (Luiten et al., Eq. 5 to 10, and their alignment score)."""
    length = {}
    shared = {}
    for frame in frames:
        for side, names in (("t", frame.references), ("x", frame.tracks)):
            for name in names:
                length[side, name] = length.get((side, name), 0) + 1
        for (i, t), (j, x) in itertools.product(enumerate(frame.references), enumerate(frame.tracks)):
            s = frame.similarity
            rivals = s[i].sum() + s[:, j].sum() - s[i, j]
            shared[t, x] = shared.get((t, x), 0) + (s[i, j] / rivals if s[i, j] > 0 else 0)
    align = {p: v / (length["t", p[0]] + length["x", p[1]] - v) for p, v in shared.items()}
    chosen = []
    for frame in frames:
        rows, columns = len(frame.references), len(frame.tracks)
        best, best_pairs = -1.0, []
        for order in itertools.permutations(range(max(rows, columns)), rows):
            pairs = [(i, j) for i, j in enumerate(order) if j < columns]
            value = sum(
                align[frame.references[i], frame.tracks[j]] * frame.similarity[i, j] for i, j in pairs
            )
            if value > best + 1e-12:
                best, best_pairs = value, pairs
        chosen += [(frame.references[i], frame.tracks[j], frame.similarity[i, j]) for i, j in best_pairs]
    scores = []
    for level in LEVELS:
        hits = [(t, x) for t, x, s in chosen if s >= level - 1e-12]
        total = sum(length.values()) - len(hits)
        common = [hits.count(h) / (length["t", h[0]] + length["x", h[1]] - hits.count(h)) for h in hits]
        scores.append(np.sqrt(len(hits) / total * np.mean(common)) if hits else 0.0)
    return np.mean(scores)
