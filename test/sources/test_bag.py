"""Bags without ROS: both storages, scenes to bags and back, foreign messages, broken bags."""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("rosbags")

from avloc_ros.sources.bags.bag import BagSource, BagWriter, RawBagWriter, read_messages, read_pictures
from avloc_ros.sources.bags.bag_repair import repair_mcap, scan_mcap
from avloc_ros.sources.bags.bag_scene import bag_to_scene, scene_to_bag
from avloc_ros.sources.bags.bag_types import header_fields, make_message, message_types, serialized
from avloc_ros.sources.open_source import open_source
from avloc_ros.sources.stream import Source
from avloc_ros.types import AudioChunk, InputError, VideoFrame

NS = 1_000_000_000


@pytest.fixture(scope="module", params=["mcap", "sqlite3"])
def scene_bag(request, small_scene, tmp_path_factory):
    path = tmp_path_factory.mktemp("bags") / request.param
    scene_to_bag(small_scene.folder, path, request.param)
    return path


def test_a_scene_survives_the_way_through_a_bag(scene_bag, small_scene, tmp_path):
    back = bag_to_scene(scene_bag, tmp_path / "back")
    assert back.truth == small_scene.truth
    assert np.array_equal(back.read_audio(), small_scene.read_audio())
    assert back.json["room"] == {"rt60_s": 0.3}
    assert np.allclose(back.camera.rotation, small_scene.camera.rotation)
    assert np.allclose(back.camera.position_m, small_scene.camera.position_m)
    assert np.allclose(back.array.positions_m, small_scene.array.positions_m)
    assert back.fps == 25.0
    assert back.video_info.frames == 30


def test_a_bag_is_the_same_stream_as_its_scene(scene_bag, small_scene):
    source = open_source(scene_bag)
    assert isinstance(source, BagSource)
    assert isinstance(source, Source)
    theirs = list(open_source(small_scene.folder, start_ns=source.start_ns))
    ours = list(source)
    assert [item.stamp_ns for item in ours] == [item.stamp_ns for item in theirs]
    for mine, other in zip(ours, theirs, strict=True):
        if isinstance(mine, AudioChunk):
            assert mine.first_sample_index == other.first_sample_index
            assert np.array_equal(mine.samples, other.samples)
        else:
            assert np.abs(mine.image.astype(int) - other.image).max() <= 6  # JPEG
    assert source.truth == small_scene.truth
    assert (source.sample_rate_hz, source.fps) == (16000, 25.0)
    assert source.duration_s == pytest.approx(1.2, abs=0.05)


def test_our_definitions_hash_as_ros_does():
    """Type hashes (REP-2016) of the typestore against those that rosidl wrote when the messages were built."""
    prefixes = [*filter(None, os.environ.get("AMENT_PREFIX_PATH", "").split(os.pathsep)), sys.prefix]
    shares = [Path(prefix) / "share" / "avloc_ros" / "msg" for prefix in prefixes]
    files = [file for share in shares for file in share.glob("*.json")]
    if not files:
        pytest.skip("the generated messages are not installed: no share/avloc_ros/msg/*.json")
    for file in files:
        theirs = {
            item["type_name"]: item["hash_string"] for item in json.loads(file.read_text())["type_hashes"]
        }
        name = f"avloc_ros/msg/{file.stem}"
        assert message_types().hash_rihs01(name) == theirs[name]


def test_ros_reads_our_bytes_and_we_read_theirs():
    serialization = pytest.importorskip("rclpy.serialization")
    messages = pytest.importorskip("avloc_ros.msg")
    fields = {
        "header": header_fields(3 * NS + 7, "array"),
        "encoding": "S24LE",
        "sample_rate": 48000,
        "channels": 2,
        "frames": 2,
        "first_sample_index": 2**40,
        "data": bytes(range(12)),
    }
    theirs = serialization.deserialize_message(
        serialized("avloc_ros/msg/AudioFrame", fields), messages.AudioFrame
    )
    assert (theirs.header.stamp.sec, theirs.header.stamp.nanosec) == (3, 7)
    assert theirs.first_sample_index == 2**40
    assert bytes(theirs.data) == bytes(range(12))
    grid = messages.SpeakerGrid(rows=2, cols=3, probability=[0.5] * 6, system="srp", wraps=True)
    ours = message_types().deserialize_cdr(serialization.serialize_message(grid), "avloc_ros/msg/SpeakerGrid")
    assert ours.probability.tolist() == [0.5] * 6
    assert ours.system == "srp"
    assert ours.wraps


