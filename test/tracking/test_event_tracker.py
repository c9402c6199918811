"""Frames of a network become events with identity, onset and offset."""

from __future__ import annotations

import numpy as np
import pytest

from avloc_ros.decode.frame_event import FrameEvent
from avloc_ros.decode.multi_accdoa import decode_multi_accdoa
from avloc_ros.geometry import angle_between, direction_from_angles
from avloc_ros.tracking.event_tracker import EventTracker, EventTrackerConfig
from avloc_ros.types import EventState, SoundEvents

FRAME_NS = 100_000_000
CLASSES = ("bell", "knock")


def heard(class_index: int, azimuth_deg: float, score: float = 0.9) -> FrameEvent:
    return FrameEvent(class_index, direction_from_angles(np.radians(azimuth_deg), 0.0), score)


def tracker(onset_frames: int = 2, **settings: float) -> EventTracker:
    return EventTracker(CLASSES, on=0.5, off=0.35, config=EventTrackerConfig(onset_frames=onset_frames, **settings))


def run(made: EventTracker, frames: list[list[FrameEvent]], first: int = 0) -> list[SoundEvents]:
    return [made.step((first + number) * FRAME_NS, events) for number, events in enumerate(frames)]


def test_an_event_begins_lasts_and_ends_with_one_identity():
    out = run(tracker(onset_frames=2, offset_frames=3), [[], *[[heard(0, 40)]] * 6, *[[]] * 5])
    events = [(number, event) for number, frame in enumerate(out) for event in frame.events]
    assert [number for number, _ in events] == [2, 3, 4, 5, 6, 7, 8, 9]  # frame 1 was the first of two that it takes
    assert {event.id for _, event in events} == {"e1"} and {event.class_id for _, event in events} == {"bell"}
    states = [event.state for _, event in events]
    assert states == [EventState.ONSET, *[EventState.ACTIVE] * 6, EventState.OFFSET]
    assert all(event.onset_ns == FRAME_NS for _, event in events)
    assert events[-1][1].offset_ns == 7 * FRAME_NS  # the first frame without it, not the one in which that was sure
    assert all(event.offset_ns == 0 for _, event in events[:-1])


def test_one_frame_alone_is_no_event():
    out = run(tracker(onset_frames=2), [[heard(0, 0)], [], [heard(0, 0)], [], []])
    assert not any(frame.events for frame in out)


def test_a_weak_score_keeps_an_event_and_does_not_begin_one():
    weak = [heard(0, 10, 0.4)]
    assert not any(frame.events for frame in run(tracker(), [weak] * 8))
    out = run(tracker(offset_frames=2), [[heard(0, 10)], [heard(0, 10)], *[weak] * 6])
    assert out[-1].events[0].state == EventState.ACTIVE and out[-1].events[0].id == "e1"


def test_two_of_one_class_stay_apart_while_they_move_and_another_class_is_another_event():
    frames = [[heard(0, -60 + 2 * k), heard(0, 60 - 2 * k), heard(1, 0)] for k in range(15)]
    out = run(tracker(), frames)
    last = {event.id: event for event in out[-1].events}
    first = {event.id: event for event in out[1].events}
    assert len(last) == 3 and last.keys() == first.keys()
    for identity, event in first.items():
        turned_deg = np.degrees(angle_between(event.direction, last[identity].direction))
        assert turned_deg == pytest.approx(0 if event.class_id == "knock" else 26, abs=6)


