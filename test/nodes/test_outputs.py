"""What others build on: TF frames, the attended speaker, the overlay, mounting from TF, and the player's topics."""

from __future__ import annotations

import time

import numpy as np
import pytest
import tf2_ros
from geometry_msgs.msg import PoseStamped, TransformStamped, Vector3Stamped
from rclpy.time import Time
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import CameraInfo, CompressedImage, Image
from visualization_msgs.msg import MarkerArray

from avloc_ros.geometry import rotation_from_quaternion, rotation_from_yaw_pitch_roll
from avloc_ros.msg import AudioFrame, FaceArray, MicrophoneArray as MicrophoneArrayMessage, SpeakerArray
from avloc_ros.nodes.attention import AttentionNode
from avloc_ros.nodes.audio_tracker import AudioTrackerNode
from avloc_ros.nodes.fusion import FusionNode
from avloc_ros.nodes.messages.conversions import (
    camera_to_message,
    image_from_message,
    stamp_ns,
    transform_from_mount,
)
from avloc_ros.nodes.messages.quality_of_service import (
    audio_quality,
    image_quality,
    latched_quality,
    result_quality,
)
from avloc_ros.nodes.overlay import OverlayNode
from avloc_ros.nodes.player import PlayerNode
from avloc_ros.nodes.speaker_tracker import SpeakerTrackerNode
from avloc_ros.nodes.visual_detector import VisualDetectorNode
from avloc_ros.nodes.watching.graph_probe import look_around

FOUR_NODES = (AudioTrackerNode, VisualDetectorNode, FusionNode, SpeakerTrackerNode)
FACE_AZIMUTH_DEG = float(np.degrees(np.arctan2(-(220.0 - 160.0), 270.0)))


def listen(rig, message_type, topic: str, quality=None) -> list:
    heard: list = []
    rig.node.create_subscription(message_type, topic, heard.append, quality or result_quality())
    return heard


@pytest.mark.parametrize("has_range", [True, False])
def test_tf_and_attention_never_pretend_a_range(rig, has_range):
    buffer = tf2_ros.Buffer()
    tf2_ros.TransformListener(buffer, rig.node)
    poses = listen(rig, PoseStamped, "active_speaker_pose")
    bearings = listen(rig, Vector3Stamped, "active_speaker_bearing")
    tracker = {"speaker_tracker": {"frame_prefix": "/robot/", "tracker.face.use_width": has_range}}
    rig.add(*FOUR_NODES, AttentionNode, parameters=tracker)
    rig.tell_array()
    assert rig.talk_until(lambda: len(bearings) > 5 and rig.seen.has_speaker())
    message = next(m for m in reversed(rig.seen.speakers) if m.speakers)
    speaker = message.speakers[0]
    name = f"robot/voice_{speaker.id}"
    assert rig.wait(lambda: buffer.can_transform("microphone_array", name, Time.from_msg(message.header.stamp)))
    transform = buffer.lookup_transform("microphone_array", name, Time.from_msg(message.header.stamp)).transform
    translation = np.array([transform.translation.x, transform.translation.y, transform.translation.z])
    q = transform.rotation
    towards = rotation_from_quaternion(q.x, q.y, q.z, q.w)[:, 0]
    direction = np.array([speaker.direction.x, speaker.direction.y, speaker.direction.z])
    assert np.allclose(towards, direction, atol=1e-6)
    assert speaker.has_position == has_range and bool(poses) == has_range
    distance = np.linalg.norm(translation)
    assert (0.3 < distance < 5) if has_range else distance == 0
    last = bearings[-1].vector
    assert np.degrees(np.arctan2(last.y, last.x)) == pytest.approx(FACE_AZIMUTH_DEG, abs=4)
    assert bearings[-1].header.frame_id == "microphone_array"