@pytest.mark.parametrize(
    ("encoding", "channels", "order"),
    [
        ("bgr8", 3, [0, 1, 2]),
        ("rgb8", 3, [2, 1, 0]),
        ("bgra8", 4, [0, 1, 2]),
        ("rgba8", 4, [2, 1, 0]),
        ("mono8", 1, [0, 0, 0]),
    ],
)
def test_image_encodings_and_padded_rows(tmp_path, encoding, channels, order):
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (6, 5, channels), np.uint8)
    padded = np.concatenate([pixels.reshape(6, -1), np.zeros((6, 3), np.uint8)], axis=1)
    with BagWriter(tmp_path / "b") as writer:
        writer.add_topic("/cam/image_raw", "sensor_msgs/msg/Image")
        fields = {"header": header_fields(NS, "eye"), "height": 6, "width": 5, "encoding": encoding}
        writer.write_fields("/cam/image_raw", NS, {**fields, "step": 5 * channels + 3, "data": padded})
    (frame,) = read_pictures(tmp_path / "b", "cam/image_raw")
    assert np.array_equal(frame.image, pixels[..., order])
    assert (frame.stamp_ns, frame.frame_id) == (NS, "eye")
    (again,) = BagSource(tmp_path / "b")
    assert isinstance(again, VideoFrame)


def test_an_unknown_image_encoding_is_named(tmp_path):
    with BagWriter(tmp_path / "b") as writer:
        writer.add_topic("/image", "sensor_msgs/msg/Image")
        writer.write_fields(
            "/image", NS, {"height": 2, "width": 2, "encoding": "bayer_rggb8", "step": 2, "data": bytes(4)}
        )
    with pytest.raises(InputError, match=r"bayer_rggb8.*bgr8"):
        list(read_pictures(tmp_path / "b", "image"))


def write_info(writer: BagWriter) -> None:
    writer.add_topic("/camera_info", "sensor_msgs/msg/CameraInfo")
    intrinsics = [90.0, 0, 40, 0, 91, 30, 0, 0, 1]
    fields = {"header": header_fields(NS, "eye"), "width": 80, "height": 60, "k": intrinsics}
    writer.write_fields("/camera_info", NS, fields)


def test_the_camera_is_found_through_a_chain_of_transforms(tmp_path):
    """array <- base -> neck -> eye; the optical frame looks along base's y axis (to the left)."""
    half = np.sqrt(0.5)
    with BagWriter(tmp_path / "b") as writer:
        write_info(writer)
        writer.add_topic("/image", "sensor_msgs/msg/Image")
        image = {"height": 1, "width": 1, "encoding": "mono8", "step": 1, "data": bytes(1)}
        writer.write_fields("/image", NS, {"header": header_fields(NS, "eye"), **image})
        writer.add_topic("/microphone_array", "avloc_ros/msg/MicrophoneArray", latched=True)
        positions = [{"x": 0.0}, {"x": 0.1}]
        writer.write_fields(
            "/microphone_array", NS, {"header": header_fields(NS, "mics"), "positions": positions}
        )
        writer.add_topic("/tf_static", "tf2_msgs/msg/TFMessage", latched=True)

        def link(parent: str, child: str, xyz: tuple, quaternion: tuple) -> dict:
            translation = dict(zip("xyz", xyz, strict=True))
            rotation = dict(zip("xyzw", quaternion, strict=True))
            transform = {"translation": translation, "rotation": rotation}
            return {"header": header_fields(0, parent), "child_frame_id": child, "transform": transform}

        links = [
            link("base", "mics", (1.0, 0.0, 0.0), (0.0, 0.0, 0.0, 1.0)),
            link("base", "neck", (0.0, 0.0, 1.0), (0.0, 0.0, half, half)),  # 90 degrees to the left
            link("neck", "eye", (0.1, 0.0, 0.0), (-0.5, 0.5, -0.5, 0.5)),  # body to optical (REP-103)
        ]
        writer.write_fields("/tf_static", NS, {"transforms": links})
    camera = BagSource(tmp_path / "b").camera
    assert np.allclose(camera.position_m, [-1.0, 0.1, 1.0])
    assert np.allclose(camera.rays(np.array([camera.cx, camera.cy])), [0.0, 1.0, 0.0])
    assert (camera.fx, camera.fy) == (90.0, 91.0)


AUDIO_UTILS = """std_msgs/Header header
string format
uint32 channel_count
uint32 sampling_frequency
uint32 frame_sample_count
uint8[] data
"""


