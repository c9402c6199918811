"""Attention, depth, pacing, markers, types, and the shipped parameter file."""

from __future__ import annotations

import threading
import time

import numpy as np
import pytest
import yaml
from geometry_msgs.msg import TransformStamped
from sensor_msgs.msg import CameraInfo

from avloc_ros.config import settings_of, shipped_folder
from avloc_ros.geometry import CameraModel, direction_from_angles, rotation_from_yaw_pitch_roll
from avloc_ros.nodes import (
    attention,
    audio_tracker,
    overlay,
    player,
    speaker_tracker,
    visual_detector,
)
from avloc_ros.nodes.attention import AttentionConfig, AttentionPolicy
from avloc_ros.nodes.base import pacing
from avloc_ros.nodes.base.compose import DONE, run_in_one_process
from avloc_ros.nodes.messages.conversions import camera_to_message, stamp_message, transform_from_mount
from avloc_ros.nodes.messages.message_types import message_class
from avloc_ros.nodes.messages.speaker_markers import speaker_markers
from avloc_ros.nodes.pictures.camera_file import load_camera
from avloc_ros.nodes.pictures.camera_watch import CameraMountConfig, CameraWatch
from avloc_ros.nodes.pictures.depth_ranges import face_ranges
from avloc_ros.types import (
    AudioChunk,
    Face,
    FaceDetections,
    InputError,
    Sources,
    Speaker,
    Speakers,
    VideoFrame,
)


def speaker(name: str, is_speaking: bool, azimuth_deg: float = 0.0, position=None, sigma_deg: float = 3.0) -> Speaker:
    direction = direction_from_angles(np.radians(azimuth_deg), 0.0)
    covariance = np.eye(2) * np.radians(sigma_deg) ** 2
    probability = 0.9 if is_speaking else 0.1
    return Speaker(name, direction, covariance, is_speaking, probability, 0.9, 0.5, Sources.AUDIO, position)


