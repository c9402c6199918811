"""Beliefs about drawn faces against the recursion of the forward filter, written out."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from avloc_ros.decode.face_memory import FaceMemory, FaceMemoryConfig

CONFIG = FaceMemoryConfig(evidence=0.3, undecided=0.27, memory_s=1.2, first=0.2)
STEP_NS = 50_000_000


def drawn(*faces, rows=36, cols=64):
    """Masks of speaking and of faces with squares of 6 x 6 pixels: (left, top, probability that it speaks)."""
    speaking, seen = np.full((rows, cols), 0.01, np.float32), np.full((rows, cols), 0.05, np.float32)
    for left, top, probability in faces:
        speaking[top : top + 6, left : left + 6] = probability
        seen[top : top + 6, left : left + 6] = 0.9
    return speaking, seen


def by_hand(probabilities, step_s=0.05, config=CONFIG):
    """The filter in probabilities: what may change meanwhile, then Bayes with a tempered ratio of likelihoods."""

    def odds(p):
        return (p + 1e-3) / (1 - p + 1e-3)

    belief, found, first = config.first, [], True
    for p in probabilities:
        passed = 0.05 if first else step_s
        changes = (1 - np.exp(-passed / config.memory_s)) / 2  # of either state to the other
        belief = belief * (1 - changes) + (1 - belief) * changes
        ratio = (odds(p) / odds(config.undecided)) ** min(1.0, config.evidence * passed / 0.05)
        belief = odds(belief) * ratio / (1 + odds(belief) * ratio)
        found.append(belief)
        first = False
    return found


@pytest.mark.parametrize("step_s", [0.05, 0.1])
def test_beliefs_are_those_of_the_forward_filter(step_s):
    memory, heard = FaceMemory(CONFIG), [0.9, 0.8, 0.1, 0.05, 0.9, 0.9]
    found = [
        memory.step(*drawn((10, 10, p), (40, 10, 0.02)), round(k * step_s * 1e9))[12, 12] for k, p in enumerate(heard)
    ]
    assert found == pytest.approx(by_hand(heard, step_s), abs=1e-5)


def test_a_voice_in_the_direction_of_a_face_moves_its_belief_and_no_other():
    config = replace(CONFIG, evidence=0.1, heard=0.4, heard_undecided=0.35)
    memory, columns = FaceMemory(config), np.full(64, -3.0)
    columns[10:16] = 2.5  # the centre of the left face is at column 12.5
    for k in range(3):
        found = memory.step(*drawn((10, 10, 0.5), (40, 10, 0.5)), k * STEP_NS, columns)
    for place, log_odds in ((12, 2.5), (42, -3.0)):
        belief = config.first
        for _ in range(3):
            changes = (1 - np.exp(-0.05 / config.memory_s)) / 2
            belief = belief * (1 - changes) + (1 - belief) * changes
            seen = 0.1 * (0 - np.log(0.271 / 0.731))
            heard = 0.4 * (log_odds - np.log(0.351 / 0.651))
            odds = (belief + 1e-3) / (1 - belief + 1e-3) * np.exp(seen + heard)
            belief = odds / (1 + odds)
        assert found[12, place] == pytest.approx(belief, abs=1e-5)
    deaf = FaceMemory(config)
    for k in range(3):
        unheard = deaf.step(*drawn((10, 10, 0.5), (40, 10, 0.5)), k * STEP_NS)
    assert unheard[12, 12] == unheard[12, 42] and found[12, 42] < unheard[12, 42] < found[12, 12]


def test_a_pause_is_bridged_and_a_flicker_is_not_believed():
    memory = FaceMemory(CONFIG)
    beliefs = [
        memory.step(*drawn((10, 10, 0.05 if k == 15 else 0.95), (40, 10, 0.9 if k == 15 else 0.02)), k * STEP_NS)
        for k in range(16)
    ]
    assert beliefs[-1][12, 12] > 0.5 > beliefs[-1][12, 42]
    outside = np.ones((36, 64), bool)
    outside[10:16, 10:16] = outside[10:16, 40:46] = False
    assert not beliefs[-1][outside].any()


def test_a_face_keeps_its_belief_while_it_moves_and_two_do_not_exchange_theirs():
    memory = FaceMemory(CONFIG)
    for k in range(12):  # the head turns by 3 pixels per picture
        found = memory.step(*drawn((3 * k, 10, 0.9 if k < 10 else 0.27), (20 + 3 * k, 10, 0.02)), k * STEP_NS)
    assert found[12, 35] > 0.8 and found[12, 55] < 0.1


def test_far_away_or_much_later_it_is_another_face():
    once = by_hand([0.9])[0]
    for place, stamp_ns in ((40, STEP_NS), (10, 5 * STEP_NS), (10, -STEP_NS)):
        memory = FaceMemory(CONFIG)
        for k in range(-9, 1):
            memory.step(*drawn((10, 10, 0.9)), k * STEP_NS)
        assert memory.step(*drawn((place, 10, 0.9)), stamp_ns)[12, place + 2] == pytest.approx(once, abs=1e-5)
    memory.reset()
    assert memory.step(*drawn((10, 10, 0.9)), 9 * STEP_NS)[12, 12] == pytest.approx(once, abs=1e-5)


def test_specks_are_no_faces_and_pictures_without_any_are_empty():
    speaking, faces = drawn()
    faces[3, 3] = 1.0
    assert not FaceMemory(CONFIG).step(speaking, faces, 0).any()
    all_faces = replace(CONFIG, face_threshold=0.01)
    assert FaceMemory(all_faces).step(speaking, faces, 0).all()