def test_a_bag_with_a_foreign_sound_message(tmp_path):
    from rosbags.rosbag2 import StoragePlugin, Writer
    from rosbags.typesys import Stores, get_types_from_msg, get_typestore

    store = get_typestore(Stores.LATEST)
    kind = "audio_utils_msgs/msg/AudioFrame"
    store.register(get_types_from_msg(AUDIO_UTILS, kind))
    samples = np.arange(640, dtype="<i2").reshape(320, 2)
    numbers = [number for number in range(60) if number not in (30, 31)]  # two packets of 20 ms are lost
    with Writer(tmp_path / "b", version=8, storage_plugin=StoragePlugin.MCAP) as writer:
        connection = writer.add_connection("/mics", kind, typestore=store)
        for number in numbers:
            stamp_ns = NS + number * 20_000_000
            header = make_message("std_msgs/msg/Header", header_fields(stamp_ns, "mics"))
            data = np.frombuffer(samples.tobytes(), np.uint8)
            message = store.types[kind](header, "signed_16", 2, 16000, 320, data)
            writer.write(connection, stamp_ns, store.serialize_cdr(message, kind))
    chunks = list(open_source(tmp_path / "b"))
    assert np.allclose(chunks[0].samples * 32768, samples)
    assert [chunk.first_sample_index for chunk in chunks] == [320 * number for number in numbers]


def test_lost_sound_and_pictures_become_silence_and_repeats(tmp_path):
    with BagWriter(tmp_path / "b") as writer:
        writer.add_topic("/audio", "avloc_ros/msg/AudioFrame")
        writer.add_topic("/image", "sensor_msgs/msg/Image")
        for number in (0, 1, 3, 4):
            stamp = NS + number * 40_000_000
            data = np.full((640, 1), 100, "<i2").tobytes()
            sound = {"encoding": "S16LE", "sample_rate": 16000, "channels": 1, "frames": 640, "data": data}
            header = header_fields(stamp, "")
            writer.write_fields(
                "/audio", stamp, {"header": header, **sound, "first_sample_index": number * 640}
            )
            pixels = np.full((32, 32), 50 * number, np.uint8)
            picture = {"height": 32, "width": 32, "encoding": "mono8", "step": 32, "data": pixels}
            writer.write_fields("/image", stamp, {"header": header, **picture})
    scene = bag_to_scene(tmp_path / "b", tmp_path / "s")
    sound = scene.read_audio()[:, 0]
    assert len(sound) == 5 * 640
    assert (sound[1280:1920] == 0).all()
    assert (sound[1920:] > 0).all()
    assert scene.fps == pytest.approx(25.0, rel=0.3)


def test_sound_that_was_counted_anew_follows_where_its_stamps_say(tmp_path):
    with BagWriter(tmp_path / "b") as writer:
        writer.add_topic("/audio", "avloc_ros/msg/AudioFrame")
        for at_ms in (0, 100, 3000, 3100):  # a recording of 0.2 s that loops, or a sender that was restarted
            stamp = NS + at_ms * 1_000_000
            data = np.full((1600, 1), 100 + at_ms, "<i2").tobytes()
            sound = {"encoding": "S16LE", "sample_rate": 16000, "channels": 1, "frames": 1600, "data": data}
            first = at_ms % 1000 * 16
            writer.write_fields("/audio", stamp, {"header": header_fields(stamp, ""), **sound, "first_sample_index": first})
    sound = np.round(bag_to_scene(tmp_path / "b", tmp_path / "s").read_audio()[:, 0] * 2**15)
    expected = np.zeros(3200 * 16)
    for at_ms in (0, 100, 3000, 3100):
        expected[at_ms * 16 : at_ms * 16 + 1600] = 100 + at_ms
    assert sound.tolist() == expected.tolist()


# ------------------------------------------------------------------------------------------------- broken bags
def test_topics_are_chosen_or_named(scene_bag):
    assert len(list(read_messages(scene_bag, ("/audio",)))) == 60
    with pytest.raises(InputError, match=r"no topic /video; it has .*?/audio"):
        list(read_messages(scene_bag, ("/video",)))
    with pytest.raises(InputError, match="holds avloc_ros/msg/AudioFrame, not pictures"):
        list(read_pictures(scene_bag, "/audio"))
    with pytest.raises(InputError, match=r"topic /x holds none of"):
        BagSource(scene_bag, audio_topic="/x")
    assert next(BagSource(scene_bag, image_topic="/image/compressed").chunks()).stamp_ns >= NS


