"""The active speaker node on a played scene of glasses: stamps, masks, wearer; and what it says about bad input."""

from __future__ import annotations

import threading
from typing import ClassVar

import numpy as np
import pytest

pytest.importorskip("pyroomacoustics", reason="rooms are simulated by pyroomacoustics")
pytest.importorskip("espeakng_loader", reason="voices are made by espeak-ng")
pytest.importorskip("skimage", reason="the portraits are in scikit-image and matplotlib")

from rclpy.parameter import Parameter
from sensor_msgs.msg import CameraInfo, Image

from avloc_ros.msg import SpeakerGrid, WearerActivity
from avloc_ros.nodes import active_speaker
from avloc_ros.nodes.active_speaker import ActiveSpeakerNode
from avloc_ros.nodes.messages.conversions import stamp_ns
from avloc_ros.nodes.messages.quality_of_service import image_quality, result_quality
from avloc_ros.nodes.player import PlayerNode
from avloc_ros.simulation.glasses.config import EgocentricConfig
from avloc_ros.simulation.glasses.scene import compose_egocentric
from avloc_ros.sources.scene import load_scene
from avloc_ros.sources.video_file import video_images
from avloc_ros.systems.asl_unet import ActiveSpeakers, SpeakerUNetSettings, SpeakerUNetSystem, WearerVoice
from avloc_ros.types import AudioWindow, VideoFrame

FRAME_NS = 50_000_000
LONGER = Parameter("wearer_threshold", value=0.75)
SMALL = EgocentricConfig(width=160, height=90, seconds=2.0, most_people=2, reflections=0, tables=0)


@pytest.fixture(scope="module")
def glasses(tmp_path_factory):
    return compose_egocentric(tmp_path_factory.mktemp("glasses") / "scene", 2, seed=8, config=SMALL).folder


def offline(folder) -> list:
    """What the system says about each frame whose sound is whole, without ROS and, as frames may be lost, without memory."""
    system, scene = SpeakerUNetSystem(SpeakerUNetSettings(device="cpu", remember=False)), load_scene(folder)
    sound, found = scene.read_audio(), []
    for number, image in enumerate(video_images(scene.video_path)):
        system.see(VideoFrame(number * FRAME_NS, image))
        first = (number - 3) * 800
        if first >= 0 and first + 5600 <= len(sound):
            samples = np.asarray(sound[first : first + 5600], np.float32)
            found.append(system.step(AudioWindow((number - 3) * FRAME_NS, samples, 16000)))
    return found


def listen(rig, message_type, topic: str, quality) -> list:
    heard: list = []
    rig.node.create_subscription(message_type, topic, heard.append, quality)
    return heard


