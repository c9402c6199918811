"""Delays of sound events and what is told wrongly, on rows worked out by hand."""

from __future__ import annotations

import pytest

from avloc_ros.evaluation.seld.onset_delays import OnsetCounts, ToldEvent
from avloc_ros.sources.dcase_csv import EventRow

BELL, KNOCK = 0, 1


def truth(class_index: int = BELL, first: int = 10, end: int = 20, azimuth_deg: float = 30.0, source: int = 0) -> list[EventRow]:
    return [EventRow(frame, class_index, source, azimuth_deg, 0.0) for frame in range(first, end)]


def told(
    frames: range, class_index: int = BELL, azimuth_deg: float = 30.0, identity: str = "e1", onset_frame: int | None = None
) -> list[ToldEvent]:
    """Each frame is told .3 s after its beginning."""
    onset = frames[0] if onset_frame is None else onset_frame
    return [
        ToldEvent(identity, EventRow(frame, class_index, 0, azimuth_deg, 0.0), onset, (frame + 3) * 0.1) for frame in frames
    ]


def summary(true: list[EventRow], events: list[ToldEvent], processing_s: float = 0.0) -> dict:
    counts = OnsetCounts()
    counts.add(true, events, frames=600)  # one minute
    return counts.summary(processing_s)


def test_the_delay_runs_from_the_sound_to_the_first_message_of_its_class_near_it():
    events = told(range(10, 12), KNOCK) + told(range(12, 13), azimuth_deg=51.0) + told(range(13, 20), azimuth_deg=49.0)
    found = summary(truth(), events, processing_s=0.05)
    assert found["onset_delay_s_median"] == pytest.approx(0.65) and found["onset_within_0.6s"] == 0.0
    assert summary(truth(), events)["onset_within_0.6s"] == 1.0  # .6 s sharp
    assert found["events_told"] == 1.0 and found["processing_s"] == 0.05


def test_an_event_that_began_long_before_or_sounds_on_after_is_not_it():
    early = told(range(8, 20), onset_frame=6)
    assert summary(truth(), early)["events_told"] == 0.0 and summary(truth(), early)["onset_delay_s_median"] is None
    assert summary(truth(), told(range(20, 25)))["events_told"] == 0.0
    assert summary(truth(), told(range(8, 20), onset_frame=8))["onset_delay_s_median"] == pytest.approx(0.1)


def test_a_corrected_event_is_no_false_one_but_its_first_name_was_wrong():
    corrected = told(range(10, 12), KNOCK) + told(range(12, 20), BELL, onset_frame=10)
    found = summary(truth(), corrected)
    assert (found["false_events_per_minute"], found["wrong_names_per_minute"]) == (0.0, 1.0)
    assert found["corrected_per_minute"] == 1.0 and found["wrong_frames"] == pytest.approx(2 / 600)
    two = told(range(10, 12), KNOCK) + told(range(12, 20), BELL, identity="e2")
    found = summary(truth(), two)
    assert (found["false_events_per_minute"], found["wrong_names_per_minute"]) == (1.0, 1.0)
    assert found["corrected_per_minute"] == 0.0


def test_what_is_told_at_another_place_or_time_is_false():
    elsewhere = told(range(10, 20), azimuth_deg=80.0)
    much_later = told(range(23, 30), identity="e2")
    a_little_later = told(range(22, 30), identity="e3")
    assert summary(truth(), elsewhere)["false_events_per_minute"] == 1.0
    assert summary(truth(), much_later)["false_events_per_minute"] == 1.0
    assert summary(truth(), a_little_later)["false_events_per_minute"] == 0.0
    assert summary([], much_later)["false_events_per_minute"] == 1.0


def test_two_of_a_class_each_have_their_delay_and_recordings_add_up():
    counts = OnsetCounts()
    counts.add(truth() + truth(first=14, azimuth_deg=-90.0, source=1), told(range(10, 20)), 600)
    counts.add(truth(), told(range(12, 20)), 600)
    found = counts.summary()
    assert found["events"] == 3 and found["events_told"] == pytest.approx(2 / 3)
    assert found["onset_delay_s_median"] == pytest.approx(0.4) and found["onset_within_0.6s"] == pytest.approx(2 / 3)