def test_a_listener_finds_each_voice_at_the_stamp_of_the_message_without_waiting(rig):
    buffer = tf2_ros.Buffer()
    tf2_ros.TransformListener(buffer, rig.node)
    rig.add(*FOUR_NODES)
    rig.tell_array()

    def finds(message: SpeakerArray) -> list[bool]:
        frame_id, at = message.header.frame_id, Time.from_msg(message.header.stamp)
        return [buffer.can_transform(frame_id, f"voice_{speaker.id}", at) for speaker in message.speakers]

    assert rig.talk_until(lambda: rig.seen.has_speaker() and all(finds(rig.seen.speakers[-1])))  # TF is connected
    found: list[bool] = []

    def look_up(message: SpeakerArray) -> None:
        found.extend(finds(message))

    rig.node.create_subscription(SpeakerArray, "speakers", look_up, result_quality())
    assert rig.talk_until(lambda: len(found) > 8)
    assert all(found), found


def test_the_overlay_is_drawn_for_who_looks_and_carries_the_pictures_stamp(rig):
    (overlay,) = rig.add(OverlayNode)
    rig.add(*FOUR_NODES)
    rig.tell_array()
    assert rig.talk_until(rig.seen.has_speaker)
    assert "overlay rate_hz" not in rig.seen.values["overlay"]  # nobody looks
    pictures = listen(rig, Image, "overlay", image_quality())
    compressed = listen(rig, CompressedImage, "overlay/compressed", image_quality())
    markers = listen(rig, MarkerArray, "markers")
    assert rig.talk_until(lambda: len(pictures) > 5 and len(compressed) > 5 and len(markers) > 3)
    drawn = image_from_message(pictures[-1]).image
    assert drawn.shape == rig.picture.shape
    changed = np.abs(drawn.astype(int) - rig.picture.astype(int)).sum(-1)[8:]
    assert (changed > 60).mean() > 0.01  # brackets, words, heat
    assert (stamp_ns(pictures[-1].header.stamp) - rig.start_ns) % 80_000_000 == 0
    assert overlay.is_active


@pytest.mark.parametrize(("most_fps", "apart_ms"), [(0.0, 80), (12.5, 80), (11.0, 160), (4.0, 240)])
def test_the_overlay_draws_no_more_pictures_than_it_was_told(rig, most_fps, apart_ms):
    rig.add(OverlayNode, parameters={"overlay": {"most_fps": most_fps}})
    rig.tell_array()
    pictures = listen(rig, Image, "overlay", image_quality())
    assert rig.talk_until(lambda: len(pictures) > 4)
    stamps = [stamp_ns(picture.header.stamp) for picture in pictures]
    assert min(np.diff(stamps)) == apart_ms * 1_000_000


def test_the_mounting_comes_from_tf_and_is_asked_for_where_it_is_missing(rig, faults):
    rig.add(*FOUR_NODES, parameters={"/**": {"camera.mount_from": "tf"}})
    rig.tell_array()
    rig.talk(1.0, faults(audio=False))
    assert rig.wait(lambda: rig.seen.said("speaker_tracker", "no TF from 'camera' to 'microphone_array'"))
    broadcaster = tf2_ros.StaticTransformBroadcaster(rig.node)
    from avloc_ros.geometry import CameraModel

    turned = CameraModel(320, 200, 270, 270, 160, 100, np.zeros(3), rotation_from_yaw_pitch_roll(np.pi / 2, 0, 0))
    transform = TransformStamped(child_frame_id="camera", transform=transform_from_mount(turned))
    transform.header.frame_id = "microphone_array"
    broadcaster.sendTransform(transform)
    assert rig.talk_until(rig.seen.has_speaker, faults=faults(audio=False))
    assert rig.seen.azimuths_deg()[-1] == pytest.approx(90 + FACE_AZIMUTH_DEG, abs=3)
    assert rig.wait(lambda: "no TF" not in rig.seen.words["speaker_tracker"][-1])


@pytest.fixture(scope="module")
def short_scene(tmp_path_factory, talker_sound, talker_picture):
    from avloc_ros.geometry import CameraModel
    from avloc_ros.microphone_array import MicrophoneArray
    from avloc_ros.sources.scene import write_scene

    folder = tmp_path_factory.mktemp("scene") / "short"
    square = np.array([[0.05, 0.05, 0], [-0.05, 0.05, 0], [-0.05, -0.05, 0], [0.05, -0.05, 0]])
    write_scene(
        folder, array=MicrophoneArray(square), camera=CameraModel(320, 200, 270, 270, 160, 100),
        audio=talker_sound[:16000], sample_rate_hz=16000, images=[talker_picture] * 25, fps=25.0,
    )  # fmt: skip
    return folder


