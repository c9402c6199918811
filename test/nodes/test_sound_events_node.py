"""The node of sound events, fed over DDS."""

from __future__ import annotations

import numpy as np
import pytest
from rclpy.parameter import Parameter

from avloc_ros.geometry import angle_between, direction_from_angles
from avloc_ros.microphone_array import MicrophoneArray
from avloc_ros.msg import SoundEventArray, SoundEventClasses
from avloc_ros.nodes.messages.event_messages import events_from_message, events_to_message
from avloc_ros.nodes.messages.quality_of_service import latched_quality, result_quality
from avloc_ros.nodes.sound_events import SoundEventsNode
from avloc_ros.types import EventState, SoundEvent, SoundEvents

FOA = MicrophoneArray(np.zeros((4, 3)), ("W", "Y", "Z", "X"), name="foa", frame_id="foa_microphone")
RATE = 16000  # of the rig


def test_events_come_with_stamp_frame_direction_and_the_class_table_is_latched(rig, compass_weights):
    direction = direction_from_angles(np.radians(35), 0.1)
    x, y, z = direction
    bursts = np.random.default_rng(5).standard_normal(8 * RATE) * 0.1 * (np.arange(8 * RATE) % (2 * RATE) > RATE)
    rig.sound = (bursts[:, None] * np.array([1.0, y, z, x])).astype(np.float32)
    arrived: list[SoundEventArray] = []
    rig.node.create_subscription(SoundEventArray, "sound_events", arrived.append, result_quality())
    parameters = {"sound_events": {"system.network.weights": str(compass_weights), "device": "cpu"}}
    rig.add(SoundEventsNode, parameters=parameters)
    waits = "waiting: no audio yet on /audio (its publisher is there but sends nothing): nothing to hear"
    assert rig.wait(lambda: rig.seen.complaints.get("sound_events") == waits)
    assert not rig.seen.said("sound_events", "no output")
    assert rig.talk_until(lambda: rig.seen.said("sound_events", "no microphone array: publish it"))
    rig.tell_array(FOA)
    ended = lambda: any(event.state == EventState.OFFSET for message in arrived for event in message.events)  # noqa: E731
    assert rig.talk_until(ended, 12)
    events = [event for message in arrived for event in events_from_message(message).events]
    one = [event for event in events if event.id == events[0].id]
    assert [event.state for event in one][:: len(one) - 1] == [EventState.ONSET, EventState.OFFSET]
    assert {event.class_id for event in one} == {"telephone"}
    assert np.degrees(angle_between(one[len(one) // 2].direction, direction)) < 5
    length_s = (one[-1].offset_ns - one[-1].onset_ns) / 1e9
    assert length_s == pytest.approx(1.0, abs=0.25)
    assert {message.header.frame_id for message in arrived} == {"foa_microphone"}
    stamps = [events_from_message(message).stamp_ns for message in arrived]
    assert stamps == sorted(set(stamps))
    tables: list[SoundEventClasses] = []
    rig.node.create_subscription(SoundEventClasses, "sound_event_classes", tables.append, latched_quality())
    assert rig.wait(lambda: bool(tables)), "a late comer gets no class table"
    assert (tables[0].weights, len(tables[0].names), tables[0].names[3]) == ("compass", 13, "telephone")


def test_the_microphones_are_chosen_among_the_channels_of_a_driver(rig, compass_weights):
    rig.sound = np.random.default_rng(5).normal(0, 0.1, (2 * RATE, 6)).astype(np.float32)
    parameters = {"sound_events": {"system.network.weights": str(compass_weights), "device": "cpu"}}
    (node,) = rig.add(SoundEventsNode, parameters=parameters)
    rig.tell_array(FOA)
    assert rig.talk_until(lambda: rig.seen.said("sound_events", "choose the microphones by the parameter channels"))
    (done,) = node.set_parameters([Parameter("channels", value=[1, 2, 3, 4])])
    assert done.successful
    rig.seen.clear()
    assert rig.talk_until(lambda: rig.seen.said("sound_events", "running"))
    (done,) = node.set_parameters([Parameter("channels", value=[1, 2, 3, 9])])
    assert rig.talk_until(lambda: rig.seen.said("sound_events", "audio has only 6 channels"))


def test_an_event_survives_its_message():
    event = SoundEvent(
        "e7", "bell", 0.5, EventState.OFFSET, 123_456_789_012, np.array([0.0, 1.0, 0.0]), np.diag([0.25, 0.5]), 5, -20.0
    )
    (back,) = events_from_message(events_to_message(SoundEvents(99, (event,), "array"))).events
    assert back.direction_covariance.tolist() == event.direction_covariance.tolist()
    assert (back.id, back.class_id, back.score, back.state, back.onset_ns, back.offset_ns, back.level_db) == (
        "e7", "bell", 0.5, EventState.OFFSET, 123_456_789_012, 5, -20.0,
    )  # fmt: skip