def test_a_played_scene_gives_what_the_system_says_with_the_pictures_stamps(rig, glasses):
    expected = offline(glasses)
    infos = listen(rig, CameraInfo, "camera_info", image_quality("reliable", 50))
    masks = listen(rig, Image, "speaker_mask", image_quality("reliable", 50))
    wearers = listen(rig, WearerActivity, "wearer_activity", result_quality(50))
    grids = listen(rig, SpeakerGrid, "speaker_grid", result_quality(50))
    reliable: dict[str, object] = {"audio_reliability": "reliable", "image_reliability": "reliable", "image_depth": 50}
    reliable |= {"device": "cpu", "remember": False}
    rig.add(ActiveSpeakerNode, parameters={"active_speaker": reliable})
    rig.add(PlayerNode, parameters={"player": {"path": str(glasses), "start_after_s": 1.0}})
    enough = len(expected) - 4  # a busy machine may drop some
    assert rig.wait(lambda: len(infos) == 40 and len(masks) >= enough, 15), (len(infos), len(masks))
    rig.wait(lambda: stamp_ns(wearers[-1].header.stamp) >= stamp_ns(infos[36].header.stamp))
    pictures = [stamp_ns(info.header.stamp) for info in infos]
    assert {stamp_ns(m.header.stamp) for m in masks} <= set(pictures)
    by_number = {pictures.index(stamp_ns(m.header.stamp)): m for m in wearers if stamp_ns(m.header.stamp) in pictures}
    mask_of = {pictures.index(stamp_ns(m.header.stamp)): m for m in masks}
    compared = [result for result in expected if result.stamp_ns // FRAME_NS in by_number.keys() & mask_of.keys()]
    assert len(compared) >= enough
    for result in compared:
        number = result.stamp_ns // FRAME_NS
        # the player's packets and the sync's clock move the window by parts of a sample
        assert by_number[number].probability == pytest.approx(result.wearer.probability, abs=0.05)
        mask = mask_of[number]
        assert (mask.height, mask.width, mask.encoding) == (90, 160, "mono8")
        seen = np.frombuffer(mask.data, np.uint8).reshape(90, 160)
        assert set(np.unique(seen)) <= {0, 255} and (seen != result.mask).mean() < 0.02
    grid = grids[-1]
    assert (grid.modality, grid.projection) == (SpeakerGrid.FUSED, SpeakerGrid.IMAGE)
    assert grid.rows * grid.cols == len(grid.probability)
    assert grid.cols * grid.u_step == pytest.approx(160) and len(grid.audio_weight) == len(grid.probability)


def test_four_channels_and_missing_weights_are_said_in_diagnostics(rig):
    rig.add(ActiveSpeakerNode)
    assert rig.talk_until(lambda: rig.seen.said("active_speaker", "audio has 4 channels"))
    rig.tell_array()
    assert rig.talk_until(lambda: rig.seen.said("active_speaker", "is not the array 'glasses_6mic'"))


def test_without_weights_the_node_stays_unconfigured_and_says_why(rig):
    from avloc_ros.nodes.base.compose import make_node

    node = make_node(ActiveSpeakerNode, rig.context, {"active_speaker": {"weights": "no/such.onnx", "diagnostics_period_s": 0.1}})
    rig.executor.add_node(node)
    rig.nodes.append(node)
    assert rig.wait(lambda: rig.seen.said("active_speaker", "no weights at no/such.onnx"))
    assert not node.is_active


class SpiedSystem(SpeakerUNetSystem):
    """Notes which system was given what; a wearer_threshold above .5 makes one that takes windows of twice the length."""

    made: ClassVar[list[SpiedSystem]] = []

    def __init__(self, config):
        super().__init__(config)
        self.seen_ns, self.windows_s, self.lengths = [], [], 2 if config.wearer_threshold > 0.5 else 1
        self.made.append(self)

    window_s = property(lambda self: self.lengths * SpeakerUNetSystem.window_s.fget(self))

    def see(self, frame):
        self.seen_ns.append(frame.stamp_ns)

    def step(self, window):
        self.windows_s.append(len(window.samples) / window.sample_rate_hz)
        return ActiveSpeakers(window.stamp_ns, WearerVoice(False, 0.0))


def test_a_network_is_exchanged_between_two_windows_never_under_one(rig, monkeypatch):
    """The worker lags while a parameter is set: what waits was cut for the network before, and must reach that one."""
    monkeypatch.setattr(active_speaker, "SpeakerUNetSystem", SpiedSystem)
    SpiedSystem.made.clear()
    rig.sound = np.random.default_rng(1).normal(0, 0.1, (32000, 6)).astype(np.float32)
    (node,) = rig.add(ActiveSpeakerNode, parameters={"active_speaker": {"device": "cpu"}})
    (before,) = SpiedSystem.made
    assert rig.talk_until(lambda: len(before.windows_s) > 2)
    held, goes_on = threading.Event(), threading.Event()
    node.in_background(lambda: (held.set(), goes_on.wait(10)), droppable=False)
    assert held.wait(5)
    rig.talk(0.8)
    told, came = len(before.windows_s), threading.Event()
    answers = []
    node.executor.create_task(lambda: (answers.extend(node.set_parameters([LONGER])), came.set()))  # as its service would
    assert came.wait(10) and answers[0].successful
    assert node._system is before and len(SpiedSystem.made) == 2
    after = SpiedSystem.made[1]
    goes_on.set()
    assert rig.talk_until(lambda: len(after.windows_s) > 2)
    assert len(before.windows_s) > told and after.seen_ns and max(before.seen_ns) < min(after.seen_ns)
    for system in (before, after):
        assert system.windows_s == pytest.approx([system.window_s] * len(system.windows_s), abs=1e-3)
    assert not rig.seen.said("active_speaker", "internal failure")