def test_the_player_gives_every_sample_and_picture_once_at_its_time(rig, short_scene, talker_sound):
    sound = listen(rig, AudioFrame, "audio", audio_quality("reliable"))
    pictures = listen(rig, Image, "image", image_quality("reliable", 50))
    infos = listen(rig, CameraInfo, "camera_info", image_quality("reliable", 50))
    settings = {"path": str(short_scene), "encoding": "F32LE", "start_after_s": 0.3}
    rig.add(PlayerNode, parameters={"player": settings})
    assert rig.wait(lambda: len(pictures) == 25 and len(sound) == 50, 10)
    samples = np.concatenate([np.frombuffer(m.data, np.float32).reshape(-1, 4) for m in sound])
    assert np.allclose(samples, talker_sound[:16000], atol=2**-15)  # the scene's wav has 16 bits
    stamps = [stamp_ns(message.header.stamp) for message in pictures]
    assert set(np.diff(stamps)) == {40_000_000}
    assert stamps == [stamp_ns(message.header.stamp) for message in infos]
    assert stamps[0] == stamp_ns(sound[0].header.stamp)
    assert [m.first_sample_index for m in sound] == list(range(0, 16000, 320))
    assert rig.wait(lambda: rig.seen.said("player", "end of the source"))


def test_sound_is_in_the_frame_of_its_array(rig, short_scene, tmp_path):
    array_file = tmp_path / "head.yaml"
    array_file.write_text(
        "frame_id: head_mics\npositions_m: [[0.05, 0.05, 0], [-0.05, 0.05, 0], [-0.05, -0.05, 0], [0.05, -0.05, 0]]\n"
    )
    sound = listen(rig, AudioFrame, "audio", audio_quality("reliable"))
    arrays = listen(rig, MicrophoneArrayMessage, "microphone_array", latched_quality())
    settings = {"path": str(short_scene), "array_file": str(array_file), "frame_prefix": "/r1/", "start_after_s": 0.3}
    rig.add(PlayerNode, parameters={"player": settings})
    assert rig.wait(lambda: len(sound) > 3 and bool(arrays), 10)
    assert {message.header.frame_id for message in (*sound, *arrays)} == {"r1/head_mics"}


def test_the_player_runs_a_clock_faster_than_time_and_loops_back(rig, short_scene):
    clocks = listen(rig, Clock, "/clock", image_quality("best_effort", 200))
    infos = listen(rig, CameraInfo, "camera_info", image_quality("reliable", 50))
    settings = {"path": str(short_scene), "rate": 2.0, "loop": True, "publish_clock": True, "start_after_s": 0.3}
    rig.add(PlayerNode, parameters={"player": settings})
    assert rig.wait(lambda: len(infos) > 60, 10)
    stamps = [stamp_ns(message.header.stamp) / 1e9 for message in infos]
    assert max(stamps) < 1.0 and stamps.count(0.0) >= 2  # as recorded, again and again
    assert rig.wait(lambda: rig.seen.said("player", "the source began again"))
    assert len(clocks) > 60


def test_a_looping_player_begins_again_and_nobody_takes_that_for_lost_sound(rig, short_scene):
    sound = listen(rig, AudioFrame, "audio", audio_quality("reliable"))
    rig.add(AudioTrackerNode, parameters={"audio_tracker": {"audio_reliability": "reliable"}})
    rig.add(PlayerNode, parameters={"player": {"path": str(short_scene), "loop": True, "start_after_s": 0.3}})
    values = lambda: rig.seen.values["audio_tracker"]  # noqa: E731
    assert rig.wait(lambda: len(sound) > 120 and int(values().get("audio restarts", 0)) == 2, 10)
    index = np.array([message.first_sample_index for message in sound[:100]])
    stamps_s = np.array([stamp_ns(message.header.stamp) for message in sound[:100]]) / 1e9
    assert index.tolist() == list(range(0, 16000, 320)) * 2  # each pass from its beginning
    within = np.diff(stamps_s)[np.arange(99) != 49]
    assert np.allclose(within, 0.02, atol=1e-6) and stamps_s[50] > stamps_s[49] + 0.0199
    assert (values()["audio gaps"], values()["audio lost samples"]) == ("0", "0")
    assert rig.seen.said("audio_tracker", "the sound began again after")
    assert not rig.seen.said("audio_tracker", "lost")


