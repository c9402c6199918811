"""Sound of other packages into every node that hears: none of them may know fewer messages than the others."""

from __future__ import annotations

from types import SimpleNamespace as Message

import numpy as np
import pytest

from avloc_ros.msg import AudioFrame
from avloc_ros.nodes.active_speaker import ActiveSpeakerNode
from avloc_ros.nodes.audio_tracker import AudioTrackerNode
from avloc_ros.nodes.base.compose import make_node
from avloc_ros.nodes.messages import sound_input
from avloc_ros.nodes.sound_events import SoundEventsNode

RATE = 16000
HEARING = [  # node, its parameters, channels of its sound
    (AudioTrackerNode, {}, 4),
    (SoundEventsNode, {"input": "foa", "device": "cpu"}, 4),
    (ActiveSpeakerNode, {"device": "cpu"}, 6),
]
UTILS, STAMPED = "audio_utils_msgs/msg/AudioFrame", "audio_common_msgs/msg/AudioDataStamped"
SAMPLES = np.round(np.random.default_rng(2).normal(0, 2000, (RATE, 6))).astype("<i2")  # one second


def audio_utils(data: bytes, channels: int, stamp: Message) -> Message:
    """As audio_utils_msgs/AudioFrame, of which there is no package here."""
    counted = len(data) // (2 * channels)
    fields = {"format": "signed_16", "channel_count": channels, "sampling_frequency": RATE, "frame_sample_count": counted}
    return Message(header=Message(stamp=stamp, frame_id="mics"), data=data, **fields)


def audio_data_stamped(data: bytes, channels: int, stamp: Message) -> Message:
    """As AudioDataStamped of ros-drivers/audio_common, which tells neither rate nor channels."""
    return Message(header=Message(stamp=stamp, frame_id="mics"), audio=Message(data=data))


def subscriber_of(node, topic: str):
    return next(item for item in node._filters if item.topic.endswith(topic))


@pytest.mark.parametrize(("node_class", "parameters", "channels"), HEARING)
@pytest.mark.parametrize(("audio_type", "message_of"), [(UTILS, audio_utils), (STAMPED, audio_data_stamped)])
def test_every_node_that_hears_takes_the_sound_of_other_packages(
    rig, monkeypatch, node_class, parameters, channels, audio_type, message_of
):
    asked: list[str] = []
    monkeypatch.setattr(sound_input, "message_class", lambda name: (asked.append(name), AudioFrame)[1])
    given = {node_class.NAME: {**parameters, "audio_type": audio_type}}
    (node,) = rig.add(node_class, parameters=given)
    assert asked[-1] == audio_type
    rig.tell_array()
    assert rig.wait(lambda: node_class is not AudioTrackerNode or node._array is not None)
    heard: list[np.ndarray] = []
    original = node._begin

    def begin(chunk):
        sync = original(chunk)
        monkeypatch.setattr(sync, "push_audio", lambda chunk: heard.append(chunk.samples))
        return sync

    monkeypatch.setattr(node, "_begin", begin)
    sound = np.ascontiguousarray(SAMPLES[:, :channels])
    message = message_of(sound.tobytes(), channels, Message(sec=rig.start_ns // 10**9, nanosec=0))
    if audio_type == STAMPED:
        subscriber_of(node, "audio").signalMessage(message)
        assert rig.wait(lambda: rig.seen.said(node_class.NAME, "the AudioInfo topic must come first")) and not heard
        info = Message(channels=channels, sample_rate=RATE, sample_format="S16LE", bitrate=0, coding_format="wave")
        subscriber_of(node, "audio_info").signalMessage(info)
    subscriber_of(node, "audio").signalMessage(message)
    assert np.array_equal(heard[0], sound.astype(np.float32) / 2**15)


@pytest.mark.parametrize(("node_class", "parameters", "channels"), HEARING)
def test_a_type_whose_package_is_not_there_is_named(rig, node_class, parameters, channels):
    given = {"audio_type": "no_such_msgs/msg/Sound", "diagnostics_period_s": 0.1, **parameters}
    node = make_node(node_class, rig.context, {node_class.NAME: given})
    rig.executor.add_node(node)
    rig.nodes.append(node)
    assert rig.wait(lambda: rig.seen.said(node_class.NAME, "package no_such_msgs is not installed"))
    assert not node.is_active
