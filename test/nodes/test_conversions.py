"""Messages to types and back: nothing is lost, what is wrong is named, and rotations agree with scipy."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
import pytest
from geometry_msgs.msg import Transform
from rclpy.serialization import deserialize_message, serialize_message
from scipy.spatial.transform import Rotation
from sensor_msgs.msg import CameraInfo, CompressedImage, Image, RegionOfInterest

from avloc_ros.geometry import CameraModel, image_grid, rotation_from_yaw_pitch_roll, sphere_grid
from avloc_ros.microphone_array import MicrophoneArray
from avloc_ros.msg import AudioFrame, Face as FaceMessage, FaceArray, SpeakerGrid as SpeakerGridMessage
from avloc_ros.nodes.messages import conversions, speaker_messages
from avloc_ros.types import (
    AudioChunk,
    Face,
    FaceDetections,
    InputError,
    Modality,
    Sources,
    Speaker,
    SpeakerGrid,
    Speakers,
    VideoFrame,
)

STAMP = 1_700_000_123_456_789_012


def through_the_wire(message):
    """What a subscriber gets: the message as CDR and back."""
    return deserialize_message(serialize_message(message), type(message))


@pytest.mark.parametrize("encoding, error", [("S16LE", 2**-15), ("S24LE", 2**-23), ("S32LE", 2**-23), ("F32LE", 0.0)])
def test_sound_survives(encoding, error):
    samples = np.random.default_rng(1).uniform(-1, 0.99, (320, 6)).astype(np.float32)
    chunk = AudioChunk(STAMP, 2**33, samples, 48000, "head")
    back = conversions.audio_from_message(through_the_wire(conversions.audio_to_message(chunk, encoding)))
    assert (back.stamp_ns, back.first_sample_index, back.sample_rate_hz, back.frame_id) == (STAMP, 2**33, 48000, "head")
    assert np.abs(back.samples - samples).max() <= error


@pytest.mark.parametrize(
    "spoil, words",
    [
        (dict(encoding="OPUS"), "'OPUS' is not known"),
        (dict(channels=0), "0 channels"),
        (dict(frames=7), "need"),
        (dict(sample_rate=0), "sample_rate 0"),
    ],
)
def test_bad_sound_is_named(spoil, words):
    message = AudioFrame(encoding="S16LE", sample_rate=16000, channels=2, frames=10)
    message.data = conversions.byte_array(bytes(40))
    for name, value in spoil.items():
        setattr(message, name, value)
    with pytest.raises(InputError, match=words):
        conversions.audio_from_message(message)


def test_a_picture_survives_and_padded_rows_are_understood():
    pixels = np.random.default_rng(2).integers(0, 255, (45, 72, 3), np.uint8)
    message = conversions.image_to_message(VideoFrame(STAMP, pixels, "eye"))
    back = conversions.image_from_message(through_the_wire(message))
    assert np.array_equal(back.image, pixels) and back.stamp_ns == STAMP and back.frame_id == "eye"
    padded = np.zeros((45, 256), np.uint8)
    padded[:, :216] = pixels.reshape(45, 216)
    message.step, message.data = 256, conversions.byte_array(padded)
    assert np.array_equal(conversions.image_from_message(message).image, pixels)


def test_other_encodings_become_bgr():
    rgb = Image(height=1, width=2, encoding="rgb8", step=6, data=[10, 20, 30, 40, 50, 60])
    assert conversions.image_from_message(rgb).image.tolist() == [[[30, 20, 10], [60, 50, 40]]]
    grey = Image(height=1, width=2, encoding="mono8", step=2, data=[7, 9])
    assert conversions.image_from_message(grey).image.tolist() == [[[7, 7, 7], [9, 9, 9]]]
    grey.encoding = "8UC1"  # as drivers that speak OpenCV's names send the same
    assert conversions.image_from_message(grey).image.tolist() == [[[7, 7, 7], [9, 9, 9]]]


@pytest.mark.parametrize(
    "message, words",
    [
        (Image(), "holds nothing"),
        (Image(height=2, width=2, encoding="bgr8", step=6, data=[0] * 6), "has 6 bytes"),
        (Image(height=1, width=1, encoding="quad9", step=3, data=[0] * 3), "'quad9' cannot"),
    ],
)
def test_bad_pictures_are_named(message, words):
    with pytest.raises(InputError, match=words):
        conversions.image_from_message(message)
    for data in ([1, 2, 3], []):
        with pytest.raises(InputError, match="cannot be decoded"):
            conversions.image_from_compressed(CompressedImage(format="jpeg", data=data))


def test_filling_a_picture_message_takes_no_time():
    frame = VideoFrame(STAMP, np.zeros((450, 720, 3), np.uint8))
    best_s = min(_seconds(lambda: conversions.image_to_message(frame)) for _ in range(5))
    assert best_s < 0.01  # by elements it takes 54 ms


def _seconds(action) -> float:
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def test_an_array_survives():
    array = MicrophoneArray(np.random.default_rng(3).normal(size=(5, 3)) * 0.1, tuple("abcde"), 345.5, frame_id="head")
    back = conversions.array_from_message(through_the_wire(conversions.array_to_message(array, STAMP)))
    assert np.array_equal(back.positions_m, array.positions_m) and back.channel_names == tuple("abcde")
    assert back.sound_speed_mps == pytest.approx(345.5) and back.frame_id == "head"


def test_a_camera_and_its_mounting_survive_as_camera_info_and_transform():
    rotation = rotation_from_yaw_pitch_roll(0.6, -0.2, 0.1)
    camera = CameraModel(720, 450, 610.0, 605.0, 355.0, 222.0, np.array([0.1, -0.02, 0.15]), rotation, "eye")
    mount = conversions.mount_from_transform(conversions.transform_from_mount(camera))
    back = conversions.camera_from_message(through_the_wire(conversions.camera_to_message(camera, STAMP)), *mount)
    point = np.array([2.0, 1.1, 0.2])
    assert np.allclose(back.project(point)[0], camera.project(point)[0], atol=1e-6)


def test_the_optical_frame_looks_along_z():
    """REP-103: a point straight ahead of the camera lies on the z axis of its optical frame."""
    camera = CameraModel(720, 450, 600, 600, 360, 225, np.zeros(3), rotation_from_yaw_pitch_roll(0.5, 0.3, 0))
    q = conversions.transform_from_mount(camera).rotation
    optical_in_array = Rotation.from_quat([q.x, q.y, q.z, q.w])
    assert np.allclose(optical_in_array.apply([0, 0, 1]), camera.rays(np.array([360.0, 225.0])), atol=1e-9)
    right = camera.rays(np.array([700.0, 225.0])) @ optical_in_array.apply([1, 0, 0])
    assert right > 0.3  # x to the right


def test_an_uncalibrated_camera_and_a_broken_rotation_are_refused():
    with pytest.raises(InputError, match="not calibrated"):
        conversions.camera_from_message(CameraInfo(width=640, height=480))
    broken = Transform()
    broken.rotation.w = 0.0
    with pytest.raises(InputError, match="quaternion"):
        conversions.mount_from_transform(broken)


def test_the_projection_matrix_of_a_rectified_picture_wins():
    info = CameraInfo(width=640, height=480, k=[500.0, 0, 320, 0, 500, 240, 0, 0, 1])
    assert conversions.camera_from_message(info).fx == 500
    info.p = [450.0, 0, 310, 0, 0, 455, 235, 0, 0, 0, 1, 0]
    camera = conversions.camera_from_message(info)
    assert (camera.fx, camera.fy, camera.cx, camera.cy) == (450, 455, 310, 235)


def test_depth_is_metres_in_both_encodings():
    millimetres = np.array([[1500, 0]], np.uint16)
    message = Image(height=1, width=2, encoding="16UC1", step=4, data=list(millimetres.tobytes()))
    assert conversions.depth_from_message(message) == pytest.approx(np.array([[1.5, 0.0]]))
    with pytest.raises(InputError, match="32FC1"):
        conversions.depth_from_message(Image(height=1, width=1, encoding="bgr8", step=3, data=[0, 0, 0]))


@pytest.mark.parametrize("weights", [None, np.asarray(0.7, np.float32), np.linspace(0, 1, 480, dtype=np.float32).reshape(20, 24)])
@pytest.mark.parametrize("layout", [image_grid(720, 450), sphere_grid(20, 24)])
def test_a_grid_survives(layout, weights):
    values = np.random.default_rng(5).random(layout.shape, np.float32)
    grid = SpeakerGrid(STAMP, layout, Modality.FUSED, values, 0.3, "flat", "eye", 0.04, weights, weights)
    back = speaker_messages.grid_from_message(through_the_wire(speaker_messages.grid_to_message(grid)))
    assert np.array_equal(back.probability, values) and back.modality == Modality.FUSED
    assert (back.stamp_ns, back.frame_id, back.system, back.layout.wraps) == (STAMP, "eye", "flat", layout.wraps)
    assert back.window_s == pytest.approx(0.04) and back.layout.u_step == pytest.approx(layout.u_step, rel=1e-6)
    if weights is None:
        assert back.audio_weight is None
    else:
        assert back.video_weight.shape == weights.shape and np.array_equal(back.video_weight, weights)


def test_a_grid_of_another_size_than_it_says_is_refused():
    with pytest.raises(InputError, match="has 3 cells"):
        speaker_messages.grid_from_message(SpeakerGridMessage(rows=2, cols=2, probability=[0.0] * 3))


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"modality": 9}, "9 is not a valid Modality"),
        ({"projection": 7}, "7 is not a valid Projection"),
        ({"audio_weight": [0.5] * 3}, "3 weights"),
    ],
)
def test_a_grid_of_a_foreign_node_that_does_not_fit_is_refused(fields, words):
    message = SpeakerGridMessage(rows=2, cols=2, u_step=1.0, v_step=1.0, probability=[0.0] * 4, **fields)
    with pytest.raises(InputError, match=words):
        speaker_messages.grid_from_message(message)


def test_half_a_landmark_is_refused():
    with pytest.raises(InputError, match="pairs of u and v"):
        speaker_messages.faces_from_message(FaceArray(faces=[FaceMessage(landmarks=[1.0, 2.0, 3.0])]), (8, 8))


def test_faces_survive_and_boxes_are_cut_to_the_picture():
    face = Face(-5.0, 10.0, 40.0, 50.0, 0.75, ((1.5, 2.5), (3.0, 4.0)), "f1")
    detections = FaceDetections(STAMP, (face,), (720, 450), "eye")
    back = speaker_messages.faces_from_message(through_the_wire(speaker_messages.faces_to_message(detections)), (720, 450))
    found = back.faces[0]
    assert (found.left, found.top, found.width, found.height) == (0, 10, 35, 50)
    assert found.landmarks == face.landmarks and found.score == 0.75 and found.id == "f1"
    assert found.mouth_motion is None


def test_the_motion_of_a_mouth_survives_and_a_detector_that_tells_none_is_understood():
    face = Face(5.0, 10.0, 40.0, 50.0, 0.75, mouth_motion=0.0)
    message = speaker_messages.faces_to_message(FaceDetections(STAMP, (face,), (720, 450), "eye"))
    (back,) = speaker_messages.faces_from_message(through_the_wire(message), (720, 450)).faces
    assert back.mouth_motion == 0.0
    others = FaceArray(faces=[FaceMessage(roi=RegionOfInterest(width=4, height=4))])  # published by another package
    (back,) = speaker_messages.faces_from_message(through_the_wire(others), (720, 450)).faces
    assert back.mouth_motion is None


@pytest.mark.parametrize("position", [None, np.array([1.0, 0.5, 0.2])])
def test_speakers_survive_and_a_bearing_gets_no_position(position):
    covariance = None if position is None else np.eye(3) * 0.04
    speaker = Speaker(
        "s7", np.array([0.6, 0.8, 0.0]), np.array([[0.01, 0.001], [0.001, 0.02]]), True, 0.75, 0.5, 0.25,
        Sources.AUDIO | Sources.VIDEO, position, covariance, Face(10, 20, 30, 40, 0.5), STAMP, STAMP - 1, "v", "f", "p",
    )  # fmt: skip
    message = through_the_wire(speaker_messages.speakers_to_message(Speakers(STAMP, (speaker,), "head")))
    assert message.speakers[0].has_position == (position is not None)
    assert message.speakers[0].position_covariance[0] == (-1 if position is None else 0.04)
    back = speaker_messages.speakers_from_message(message).speakers[0]
    for name in ("id", "is_speaking", "speaking_probability", "sources", "last_heard_ns", "last_seen_ns", "person_id"):
        assert getattr(back, name) == getattr(speaker, name), name
    assert np.array_equal(back.direction_covariance, speaker.direction_covariance)
    assert (back.position is None) == (position is None)
    assert replace(back.face, score=0.5, id="") == speaker.face