def test_compressed_pictures_do_as_well(rig, short_scene):
    faces = listen(rig, FaceArray, "faces")
    rig.add(VisualDetectorNode, parameters={"visual_detector": {"image_transport": "compressed"}})
    settings = {"path": str(short_scene), "image_transport": "compressed", "loop": True, "start_after_s": 0.3}
    rig.add(PlayerNode, parameters={"player": settings})
    assert rig.wait(lambda: any(message.faces for message in faces), 10)
    roi = next(message for message in faces if message.faces).faces[0].roi
    assert abs(roi.x_offset + roi.width / 2 - 220) < 20 and abs(roi.y_offset + roi.height / 2 - 100) < 20


def test_sound_alone_gives_speakers_all_around(rig, faults):
    rig.add(AudioTrackerNode, FusionNode, SpeakerTrackerNode)
    rig.tell_array()
    assert rig.talk_until(rig.seen.has_speaker, faults=faults(camera=False))
    assert rig.seen.azimuths_deg()[-1] == pytest.approx(FACE_AZIMUTH_DEG, abs=6)
    assert not rig.seen.speakers[-1].speakers[0].has_position
    assert rig.wait(lambda: rig.seen.said("audio_tracker", "no camera frames: windows follow the sound"))


@pytest.mark.parametrize("is_connected", [False, True])
def test_the_doctor_looks_for_the_frames_that_this_robot_names(rig, is_connected):
    from avloc_ros.geometry import CameraModel
    from avloc_ros.microphone_array import MicrophoneArray

    array = MicrophoneArray(np.eye(3) * 0.1, frame_id="head/ears")
    camera = CameraModel(320, 200, 270, 270, 160, 100, frame_id="head/optical")
    info = rig.node.create_publisher(CameraInfo, "camera_info", image_quality("reliable"))
    rig.every_100_ms = rig.node.create_timer(0.1, lambda: info.publish(camera_to_message(camera, 0)))
    rig.tell_array(array)
    broadcaster = tf2_ros.StaticTransformBroadcaster(rig.node)
    transform = TransformStamped(child_frame_id="head/optical", transform=transform_from_mount(camera))
    transform.header.frame_id = "head/ears" if is_connected else "elsewhere"
    broadcaster.sendTransform(transform)
    view = look_around(2.0, time.monotonic)
    assert "/microphone_array" in view.topics
    assert view.missing_transform == ("" if is_connected else "no transform from 'head/optical' to 'head/ears'")


@pytest.mark.parametrize("sense", ["ear", "eye"])
def test_a_robot_with_one_sense_has_no_standing_warnings(rig, faults, sense):
    deaf, blind = sense == "eye", sense == "ear"
    for publisher in (rig._audio, rig._array) if deaf else (rig._image, rig._info):
        rig.node.destroy_publisher(publisher)
    nodes = rig.add(*FOUR_NODES, AttentionNode, OverlayNode)
    if blind:
        rig.tell_array()
    one_sense = faults(audio=not deaf, camera=not blind)
    assert rig.talk_until(rig.seen.has_speaker, faults=one_sense)
    names = {node.get_name() for node in nodes}
    is_well = lambda: names <= rig.seen.values.keys() and not rig.seen.complaints  # noqa: E731
    assert rig.talk_until(is_well, faults=one_sense), rig.seen.complaints
    rig.seen.clear()
    rig.talk(1.0, one_sense)
    assert not rig.seen.complaints
    assert all(f"by {sense} alone" in words for words in rig.seen.words["audio_tracker" if deaf else "visual_detector"])
    assert rig.wait(lambda: bool(rig.seen.complaints), 3.0)  # what was there and stopped is missed
