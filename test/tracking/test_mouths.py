"""Mouths in the speaker tracker: what they add to sound, and what they must not do."""

from __future__ import annotations

import numpy as np
import pytest

from avloc_ros.tracking.beliefs import after_mouth, bayes, mouth_ratio, odds
from avloc_ros.tracking.config import MouthConfig, SpeakerTrackerConfig
from avloc_ros.tracking.speaker_tracker import SpeakerTracker

PEOPLE = [(-5, 2), (5, 2)]
SPEAKS, RESTS = 3.0, 0.4


def run(world, mouths, frames=20, talkers=((0, 4),), config=None, height=0.9):
    """What is told at the end of some frames, by azimuth in degrees: whether that face speaks."""
    tracker = SpeakerTracker(config)
    for k in range(frames):
        sphere = world.sphere(k, list(talkers), height)
        out = tracker.step(k * world.frame_ns, None, world.faces(k, PEOPLE, mouths=mouths), sphere, world.camera)
    return {round(float(np.degrees(np.arctan2(s.direction[1], s.direction[0])))): s for s in out.speakers}


@pytest.mark.parametrize("who", [0, 1])
def test_sound_from_between_two_faces_is_of_the_one_whose_mouth_moves(world, who):
    mouths = [RESTS, RESTS]
    mouths[who] = SPEAKS
    told = run(world, mouths, talkers=[(PEOPLE[who][0] * 0.2, 4)])
    assert [told[azimuth].is_speaking for azimuth, _ in PEOPLE] == [who == 0, who == 1]


def test_a_soft_voice_is_believed_sooner_with_a_mouth_that_moves(world):
    def first(mouth):
        tracker = SpeakerTracker()
        for k in range(40):
            faces = world.faces(k, [(10, 5)], mouths=[mouth])
            out = tracker.step(k * world.frame_ns, None, faces, world.sphere(k, [(10, 5)], 0.12), world.camera)
            if any(s.is_speaking for s in out.speakers):
                return k
        return 99

    assert first(SPEAKS) < first(None) <= first(RESTS)


def test_a_mouth_that_moves_in_silence_does_not_speak(world):
    """Somebody chews: sound that does not come from there outweighs the mouth."""
    told = run(world, [SPEAKS, RESTS], talkers=[(150, 10)])
    assert not told[-5].is_speaking and not told[5].is_speaking


@pytest.mark.parametrize("height", [0.97, 0.8, 0.7])
def test_a_mouth_at_rest_does_not_silence_a_clear_voice(world, height):
    """A mask, a hand or a microphone before the mouth: a sure sound from there is believed all the same within a second."""
    told = run(world, [RESTS, RESTS], frames=25, talkers=[(-5, 2)], height=height)
    assert told[-5].is_speaking and not told[5].is_speaking


def test_what_a_mouth_tells_is_learnt_of_each_face():
    """Rest before a sure voice makes a mouth mute, motion with it makes it tell, and silence teaches nothing."""
    config = MouthConfig()

    def after(speaking, motion, pictures=25):
        readable = config.readable
        for _ in range(pictures):
            _, readable = after_mouth(speaking, readable, motion, config)
        return readable

    assert after(0.99, RESTS) < 0.15 and after(0.99, SPEAKS) > 0.95
    assert after(0.01, RESTS) == pytest.approx(config.readable, abs=0.02)
    mute, _ = after_mouth(0.7, after(0.99, RESTS), RESTS, config)
    telling, _ = after_mouth(0.7, after(0.99, SPEAKS), RESTS, config)
    assert telling < 0.5 < mute


def test_a_mixture_of_mouths_that_tell_and_do_not_is_bayes_rule_written_out():
    """Both posteriors against the joint table of two yes-or-no questions, with no tempering."""
    config = MouthConfig(learning=1.0)
    speaking, readable, motion = 0.3, 0.6, 0.9
    ratio = mouth_ratio(motion, config.weight, config)
    joint = np.outer([speaking, 1 - speaking], [readable, 1 - readable]) * [[ratio, 1], [1, 1]]
    joint /= joint.sum()
    assert after_mouth(speaking, readable, motion, config) == pytest.approx((joint[0].sum(), joint[:, 0].sum()))


def test_without_sound_mouths_alone_tell_who_speaks(world):
    tracker = SpeakerTracker()
    for k in range(30):
        faces = world.faces(k, PEOPLE, mouths=[SPEAKS, RESTS])
        out = tracker.step(k * world.frame_ns, None, faces, None, world.camera)
    left, right = sorted(out.speakers, key=lambda speaker: speaker.direction[1])
    assert left.is_speaking and not right.is_speaking


def test_the_ratio_is_one_where_motion_says_nothing_and_limited_either_way():
    config = MouthConfig(even_motion=1.2, slope=2.0, most=1.5)
    assert mouth_ratio(1.2, 0.5, config) == pytest.approx(1.0)
    assert mouth_ratio(1.2 * np.e**0.5, 0.5, config) == pytest.approx(np.exp(0.5))
    assert mouth_ratio(100.0, 0.5, config) == pytest.approx(np.exp(0.75)) == pytest.approx(1 / mouth_ratio(0.0, 0.5, config))
    assert mouth_ratio(100.0, 0.0, config) == 1.0
    assert odds(bayes(0.5, mouth_ratio(2.0, 0.5, config))) == pytest.approx(mouth_ratio(2.0, 0.5, config))


def test_weight_zero_is_the_tracker_without_mouths(world):
    config = SpeakerTrackerConfig(mouth=MouthConfig(weight=0.0))
    with_mouths, without = run(world, [SPEAKS, RESTS], config=config), run(world, None, config=config)
    assert [s.speaking_probability for s in with_mouths.values()] == pytest.approx(
        [s.speaking_probability for s in without.values()]
    )
