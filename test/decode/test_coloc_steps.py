"""The search of CoLoC with a localizer and a classifier that know the truth."""

from __future__ import annotations

import numpy as np
import pytest

from avloc_ros.decode.coloc_steps import (
    ColocStepsConfig,
    and_heard,
    find_directions,
    name_apart,
    name_events,
    search,
    shaken,
)
from avloc_ros.decode.frame_event import FrameEvent
from avloc_ros.geometry import angle_between, direction_from_angles

STEADY = ColocStepsConfig(perturb_deg=0.0)


def oracle(truth):
    """truth[frame]: directions. Answers the first that it was not told of, or something short."""

    def localize(found, step):
        answer = np.zeros((1, len(truth), 3), np.float32)
        for f, true in enumerate(truth):
            told = [v for v in found[0, :, f] if np.any(v)]
            if len(told) == step[0]:
                left = [v for v in true if all(angle_between(v, t) > np.radians(20) for t in told)]
                answer[0, f] = 0.9 * left[0] if left else [0.1, 0, 0]
        return answer

    return localize


def direction(azimuth_deg):
    return direction_from_angles(np.radians(azimuth_deg), 0.0)


TRUTH = [[], [direction(10)], [direction(10), direction(120)], [direction(a) for a in (-100, 0, 100)]]


@pytest.mark.parametrize(("max_overlap", "counts"), [(3, [0, 1, 2, 3]), (2, [0, 1, 2, 2])])
def test_every_event_is_found_up_to_the_limit(max_overlap, counts):
    for perturb_deg in (0.0, 5.0):
        config = ColocStepsConfig(max_overlap=max_overlap, perturb_deg=perturb_deg)
        found = find_directions(oracle(TRUTH), 4, 2, config)
        assert found.shape == (max_overlap, 4, 3)
        assert (np.linalg.norm(found, axis=-1) > 0).sum(0).tolist() == counts
        assert found[1, 2] == pytest.approx(direction(120), abs=1e-6)  # what is reported is not shaken


def test_a_search_that_has_ended_does_not_go_on():
    """Frame 0 has nothing at step 0; a long answer at step 1 is not taken."""
    found = find_directions(
        lambda told, step: np.full((1, 1, 3), float(step[0] > 0), np.float32), 1, 2, STEADY
    )
    assert not found.any()


def test_many_chunks_at_once_are_searched_each_by_itself():
    """Each has other events; a chunk whose search has ended does not end that of the others. Vectors keep the length of 0.9."""
    chunks = [[truth] for truth in TRUTH]
    alone = [oracle(truth) for truth in chunks]

    def localize(told, step):
        return np.concatenate([one(told[k : k + 1], step[k : k + 1]) for k, one in enumerate(alone)])

    directions, sure = search(localize, 4, 1, 2, STEADY)
    for k, truth in enumerate(TRUTH):
        wanted = np.zeros((3, 3))
        wanted[: len(truth)] = truth if truth else wanted[:0]
        assert np.allclose(directions[k, :, 0], wanted, atol=1e-6)
        assert np.allclose(sure[k, :, 0], 0.9 * wanted, atol=1e-6)


def test_the_classifier_names_what_is_there():
    found = find_directions(oracle(TRUTH), 4, 2, STEADY)

    def classify(directions):
        logits = np.zeros((1, 4, 4), np.float32)
        for f in range(4):
            azimuth = np.degrees(np.arctan2(directions[0, f, 1], directions[0, f, 0]))
            logits[0, f, 0 if azimuth < -50 else 1 if azimuth < 50 else 2 if azimuth < 110 else 3] = 5.0
        return logits

    events = name_events(classify, found, 3, STEADY)
    assert [[e.class_index for e in frame] for frame in events] == [
        [],
        [1],
        [1],
        [0, 1, 2],
    ]  # 120 degrees: not known
    assert events[1][0].score == pytest.approx(np.exp(5) / (np.exp(5) + 3))


def test_shaking_is_bounded_and_repeatable_and_leaves_the_origin_alone():
    directions = np.stack([direction(a) for a in np.linspace(-180, 180, 500)] + [np.zeros(3)]).astype(
        np.float32
    )
    moved = shaken(directions, 5.0, np.random.default_rng(0))
    off = np.degrees(angle_between(moved[:-1], directions[:-1]))
    assert 2 < off.mean() < 5 and off.max() < 5 * np.sqrt(2) and not moved[-1].any()
    assert np.array_equal(moved, shaken(directions, 5.0, np.random.default_rng(0)))


def test_two_directions_at_one_place_are_of_different_classes():
    """Rows 10 degrees apart both sound like class 0; the second is most like class 1 otherwise, or like nothing."""
    found = np.stack([[direction(0)] * 2, [direction(10)] * 2, [direction(90)] * 2]).astype(np.float32)
    probability = np.array([[0.9, 0.05, 0.05], [0.6, 0.3, 0.1], [0.8, 0.1, 0.1]])
    logits = np.log(np.stack([probability, probability], 1))  # (rows, frames, classes + 1)
    logits[1, 1] = np.log([0.6, 0.1, 0.3])
    first, second = name_apart(lambda rows: logits[None], found, 2, 20.0)
    assert [event.class_index for event in first] == [0, 0, 1]
    assert [event.score for event in first] == pytest.approx([0.9, 0.8, 0.3])
    assert [event.class_index for event in second] == [0, 0]
    assert np.allclose(second[1].direction, direction(90), atol=1e-6)
    assert len(name_apart(lambda rows: logits[None], found, 2, 5.0)[1]) == 3


def test_what_only_the_ear_tells_is_told_too_the_surest_first():
    def event(index, score, azimuth_deg=0.0):
        return FrameEvent(index, direction(azimuth_deg), score)

    named = [[event(0, 0.9), event(1, 0.2)], [], [event(2, 0.5), event(3, 0.5), event(4, 0.5)]]
    heard = [[event(5, 0.6), event(0, 0.99, 90), event(6, 0.8)], [event(7, 0.7)], [event(8, 1.0)]]
    told = and_heard(named, heard, 3)
    assert [[one.class_index for one in frame] for frame in told] == [[0, 1, 6], [7], [2, 3, 4]]
    assert told[0][0] is named[0][0] and told[1][0] is heard[1][0]
    assert [len(frame) for frame in and_heard(named, heard, 4)] == [4, 1, 4]
    assert and_heard(named, [[], [], []], 3) == named
