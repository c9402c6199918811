"""Turn-taking: nobody talks over himself, and the picture shown fits what is heard."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from avloc_ros.simulation.turns import Excerpt, Turn, draw_turns, shown_frames, speech_excerpt

EXCERPTS = [Excerpt(10, 60), Excerpt(5, 50), Excerpt(0, 40)]


def test_excerpt_surrounds_the_speech() -> None:
    speaking = np.zeros(75, bool)
    speaking[20:50] = True
    assert speech_excerpt(speaking) == Excerpt(17, 53)
    speaking[:] = True
    assert speech_excerpt(speaking) == Excerpt(0, 75)


@pytest.mark.parametrize("seed", range(30))
def test_turns_of_one_talker_never_overlap_and_everybody_speaks(seed: int) -> None:
    turns = draw_turns(np.random.default_rng(seed), EXCERPTS, [0, 2], 400, 25)
    assert {turn.talker for turn in turns} == {0, 2}
    for talker in (0, 2):
        own = sorted((t.start, t.end) for t in turns if t.talker == talker)
        assert all(end <= start for (_, end), (start, _) in itertools.pairwise(own))


def test_some_turns_overlap_and_some_pause() -> None:
    gaps = []
    for seed in range(30):
        turns = draw_turns(np.random.default_rng(seed), EXCERPTS, [0, 1], 250, 25)
        gaps += [b.start - a.end for a, b in itertools.pairwise(turns)]
    assert min(gaps) < -5
    assert max(gaps) > 5


def test_a_turn_plays_its_excerpt_and_the_wait_is_smooth() -> None:
    excerpt = Excerpt(10, 60)
    turns = [Turn(0, 30, excerpt), Turn(0, 120, excerpt)]
    shown = shown_frames(turns, 75, excerpt, 200)
    np.testing.assert_array_equal(shown[30:80], np.arange(10, 60))
    np.testing.assert_array_equal(shown[120:170], np.arange(10, 60))
    waits = [shown[:30], shown[80:100], shown[100:120], shown[170:]]
    assert all(np.abs(np.diff(wait)).max() <= 1 for wait in waits)
    assert np.abs(shown[29] - 10) == 1 and np.abs(shown[80] - 59) == 1
    outside = np.concatenate(waits)
    assert np.all((outside < 11) | (outside >= 59))
    assert shown.min() >= 0 and shown.max() < 75


def test_a_silent_talker_never_plays_speech() -> None:
    shown = shown_frames([], 75, Excerpt(10, 60), 100)
    assert shown.max() <= 10
