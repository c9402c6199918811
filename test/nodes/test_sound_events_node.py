"""The node of sound events, fed over DDS."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest
from rclpy.parameter import Parameter
from sensor_msgs.msg import CompressedImage

from avloc_ros.geometry import angle_between, direction_from_angles
from avloc_ros.microphone_array import MicrophoneArray
from avloc_ros.msg import SoundEventArray, SoundEventClasses
from avloc_ros.nodes.messages.conversions import image_to_compressed, image_to_message
from avloc_ros.nodes.messages.event_messages import events_from_message, events_to_message
from avloc_ros.nodes.messages.quality_of_service import image_quality, latched_quality, result_quality
from avloc_ros.nodes.pictures.kept_pictures import KeptPictures
from avloc_ros.nodes.sound_events import SoundEventsNode
from avloc_ros.systems.event_network import EventNetworkConfig
from avloc_ros.systems.sound_events import SoundEventsConfig, SoundEventSystem
from avloc_ros.types import AudioWindow, EventState, SoundEvent, SoundEvents, VideoFrame

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


def arrays_in(thing: object, seen: set[int] | None = None) -> list[np.ndarray]:
    """All arrays and byte fields that an object holds on to, however deep."""
    seen = set() if seen is None else seen
    if id(thing) in seen or isinstance(thing, (str, int, float, type(None))):
        return []
    seen.add(id(thing))
    if isinstance(thing, np.ndarray):
        return [thing if thing.base is None else np.asarray(thing.base)]
    if type(thing).__name__ == "array":
        return [np.frombuffer(thing, np.uint8)]
    inner = list(thing) if hasattr(thing, "__iter__") else []
    names = {*getattr(thing, "__dict__", {}), *(n for kind in type(thing).__mro__ for n in getattr(kind, "__slots__", ()))}
    return [found for each in [*inner, *(getattr(thing, name, None) for name in names)] for found in arrays_in(each, seen)]


def test_no_picture_is_kept_larger_than_the_network_looks_at_it(rig):
    rig.picture = np.random.default_rng(3).integers(0, 255, (720, 1280, 3), dtype=np.uint8)
    parameters = {"sound_events": {"system.network.weights": "av_seld_small", "device": "cpu", "input": "foa"}}
    (node,) = rig.add(SoundEventsNode, parameters=parameters)
    rig.talk(1.0)
    assert rig.wait(lambda: len(node._pictures) >= 3)
    held = arrays_in(node._pictures)
    assert held and sum(array.nbytes for array in held) <= len(node._pictures) * 224 * 112 * 3


@pytest.mark.parametrize("convert", [image_to_message, image_to_compressed])
def test_of_pictures_kept_small_the_network_gets_the_same_to_the_digit(convert):
    """The reference keeps the messages as they came, and reduces the picture of a label frame when that is judged."""
    rng = np.random.default_rng(4)
    config = SoundEventsConfig(network=EventNetworkConfig("av_seld_small", device="cpu", query="none"))
    system = SoundEventSystem(config)
    width, height = system.network.picture_size
    kept, whole, given, wanted = KeptPictures((width, height), 60), {}, [], []
    original = system.network.events
    system.network.events = lambda samples, pictures, newest: (given.append(pictures), original(samples, pictures, newest))[1]
    for frame in range(13):  # the last one is judged: the first run is after three, then every two
        for third in range(3):  # a camera of 30 pictures a second
            stamp = frame * 100_000_000 + third * 33_333_333
            message = convert(VideoFrame(stamp, rng.integers(0, 255, (90, 400, 3), dtype=np.uint8)))
            kept.add(message)
            whole[stamp] = picture_of_message(message)
        stamp = frame * 100_000_000 + 40_000_000
        shown = whole[max(one for one in whole if one <= stamp)]
        small = cv2.resize(shown, (width, height), interpolation=cv2.INTER_AREA)
        wanted.append(small[..., ::-1].transpose(2, 0, 1))
        sound = (0.1 * rng.standard_normal((2400, 4))).astype(np.float32)
        system.step(AudioWindow(stamp, sound, 24000), kept.at(stamp).frame())
    assert given
    assert np.array_equal(given[-1][-len(wanted) :], np.stack(wanted).astype(np.float32) / 255)
    assert kept.at(-1) is None and len(kept) == 39
    kept.clear()
    assert kept.at(stamp) is None


def picture_of_message(message) -> np.ndarray:
    data = np.frombuffer(message.data, np.uint8)
    return data.reshape(90, 400, 3) if hasattr(message, "encoding") else cv2.imdecode(data, cv2.IMREAD_COLOR)


def test_a_picture_that_cannot_be_read_costs_no_sound(rig, faults):
    rig.sound = np.random.default_rng(5).normal(0, 0.1, (2 * RATE, 4)).astype(np.float32)
    arrived: list[SoundEventArray] = []
    rig.node.create_subscription(SoundEventArray, "sound_events", arrived.append, result_quality())
    publisher = rig.node.create_publisher(CompressedImage, "image/compressed", image_quality("reliable"))
    parameters = {"system.network.weights": "av_seld_small", "device": "cpu", "input": "foa", "image_transport": "compressed"}
    rig.add(SoundEventsNode, parameters={"sound_events": parameters})

    def torn(message, number):
        publisher.publish(CompressedImage(header=message.header, format="jpeg", data=b"torn"))

    assert rig.talk_until(lambda: rig.seen.said("sound_events", "cannot be decoded"), faults=faults(on_image=torn))
    assert rig.talk_until(lambda: bool(arrived), faults=faults(on_image=torn)), "no events without pictures"


def test_an_array_that_moves_to_another_frame_takes_the_directions_with_it(rig, compass_weights):
    rig.sound = np.random.default_rng(5).normal(0, 0.1, (2 * RATE, 4)).astype(np.float32)
    arrived: list[SoundEventArray] = []
    rig.node.create_subscription(SoundEventArray, "sound_events", arrived.append, result_quality())
    rig.add(SoundEventsNode, parameters={"sound_events": {"system.network.weights": str(compass_weights), "device": "cpu"}})
    rig.tell_array(FOA)
    assert rig.talk_until(lambda: bool(arrived))
    rig.tell_array(replace(FOA, frame_id="wrist"))
    assert rig.talk_until(lambda: arrived[-1].header.frame_id == "wrist"), arrived[-1].header.frame_id