def test_a_truncated_bag_gives_what_is_there_or_says_why(scene_bag, tmp_path):
    broken = tmp_path / "broken"
    shutil.copytree(scene_bag, broken)
    (storage,) = [item for item in broken.iterdir() if item.suffix in (".mcap", ".db3")]
    data = storage.read_bytes()
    storage.write_bytes(data[: len(data) // 2])
    with pytest.raises(InputError, match=r"broken"):
        list(BagSource(broken))


def test_what_a_killed_recorder_left_in_an_mcap_can_be_saved(small_scene, tmp_path):
    scene_to_bag(small_scene, tmp_path / "bag")
    (storage,) = (tmp_path / "bag").glob("*.mcap")
    data = storage.read_bytes()
    assert scan_mcap(storage) is None  # finished
    storage.write_bytes(data[: round(0.6 * len(data))])
    with pytest.raises(InputError, match=r"messages in it are whole: save them with `avloc convert --repair .* repaired\.mcap`"):
        BagSource(tmp_path / "bag")
    found = repair_mcap(tmp_path / "bag", tmp_path / "repaired.mcap")  # the folder of one file will do
    saved = BagSource(tmp_path / "repaired.mcap")
    chunks = list(saved.chunks())
    assert 10 < len(chunks) < 60
    assert np.array_equal(
        np.concatenate([c.samples for c in chunks]), small_scene.read_audio()[: 320 * len(chunks)]
    )
    assert saved.truth == small_scene.truth
    assert found.messages == sum(1 for _ in read_messages(tmp_path / "repaired.mcap"))
    (tmp_path / "empty").mkdir()
    for none in (tmp_path / "empty", tmp_path / "none.mcap"):
        with pytest.raises(InputError, match="name the one that was cut off|no mcap file at"):
            repair_mcap(none, tmp_path / "again.mcap")
    with pytest.raises(InputError, match="nothing to repair"):
        repair_mcap(tmp_path / "repaired.mcap", tmp_path / "again.mcap")


def test_a_bag_of_a_killed_recorder(scene_bag, small_scene, tmp_path):
    """Without metadata.yaml the storage file is read itself."""
    killed = tmp_path / "killed"
    shutil.copytree(scene_bag, killed)
    (killed / "metadata.yaml").unlink()
    source = open_source(killed)
    assert sum(isinstance(item, AudioChunk) for item in source) == 60
    assert source.truth == small_scene.truth


def test_empty_missing_and_other_bags(tmp_path):
    with BagWriter(tmp_path / "empty") as writer:
        writer.add_topic("/audio", "avloc_ros/msg/AudioFrame")
    with pytest.raises(InputError, match="without messages"):
        BagSource(tmp_path / "empty")
    with BagWriter(tmp_path / "text") as writer:
        writer.add_topic("/words", "std_msgs/msg/String")
        writer.write_fields("/words", NS, {"data": "hello"})
    with pytest.raises(InputError, match=r"neither sound nor pictures; it has /words"):
        BagSource(tmp_path / "text")
    with pytest.raises(InputError, match="no bag at"):
        BagSource(tmp_path / "nowhere")
    (tmp_path / "x.mcap").write_bytes(b"nothing of the kind")
    with pytest.raises(InputError, match=r"x\.mcap cannot be read as a bag"):
        BagSource(tmp_path / "x.mcap")


def test_a_wrong_sound_encoding_in_a_bag_is_named(tmp_path):
    with BagWriter(tmp_path / "b") as writer:
        writer.add_topic("/audio", "avloc_ros/msg/AudioFrame")
        fields = {"encoding": "MULAW", "sample_rate": 8000, "channels": 1, "frames": 4, "data": bytes(4)}
        writer.write_fields("/audio", NS, {"header": header_fields(NS, ""), **fields})
    with pytest.raises(InputError, match=r"'MULAW' is not known.*S16LE"):
        BagSource(tmp_path / "b")


def test_the_writer_refuses_in_words(tmp_path):
    writer = BagWriter(tmp_path / "b")
    with pytest.raises(InputError, match="was not added"):
        writer.write("/a", 1, b"")
    with pytest.raises(InputError, match="is not known"):
        writer.add_topic("/a", "no_such_msgs/msg/Thing")
    writer.add_topic("/a", "std_msgs/msg/String")
    with pytest.raises(InputError, match="has no field datum"):
        writer.write_fields("/a", 1, {"datum": ""})
    writer.close()
    writer.close()
    with pytest.raises(InputError, match="exists already"):
        RawBagWriter(tmp_path / "b")
    with pytest.raises(InputError, match="mcap, sqlite3"):
        RawBagWriter(tmp_path / "c", "zip")
