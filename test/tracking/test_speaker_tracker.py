"""The tracker in situations whose right answer is plain."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest

from avloc_ros.geometry import angle_between, angles_from_direction, direction_from_angles
from avloc_ros.tracking.config import LifeConfig, SpeakerTrackerConfig
from avloc_ros.tracking.evidence import RangeReading
from avloc_ros.tracking.speaker_tracker import SpeakerTracker
from avloc_ros.types import Modality, Sources


def run(tracker, world, frames, talkers=(), people=(), first=0):
    """Step over frames first .. first + frames - 1; returns every output."""
    return [
        tracker.step(
            k * world.frame_ns,
            None,
            world.faces(k, list(people)),
            world.sphere(k, list(talkers)),
            world.camera,
        )
        for k in range(first, first + frames)
    ]


def azimuths_deg(speakers):
    return [float(np.degrees(angles_from_direction(s.direction)[0])) for s in speakers]


def speaking(output):
    return [s for s in output.speakers if s.is_speaking]


def test_a_face_that_speaks_is_one_speaker_in_its_place(world):
    out = run(SpeakerTracker(), world, 15, [(12, 3)], [(10, 5)])[-1]
    (speaker,) = out.speakers
    assert speaker.is_speaking and re.fullmatch("[a-z][a-z0-9]*", speaker.id)
    assert speaker.sources == Sources.AUDIO | Sources.VIDEO
    assert np.degrees(angle_between(speaker.direction, direction_from_angles(*np.radians([10, 5])))) < 0.5
    assert out.stamp_ns == 14 * world.frame_ns == speaker.last_heard_ns == speaker.last_seen_ns


def test_a_silent_face_exists_but_does_not_speak(world):
    (speaker,) = run(SpeakerTracker(), world, 15, [], [(10, 5)])[-1].speakers
    assert (
        not speaker.is_speaking and speaker.existence_probability > 0.9 and speaker.sources == Sources.VIDEO
    )


@pytest.mark.parametrize("who", [0, 1])
def test_of_two_faces_close_together_the_one_nearer_to_the_sound_speaks(world, who):
    people = [(-4, 2), (8, 2)]
    out = run(SpeakerTracker(), world, 20, [(people[who][0] + (2 if who == 0 else -2), 6)], people)[-1]
    (talker,) = speaking(out)
    assert azimuths_deg([talker]) == pytest.approx([people[who][0]], abs=0.5)
    assert len(out.speakers) == 2


def test_two_talkers_speak_at_once_and_a_third_is_heard_behind_the_camera(world):
    out = run(SpeakerTracker(), world, 20, [(-20, 2), (20, 2), (150, 10)], [(-20, 2), (20, 2)])[-1]
    assert sorted(azimuths_deg(speaking(out))) == pytest.approx([-20, 20, 150], abs=2)
    (behind,) = [s for s in out.speakers if not s.sources & Sources.VIDEO]
    assert behind.position is None and behind.face is None and behind.audio_weight == 1.0


def test_in_the_dark_a_voice_in_the_picture_is_a_speaker_without_a_face(world):
    outputs = run(SpeakerTracker(), world, 20, [(10, 0)], [])
    assert not outputs[0].speakers, "one frame of sound is not a speaker"
    assert azimuths_deg(speaking(outputs[-1])) == pytest.approx([10], abs=2)


def frames_until_told(world, azimuth_deg, camera, height=0.31):
    """Frames that a voice without a face needs to become a speaker."""
    tracker = SpeakerTracker()
    for k in range(50):
        heard = world.sphere(k, [(azimuth_deg, 0)], height)
        if tracker.step(k * world.frame_ns, None, None, heard, camera).speakers:
            return k + 1
    return 50


def test_outside_the_picture_more_is_asked_of_a_sound_before_it_is_a_speaker(world):
    hidden, outside = (frames_until_told(world, azimuth, world.camera, 0.4) for azimuth in (12, 122))
    assert 1 < hidden < outside < 10
    assert frames_until_told(world, 12, None, 0.4) == outside  # without a camera all is outside
    assert frames_until_told(world, 122, world.camera, 0.31) == 50 > frames_until_told(world, 12, world.camera, 0.31)


def test_an_identity_survives_two_seconds_of_silence_and_occlusion_but_not_three(world):
    tracker = SpeakerTracker()
    before = run(tracker, world, 25, [(10, 5)], [(10, 5)])[-1].speakers[0].id
    gap = run(tracker, world, 49, first=25)
    assert [s.id for s in gap[-1].speakers] == [before] and not speaking(gap[-1])
    assert run(tracker, world, 10, [(10, 5)], [(10, 5)], first=74)[-1].speakers[0].id == before
    assert run(tracker, world, 75, first=84)[-1].speakers == ()
    assert run(tracker, world, 10, [(10, 5)], [(10, 5)], first=159)[-1].speakers[0].id != before


def test_the_memory_is_a_setting(world):
    tracker = SpeakerTracker(SpeakerTrackerConfig(life=LifeConfig(memory_s=0.4)))
    run(tracker, world, 25, [(10, 5)], [(10, 5)])
    assert run(tracker, world, 9, first=25)[-1].speakers and not run(tracker, world, 3, first=34)[-1].speakers


def test_a_voice_that_turns_out_to_have_a_face_keeps_its_identity(world):
    tracker = SpeakerTracker()
    (heard,) = run(tracker, world, 15, [(14, -8)], [])[-1].speakers
    (seen,) = run(tracker, world, 15, [(14, -8)], [(10, 5)], first=15)[-1].speakers
    assert seen.id == heard.id and seen.face is not None
    assert azimuths_deg([seen]) == pytest.approx([10], abs=0.5)


def test_two_people_who_walk_past_keep_their_identities_apart(world):
    tracker = SpeakerTracker()
    ids = []
    for k in range(75):
        people = [(-25 + 0.5 * k, 2.0), (25 - 0.1 * k, 14.0)]
        out = tracker.step(
            k * world.frame_ns, None, world.faces(k, people), world.sphere(k, []), world.camera
        )
        ids.append({s.id: azimuths_deg([s])[0] for s in out.speakers})
    assert set(ids[10]) == set(ids[-1]) and len(ids[-1]) == 2
    assert sorted(ids[-1].values()) == pytest.approx([12.0, 17.6], abs=1.5)


def test_range_comes_from_the_face_and_a_depth_reading_is_better(world):
    (speaker,) = run(SpeakerTracker(), world, 10, [], [(10, 5)])[-1].speakers
    sigma_m = np.sqrt(speaker.direction @ speaker.position_covariance @ speaker.direction)
    assert abs(np.linalg.norm(speaker.position) - 2.0) < 2 * sigma_m and 0.1 < sigma_m < 0.7
    tracker = SpeakerTracker()
    for k in range(10):
        out = tracker.step(
            k * world.frame_ns,
            None,
            world.faces(k, [(10, 5)]),
            None,
            world.camera,
            (RangeReading(3.1, 0.02),),
        )
    assert np.linalg.norm(out.speakers[0].position) == pytest.approx(3.1, abs=0.02)


def test_time_that_goes_back_resets_and_says_so(world):
    tracker = SpeakerTracker()
    run(tracker, world, 25, [(10, 5)], [(10, 5)])
    out = run(tracker, world, 1, [(10, 5)], [(10, 5)], first=3)[0]
    assert not out.speakers and "went back by 0.840 s" in out.events[0]
    again = run(tracker, world, 25, [(10, 5)], [(10, 5)], first=4)[-1]
    assert [s.id for s in again.speakers] == ["s2"]  # whoever followed s1 must not take this one for it


def test_a_repeated_frame_changes_nothing_and_runs_repeat_exactly(world):
    one, other = SpeakerTracker(), SpeakerTracker()
    first = run(one, world, 20, [(10, 5), (100, 0)], [(10, 5)])[-1]
    second = run(other, world, 20, [(10, 5), (100, 0)], [(10, 5)])[-1]
    assert run(one, world, 1, [(10, 5)], [(10, 5)], first=19)[0] is first
    assert [s.speaking_probability for s in first.speakers] == [
        s.speaking_probability for s in second.speakers
    ]
    assert all(
        np.array_equal(a.direction, b.direction) for a, b in zip(first.speakers, second.speakers, strict=True)
    )


def test_a_camera_that_stops_leaves_the_voice_and_sound_that_stops_leaves_the_face(world):
    tracker = SpeakerTracker()
    run(tracker, world, 25, [(10, 5)], [(10, 5)])
    for k in range(25, 75):
        out = tracker.step(k * world.frame_ns, None, None, world.sphere(k, [(10, 5)]), world.camera)
    assert [s.id for s in speaking(out)] == ["s1"]
    for k in range(75, 200):
        out = tracker.step(k * world.frame_ns, None, world.faces(k, [(10, 5)]), None, world.camera)
    assert [s.id for s in out.speakers] == ["s1"] and out.speakers[0].existence_probability > 0.9


def test_an_audio_image_grid_serves_where_there_is_no_sphere(world):
    from avloc_ros.geometry import cell_centres, image_grid
    from avloc_ros.types import SpeakerGrid

    layout = image_grid(720, 450)
    centres = cell_centres(layout)
    values = 0.9 * np.exp(-0.5 * (((centres - [420, 225]) / [30, 22.5]) ** 2).sum(-1))
    grid = SpeakerGrid(0, layout, Modality.AUDIO, values.astype(np.float32), 0.5, "test")
    tracker = SpeakerTracker()
    for k in range(15):
        out = tracker.step(
            k * world.frame_ns, replace(grid, stamp_ns=k * world.frame_ns), None, None, world.camera
        )
    assert azimuths_deg(speaking(out)) == pytest.approx([np.degrees(np.arctan(-60 / 318.5))], abs=2)