@pytest.mark.parametrize(("apart_deg", "events"), [(10.0, 1), (45.0, 2), (120.0, 2)])
def test_two_vectors_of_one_class_are_two_events_though_the_second_is_not_always_told(apart_deg, events):
    """Two tracks of a network say one place and the third another; in every third look of three frames all say the same."""
    chance, made, out = np.random.default_rng(0), tracker(), []
    for number in range(60):
        azimuths = np.radians(np.array([0.0, 0.0, apart_deg * (number // 3 % 3 < 2)]) + chance.normal(0, 2, 3))
        vectors = 0.8 * direction_from_angles(azimuths, 0.0)  # (tracks, 3)
        output = np.zeros((1, 3, 3, len(CLASSES)))
        output[0, :, :, 1] = vectors
        (told,) = decode_multi_accdoa(output.reshape(1, -1), len(CLASSES))
        out.append(made.step(number * FRAME_NS, told))
    assert {event.id for frame in out for event in frame.events} == {f"e{number + 1}" for number in range(events)}
    places = sorted(np.degrees(np.arctan2(event.direction[1], event.direction[0])) for event in out[-1].events)
    assert len(places) == events
    if events == 2:
        assert places == pytest.approx([0.0, apart_deg], abs=5)


def test_the_filter_is_nearer_to_the_truth_than_single_frames_and_says_how_sure_it_is():
    random = np.random.default_rng(3)
    azimuths_deg = 25 + random.normal(0, 8, 60)
    out = run(tracker(direction_sigma_deg=8.0), [[heard(0, azimuth)] for azimuth in azimuths_deg])
    truth = direction_from_angles(np.radians(25), 0.0)
    errors_deg = [np.degrees(angle_between(frame.events[0].direction, truth)) for frame in out[20:]]
    assert np.sqrt(np.mean(np.square(errors_deg))) < 0.7 * np.std(azimuths_deg)
    covariance = out[-1].events[0].direction_covariance
    assert 0 < covariance[0, 0] < np.radians(8) ** 2 and covariance[1, 1] > 0


def test_a_jump_of_time_ends_everything_without_using_an_identity_twice():
    made = tracker()
    run(made, [[heard(0, 0)]] * 4)
    again = run(made, [[heard(0, 0)]] * 4, first=-100)
    assert [event.id for frame in again for event in frame.events] == ["e2"] * 3


def test_an_unsure_event_takes_more_frames_to_begin():
    for score, first in ((0.9, 0), (0.55, 1), (0.5, 1), (0.4, 2), (0.3, 3)):  # sums of scores: .9, 1.1, 1.0, 1.2, 1.2
        made = EventTracker(CLASSES, on=0.3, off=0.2, config=EventTrackerConfig(onset_score=0.9))
        out = run(made, [[heard(0, 0, score)]] * 6)
        assert [number for number, frame in enumerate(out) if frame.events] == list(range(first, 6)), score
        assert [frame.events[0].state for frame in out[first:]] == [EventState.ONSET, *[EventState.ACTIVE] * (5 - first)]
        assert out[-1].events[0].onset_ns == 0


def test_scores_of_frames_that_are_not_in_a_row_do_not_add_up():
    made = EventTracker(CLASSES, on=0.3, off=0.2, config=EventTrackerConfig(onset_score=0.9))
    assert not any(frame.events for frame in run(made, [[heard(0, 0, 0.6)], []] * 4))


def test_a_young_event_whose_class_was_mistaken_keeps_its_identity_and_onset():
    out = run(tracker(), [[], [heard(0, 40)], [heard(0, 42)], [heard(1, 44)], [heard(1, 46)]])
    events = [event for frame in out for event in frame.events]
    assert [(event.id, event.class_id) for event in events] == [("e1", "bell"), ("e1", "knock"), ("e1", "knock")]
    assert [event.state for event in events] == [EventState.ONSET, EventState.ACTIVE, EventState.ACTIVE]
    assert {event.onset_ns for event in events} == {FRAME_NS}
    same_class = run(tracker(), [[], *[[heard(0, azimuth)] for azimuth in (40, 42, 44, 46)]])[-1].events[0]
    assert events[-1].direction == pytest.approx(same_class.direction)  # the filter went on as if nothing had been
    assert events[-1].direction_covariance == pytest.approx(same_class.direction_covariance)
    assert events[1].score == pytest.approx(0.9)


def test_what_is_heard_as_two_classes_before_it_is_told_begins_as_the_second():
    out = run(tracker(), [[heard(0, 10)], [heard(1, 10)], [heard(1, 10)]])
    assert [[(event.class_id, event.onset_ns, event.state) for event in frame.events] for frame in out] == [
        [], [("knock", 0, EventState.ONSET)], [("knock", 0, EventState.ACTIVE)],
    ]  # fmt: skip


def test_two_classes_at_once_from_one_place_stay_two_events():
    both = [heard(0, 10), heard(1, 10)]
    out = run(tracker(offset_frames=3), [both, both, [heard(1, 10)], [heard(1, 10)], [heard(1, 10)]])
    assert {(event.id, event.class_id) for frame in out for event in frame.events} == {("e1", "bell"), ("e2", "knock")}
    assert {event.id: event.state for event in out[-1].events} == {"e1": EventState.OFFSET, "e2": EventState.ACTIVE}
    later = run(tracker(), [[heard(0, 10)], [heard(0, 10)], both, both])
    assert {event.class_id for event in later[-1].events} == {"bell", "knock"} and len(later[-1].events) == 2


@pytest.mark.parametrize(("frames", "corrected"), [(2, True), (5, True), (6, False), (10, False)])
def test_a_late_change_is_a_new_event(frames, corrected):
    """class_frames 5: the last frame in which it may be corrected is the fifth after the onset."""
    out = run(tracker(class_frames=5), [*[[heard(0, 10)]] * frames, *[[heard(1, 10)]] * 5])
    knocks = [(number, event) for number, frame in enumerate(out) for event in frame.events if event.class_id == "knock"]
    assert knocks[0][0] == (frames if corrected else frames + 1)  # at once, or when it was heard twice
    assert knocks[0][1].id == ("e1" if corrected else "e2")
    assert knocks[0][1].onset_ns == (0 if corrected else frames * FRAME_NS)


def test_what_sounds_elsewhere_or_after_a_pause_is_a_new_event():
    elsewhere = run(tracker(gate_deg=35), [[heard(0, 10)], [heard(0, 10)], *[[heard(1, 60)]] * 3])
    assert {(event.id, event.class_id) for frame in elsewhere for event in frame.events} == {("e1", "bell"), ("e2", "knock")}
    paused = run(tracker(), [[heard(0, 10)], [heard(0, 10)], [], [], [heard(1, 10)], [heard(1, 10)]])
    assert {(event.id, event.class_id) for frame in paused for event in frame.events} == {("e1", "bell"), ("e2", "knock")}


def test_a_class_of_an_event_that_lasts_is_not_taken_for_a_correction():
    """A bell that lasts, and beside it a knock that was a bell for two frames: two bells, no third event."""
    lasting = [[heard(0, 0)]] * 8
    begins = [*[[heard(0, 0), heard(1, 60)]] * 2, *[[heard(0, 0), heard(0, 60)]] * 4]
    out = run(tracker(), [*lasting, *begins])
    assert {event.id for frame in out for event in frame.events} == {"e1", "e2"}
    assert [event.class_id for event in out[-1].events] == ["bell", "bell"]
    assert [event.id for event in out[1].events] == ["e1"] and out[-1].events[1].onset_ns == 8 * FRAME_NS


@pytest.mark.parametrize(("said_now", "class_id"), [((0.9, 0.9), "bell"), ((0.2, 0.3), "knock")])
def test_what_the_newest_look_says_of_the_frames_before_decides(said_now, class_id):
    """The last frame says knock (.7); of the two before the network says bell as it did, or hardly any more."""
    made = tracker()
    run(made, [[heard(0, 10)], [heard(0, 10)]])
    (event,) = made.step(2 * FRAME_NS, [heard(1, 10, 0.7)], earlier=[[heard(0, 10, score)] for score in said_now]).events
    assert (event.id, event.class_id) == ("e1", class_id)
    before = [[heard(0, 10, 0.9)]] * 5  # of another sound, before the onset: says nothing of this one
    made = tracker()
    run(made, [[heard(0, 10)], [heard(0, 10)]])
    (event,) = made.step(2 * FRAME_NS, [heard(1, 10, 0.7)], earlier=[*before, *[[heard(0, 10, 0.2)]] * 2]).events
    assert event.class_id == "knock"
