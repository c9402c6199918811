"""Who speaks: the facts of each track by hand, when the network judges and when the chain does, what it remembers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from avloc_ros.tracking import speaker_tracker
from avloc_ros.tracking.config import SpeakerTrackerConfig, SpeakingConfig
from avloc_ros.tracking.speaker_tracker import SpeakerTracker
from avloc_ros.tracking.talk_facts import FACTS, LEAST

AHEAD = (8, 10)  # the cell of the picture's grid in which a talker at azimuth 7.5 and elevation 7.5 degrees is
FACE, BEHIND = (7.5, 7.5), (177.5, 7.5)  # degrees: centres of cells of the sphere


class Oracle:
    """In place of the network: says what it is told to, and remembers how often it was asked of each track."""

    threshold = 0.5

    def __init__(self, say: float) -> None:
        self.say, self.asked = say, []

    def knows(self, ear: str, fusion: str) -> bool:
        return ear == fusion == "test"

    def first_memory(self) -> np.ndarray:
        return np.zeros(1, np.float32)

    def judge(self, facts: np.ndarray, memories: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        self.asked.append((facts.copy(), memories.copy()))
        return np.full(len(facts), self.say), memories + 1


@pytest.fixture
def oracle(monkeypatch: pytest.MonkeyPatch) -> Oracle:
    there = Oracle(0.9)
    monkeypatch.setattr(speaker_tracker, "load_speaking", lambda facts, path: there)
    return there


def step(tracker, world, k, sphere=True, fused=True, camera=True, talkers=(FACE,), people=(FACE,), mouths=None):
    return tracker.step(
        k * world.frame_ns,
        world.fused(k, {AHEAD: 0.9} if talkers else {}) if fused else None,
        world.faces(k, list(people), mouths=mouths),
        world.sphere(k, list(talkers)) if sphere else None,
        world.camera if camera else None,
    )


def named(row: np.ndarray) -> dict[str, float]:
    return dict(zip(FACTS, map(float, row), strict=True))


def test_the_facts_of_a_face_that_speaks_and_of_a_voice_outside_the_picture(world, oracle) -> None:
    """Against the grids' own numbers: the log-odds of .9 is 2.197, the sphere's floor of .01 -4.595."""
    tracker = SpeakerTracker()
    for k in range(30):
        step(tracker, world, k, talkers=(FACE, (152.5, 7.5)), mouths=[np.e])
    facts, _ = oracle.asked[-1]
    face, voice = (named(row) for row in sorted(facts, key=lambda row: row[FACTS.index("is_outside")]))
    assert (face["is_seen"], face["is_outside"], voice["is_seen"], voice["is_outside"]) == (1, 0, 0, 1)
    assert face["fused"] == pytest.approx(np.log(9), abs=1e-4)  # a threshold of one half leaves probabilities as they are
    assert voice["fused"] == pytest.approx(LEAST) and voice["audio_weight"] == 0
    assert face["around"] == pytest.approx(np.log(9), abs=1e-4) and voice["around"] == pytest.approx(np.log(9), abs=1e-4)
    assert face["audio_weight"] == 0.25 and face["face_score"] == pytest.approx(0.95)
    assert (face["mouth"], face["is_mouth_known"]) == (1.0, 1.0) and (voice["mouth"], voice["is_mouth_known"]) == (0.0, 0.0)
    assert (voice["others_mouth"], face["others_mouth"]) == (1.0, 0.0)
    assert (face["others"], voice["others"]) == (1, 1)
    assert face["others_heard"] == voice["heard"] and voice["others_heard"] == face["heard"]
    assert face["others_heard_second"] == pytest.approx(LEAST)
    assert face["duration"] == pytest.approx(0.04)


def test_around_is_found_across_the_back_where_azimuth_wraps(world, oracle) -> None:
    tracker = SpeakerTracker()
    for k in range(30):
        step(tracker, world, k, talkers=(BEHIND,))
    facts, _ = oracle.asked[-1]
    behind = [named(row) for row in facts if row[FACTS.index("is_outside")]]
    assert len(behind) == 1 and behind[0]["around"] == pytest.approx(np.log(9), abs=1e-4)


@pytest.mark.parametrize("lacks", ["sphere", "fused", "camera"])
def test_the_chain_judges_where_something_lacks(world, oracle, lacks) -> None:
    tracker = SpeakerTracker()
    for k in range(10):
        out = step(tracker, world, k, **{lacks: False})
    assert not oracle.asked
    assert all(speaker.speaking_probability != 0.9 for speaker in out.speakers)


@pytest.mark.parametrize("other", ["sphere", "fused"])
def test_the_chain_judges_grids_of_systems_that_the_network_did_not_learn_with(world, oracle, other) -> None:
    tracker = SpeakerTracker()
    for k in range(10):
        grids = {"sphere": world.sphere(k, [FACE]), "fused": world.fused(k, {AHEAD: 0.9})}
        grids[other] = replace(grids[other], system="srp")
        tracker.step(k * world.frame_ns, grids["fused"], world.faces(k, [FACE]), grids["sphere"], world.camera)
    assert not oracle.asked


def test_the_network_decides_what_is_published(world, oracle) -> None:
    """Nothing sounds, and the network says that the face speaks; with `judge: chain` it does not."""
    for judge, speaks in (("network", True), ("chain", False)):
        tracker = SpeakerTracker(SpeakerTrackerConfig(speaking=SpeakingConfig(judge=judge)))
        for k in range(10):
            out = step(tracker, world, k, talkers=())
        assert [speaker.is_speaking for speaker in out.speakers] == [speaks]
    oracle.say = 0.49
    tracker = SpeakerTracker()
    for k in range(10):
        out = step(tracker, world, k)
    assert [speaker.is_speaking for speaker in out.speakers] == [False]  # .49 is below the threshold, whatever the chain says


def test_outside_the_picture_a_lower_probability_will_do(world, oracle) -> None:
    """At .3 a face does not speak and a voice behind the camera does; at .1 nobody does."""
    for say, speak in ((0.3, [False, True]), (0.1, [False, False])):
        oracle.say, tracker = say, SpeakerTracker()
        for k in range(30):
            out = step(tracker, world, k, talkers=(FACE, (152.5, 7.5)))
        outside_last = sorted(out.speakers, key=lambda speaker: speaker.face is None)
        assert [speaker.is_speaking for speaker in outside_last] == speak


def test_what_is_remembered_belongs_to_a_track_and_is_forgotten_when_a_stream_stops(world, oracle) -> None:
    tracker = SpeakerTracker()
    for k in range(6):
        step(tracker, world, k)
    for k in range(6, 9):
        step(tracker, world, k, people=(FACE, (-20, 2)))
    assert sorted(oracle.asked[-1][1].ravel()) == [2, 8]  # asked before: the newcomer twice, the first one eight times
    step(tracker, world, 9, sphere=False)
    step(tracker, world, 10)
    assert not oracle.asked[-1][1].any()


def test_facts_are_told_to_who_wants_to_learn_from_them(world) -> None:
    """Without any network: the chain judges, and every track's facts come out."""
    told = []
    by_chain = SpeakerTrackerConfig(speaking=SpeakingConfig(judge="chain"))
    tracker = SpeakerTracker(by_chain, lambda tracks, facts: told.append((len(tracks), facts.shape)))
    for k in range(3):
        step(tracker, world, k)
    assert told == [(1, (1, len(FACTS)))] * 3