def attended(policy: AttentionPolicy, talking: list[str], frames_hz: int = 25) -> str:
    """Who is attended to in the end, when in each frame those of one letter group speak; a and b are there always."""
    chosen = None
    for number, names in enumerate(talking):
        found = Speakers(number * 1_000_000_000 // frames_hz, tuple(speaker(name, name in names) for name in "ab"))
        chosen = policy.step(found)
    return chosen.id if chosen else ""


def test_attention_does_not_jump_at_a_word_but_follows_a_turn():
    config = AttentionConfig(switch_after_s=0.6, hold_s=3.0)
    assert attended(AttentionPolicy(config), [""] * 10) == ""
    assert attended(AttentionPolicy(config), ["a"] * 10) == "a"
    assert attended(AttentionPolicy(config), ["a"] * 10 + ["b"] * 10) == "a"  # 0.4 s: a word
    assert attended(AttentionPolicy(config), ["a"] * 10 + ["b"] * 20) == "b"  # 0.8 s: a turn
    assert attended(AttentionPolicy(config), ["a"] * 10 + ["ab"] * 50) == "a"  # both: no reason to turn
    assert attended(AttentionPolicy(config), ["a"] * 10 + [""] * 50) == "a"  # 2 s of silence
    assert attended(AttentionPolicy(config), ["a"] * 10 + [""] * 100) == ""


def test_depth_gives_the_distance_along_the_ray():
    camera = CameraModel(640, 480, 500.0, 500.0, 320.0, 240.0)
    depth = np.full((240, 320), 4.0, np.float32)  # half the resolution of the picture
    depth[100:140, 200:240] = 2.0
    face = Face(410, 210, 60, 60, 0.9)
    detections = FaceDetections(0, (face, Face(0, 0, 20, 20, 0.9)), (640, 480))
    near, far = face_ranges(depth, detections, camera)
    point = np.array([(440 - 320) / 500 * 2.0, 0.0, 2.0])  # optical frame, from the pinhole equation
    assert near.range_m == pytest.approx(np.linalg.norm(point), abs=1e-6)
    assert far.range_m > 4.0
    depth[:] = np.nan
    assert face_ranges(depth, detections, camera) == (None, None)


def test_items_come_when_a_device_would_give_them():
    frames = [VideoFrame(n * 40_000_000, np.zeros((2, 2, 3), np.uint8)) for n in range(30)]
    chunks = [AudioChunk(n * 30_000_000, n * 480, np.zeros((480, 1), np.float32), 16000) for n in range(40)]
    due = [when for when, _ in pacing.in_due_order(sorted([*frames, *chunks], key=lambda item: item.stamp_ns))]
    assert due == sorted(due) and len(due) == 70
    assert pacing.due_ns(chunks[1]) == 60_000_000 and pacing.due_ns(frames[1]) == 40_000_000


def test_the_pace_is_that_of_the_clock_times_the_rate():
    pace = pacing.Pace(4.0, threading.Event())
    start = time.monotonic()
    assert pace.wait_for(7_000_000_000) and pace.wait_for(7_400_000_000)
    assert 0.1 <= time.monotonic() - start < 0.4


def test_markers_point_at_the_speaker_and_the_cone_is_two_sigma_wide():
    found = Speakers(0, (speaker("s1", True, 30.0, sigma_deg=5.0), speaker("s2", False, -40.0, np.array([1.0, -0.8, 0.1]))))
    markers = speaker_markers(found, stamp_message(0)).markers
    arrows = [marker for marker in markers if marker.ns == "bearing"]
    tip = arrows[0].points[1]
    assert np.degrees(np.arctan2(tip.y, tip.x)) == pytest.approx(30.0)
    assert (arrows[1].points[1].x, arrows[1].points[1].y) == (1.0, -0.8)
    rim = np.array([[p.x, p.y, p.z] for p in next(m for m in markers if m.ns == "uncertainty").points if p.x])
    azimuths = np.degrees(np.arctan2(rim[:, 1], rim[:, 0]))
    assert azimuths.max() - 30 == pytest.approx(10.0, abs=0.1) and 30 - azimuths.min() == pytest.approx(10.0, abs=0.1)


def test_every_name_in_the_shipped_parameter_file_is_a_parameter():
    content = yaml.safe_load((shipped_folder() / "config" / "localize.yaml").read_text())
    own = {
        node.NAME: {item.name for item in settings_of(node.CONFIG)}
        for node in (
            audio_tracker.AudioTrackerNode, visual_detector.VisualDetectorNode, speaker_tracker.SpeakerTrackerNode,
            overlay.OverlayNode, attention.AttentionNode,
        )
    }  # fmt: skip
    from avloc_ros.config import flatten

    for block, values in content.items():
        names = set().union(*own.values()) if block == "/**" else own[block.rsplit("/", 1)[-1]]
        unknown = set(flatten(values["ros__parameters"])) - names
        assert not unknown, f"{block}: {unknown}"


def test_a_camera_file_of_camera_calibration(tmp_path):
    path = tmp_path / "camera.yaml"
    path.write_text(
        "image_width: 640\nimage_height: 480\ncamera_matrix: {rows: 3, cols: 3, data: [500, 0, 320, 0, 501, 240, 0, 0, 1]}\n"
        "projection_matrix: {rows: 3, cols: 4, data: [450, 0, 310, 0, 0, 455, 235, 0, 0, 0, 1, 0]}\n"
    )
    camera = load_camera(path)
    assert (camera.width, camera.fx, camera.fy, camera.cx, camera.cy) == (640, 450, 455, 310, 235)
    path.write_text("image_width: 640\n")
    with pytest.raises(InputError, match=r"camera\.yaml.*lacks"):
        load_camera(path)


def test_message_types_are_found_or_named():
    from sensor_msgs.msg import Image

    assert message_class("sensor_msgs/msg/Image") is Image
    wrong = {"Image": "PACKAGE/msg/NAME", "no_such_msgs/msg/X": "not installed", "sensor_msgs/msg/Xyz": "no message"}
    for name, words in wrong.items():
        with pytest.raises(InputError, match=words):
            message_class(name)


def test_one_process_runs_until_told():
    assert run_in_one_process([attention.AttentionNode], until=lambda: True) == DONE


def test_packets_that_nobody_counted_are_counted_with_their_holes():
    node = player.PlayerNode.__new__(player.PlayerNode)  # the counting alone, without a graph
    node._counted = None
    jitter_ns = np.random.default_rng(1).integers(-5_000_000, 5_000_000, 40)
    stamps = [10**9 + n * 20_000_000 + int(j) for n, j in enumerate(jitter_ns)]
    chunks = [AudioChunk(stamp, -1, np.zeros((320, 2), np.float32), 16000) for stamp in stamps]
    indices = [node._count(chunk) for chunk in chunks[:10] + chunks[20:]]
    assert indices[:10] == list(range(0, 3200, 320))
    assert abs(indices[10] - 6400) < 0.012 * 16000  # ten packets are missing
    assert np.diff(indices[10:]).tolist() == [320] * 19


def test_a_camera_on_a_moving_head_is_where_it_was_when_it_saw_the_picture(rig):
    watch = CameraWatch(rig.node, CameraMountConfig(mount_from="tf"))
    for second, yaw in ((10, 0.0), (11, 1.0)):
        turned = CameraModel(320, 200, 270, 270, 160, 100, rotation=rotation_from_yaw_pitch_roll(yaw, 0, 0))
        transform = TransformStamped(child_frame_id="camera", transform=transform_from_mount(turned))
        transform.header.frame_id, transform.header.stamp = "microphone_array", stamp_message(second * 10**9)
        watch._buffer.set_transform(transform, "test")
    azimuths = {}
    for stamp_s in (10.0, 10.5, 12.0):  # the last one is newer than what TF knows
        watch.reset(watch.config)
        watch.update(camera_to_message(turned, round(stamp_s * 1e9)), "microphone_array")
        forward = watch.model.rotation[:, 0]
        azimuths[stamp_s] = np.arctan2(forward[1], forward[0])
    assert azimuths == pytest.approx({10.0: 0.0, 10.5: 0.5, 12.0: 1.0}, abs=1e-6)
    uncalibrated = CameraInfo(width=320, height=200)
    with pytest.raises(InputError, match="calibrated"):
        watch.update(uncalibrated, "microphone_array")
    assert watch.model is None
    watch.close()
