"""rosbag2 bags (mcap and sqlite3) as a stream, read without ROS."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from avloc_ros.geometry import CameraModel
from avloc_ros.microphone_array import MicrophoneArray
from avloc_ros.sources.adapters import AudioInfo, adapter_for, info_of
from avloc_ros.sources.audio_encoding import decode_samples
from avloc_ros.sources.bags.bag_geometry import FrameTree, array_of_message, camera_of_info
from avloc_ros.sources.bags.bag_repair import unfinished_mcap_words
from avloc_ros.sources.bags.bag_types import (
    AUDIO_FRAME,
    CAMERA_INFO,
    COMPRESSED_IMAGE,
    IMAGE,
    MICROPHONE_ARRAY,
    STRING,
    TRANSFORMS,
    message_types,
    stamp_of_message,
)
from avloc_ros.sources.bags.bag_writer import BagWriter, RawBagWriter
from avloc_ros.sources.picture_message import picture_of_compressed, picture_of_image
from avloc_ros.sources.stream import merge_by_stamp
from avloc_ros.sources.sync.audio_placement import PacketCounter
from avloc_ros.sources.truth import TruthRow, parse_truth
from avloc_ros.types import AudioChunk, InputError, VideoFrame

__all__ = ["BagSource", "BagWriter", "RawBagWriter", "read_messages", "read_pictures"]

FOREIGN_AUDIO = (
    "audio_utils_msgs/msg/AudioFrame",
    "audio_common_msgs/msg/AudioDataStamped",
    "audio_common_msgs/msg/AudioStamped",
    "foxglove_msgs/msg/RawAudio",
)
AUDIO_INFO = "audio_common_msgs/msg/AudioInfo"
TRUTH_TOPIC = "truth"
DEFAULT_FPS = 25.0
NS = 1_000_000_000


@contextmanager
def open_reader(path: str | Path) -> Iterator[Any]:
    """A `rosbags` AnyReader of a bag folder or file. Raises InputError, saying what is wrong with the bag."""
    default_types = message_types()
    from rosbags.highlevel import AnyReader, AnyReaderError

    path = Path(path)
    if not path.exists():
        raise InputError(f"no bag at {path}")
    reader = None
    try:
        reader = AnyReader([_storage(path)], default_typestore=default_types)
        reader.open()
    except (AnyReaderError, OSError, ValueError, KeyError, TypeError, AssertionError) as error:
        raise InputError(f"{path} cannot be read as a bag: {error}{unfinished_mcap_words(path)}") from error
    try:
        yield reader
    finally:
        reader.close()


def read_messages(path: str | Path, topics: tuple[str, ...] = ()) -> Iterator[tuple[str, int, Any]]:
    """(topic, receive time in ns, message) of some topics, or all. Raises InputError where it breaks off."""
    with open_reader(path) as reader:
        chosen = [item for item in reader.connections if not topics or item.topic in topics]
        if topics and not chosen:
            raise InputError(f"{path} has no topic {' or '.join(topics)}; it has {_listed(reader)}")
        yield from _messages(path, reader, chosen)


def read_pictures(path: str | Path, topic: str) -> Iterator[VideoFrame]:
    """The pictures of an Image or CompressedImage topic, with their capture stamps."""
    with open_reader(path) as reader:
        chosen = [item for item in reader.connections if item.topic.strip("/") == topic.strip("/")]
        if not chosen:
            raise InputError(f"{path} has no topic {topic}; it has {_listed(reader)}")
        if chosen[0].msgtype not in (IMAGE, COMPRESSED_IMAGE):
            raise InputError(f"{path}: topic {topic} holds {chosen[0].msgtype}, not pictures")
        read = picture_of_image if chosen[0].msgtype == IMAGE else picture_of_compressed
        for _, _, message in _messages(path, reader, chosen):
            yield VideoFrame(stamp_of_message(message), read(message), message.header.frame_id or "camera")


class BagSource:
    """A bag as a stream. Topics are found by type (the shortest name of several) unless they are given.

    array, camera: from microphone_array, camera_info and TF in the bag, unless given. truth, scene_json: what
    scene_to_bag stored, else empty. start_ns: capture time of t = 0 of the truth, or the first stamp.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        audio_topic: str = "",
        image_topic: str = "",
        array: MicrophoneArray | None = None,
        camera: CameraModel | None = None,
    ) -> None:
        self.path = Path(path)
        self.name = self.path.resolve().stem
        self.scene_json: dict[str, Any] = {}
        self.truth: tuple[TruthRow, ...] = ()
        self._truth_start_ns: int | None = None
        self._info: AudioInfo | None = None
        with open_reader(path) as reader:
            if not any(item.msgcount for item in reader.connections):
                raise InputError(f"{path} is a bag without messages")
            self._audio = _choose(path, reader, (AUDIO_FRAME, *FOREIGN_AUDIO), audio_topic)
            self._images = _choose(path, reader, (IMAGE, COMPRESSED_IMAGE), image_topic)
            if self._audio is None and self._images is None:
                raise InputError(f"{path} has neither sound nor pictures; it has {_listed(reader)}")
            self._tree = FrameTree()
            self.array, self.camera = array, camera
            self._read_facts(reader)
        self._measure()

    def __iter__(self) -> Iterator[AudioChunk | VideoFrame]:
        return merge_by_stamp(self.chunks(), self.frames())

    def chunks(self) -> Iterator[AudioChunk]:
        """The sound alone, in the order of arrival."""
        if self._audio is None:
            return
        counter = PacketCounter()  # messages of other packages have no sample index
        for _, _, message in read_messages(self.path, (self._audio[0],)):
            chunk = counter.count(self._chunk(message))
            if chunk is not None:
                yield chunk

    def frames(self) -> Iterator[VideoFrame]:
        """The pictures alone, in the order of arrival."""
        if self._images is not None:
            yield from read_pictures(self.path, self._images[0])

    def close(self) -> None:
        """Nothing stays open between iterations."""

    def _chunk(self, message: Any) -> AudioChunk:
        if self._audio is not None and self._audio[1] != AUDIO_FRAME:
            return adapter_for(message)(message, self._info)
        samples = decode_samples(message.data, message.encoding, int(message.channels), int(message.frames))
        frame_id = message.header.frame_id or "microphone_array"
        index, rate = int(message.first_sample_index), int(message.sample_rate)
        return AudioChunk(stamp_of_message(message), index, samples, rate, frame_id)

    def _read_facts(self, reader: Any) -> None:
        """Geometry and truth: small topics, read once."""
        wanted = (MICROPHONE_ARRAY, CAMERA_INFO, TRANSFORMS, AUDIO_INFO, STRING)
        found_array: MicrophoneArray | None = None
        found_camera: CameraModel | None = None
        chosen = [item for item in reader.connections if item.msgtype in wanted]
        for connection, _, message in _messages(self.path, reader, chosen):
            kind = connection.msgtype
            if kind == MICROPHONE_ARRAY:
                found_array = array_of_message(message)
            elif kind == CAMERA_INFO and found_camera is None:
                found_camera = camera_of_info(message)
            elif kind == TRANSFORMS:
                self._tree.add(message.transforms)
            elif kind == AUDIO_INFO:
                self._info = info_of(message)
            elif kind == STRING and connection.topic.strip("/").split("/")[-1] == TRUTH_TOPIC:
                self._read_truth(message.data)
        self.array = self.array or found_array
        if self.camera is None and found_camera is not None:
            array_frame = self.array.frame_id if self.array is not None else "microphone_array"
            # a bag without TF: the camera is taken to sit at the array, looking ahead
            self.camera = self._tree.mounted(found_camera, array_frame) or found_camera

    def _read_truth(self, text: str) -> None:
        try:
            content = json.loads(text)
            self.scene_json, self._truth_start_ns = content["scene"], int(content["start_ns"])
            self.truth = (
                parse_truth(content["truth"], f"{self.path}: topic truth") if content["truth"] else ()
            )
        except (ValueError, KeyError, TypeError) as error:
            raise InputError(f"{self.path}: topic truth is not as scene_to_bag writes it: {error}") from error

    def _measure(self) -> None:
        """Rate, frame rate, start and length, from the first and the last messages."""
        first = next(self.chunks(), None)
        self.sample_rate_hz = first.sample_rate_hz if first else 0
        with open_reader(self.path) as reader:
            self.duration_s: float | None = reader.duration / NS
            stamps, count = self._picture_span(reader)
        self.fps = 0.0
        if stamps:
            # one picture says nothing about the rate
            self.fps = (count - 1) / ((stamps[1] - stamps[0]) / NS) if stamps[1] > stamps[0] else DEFAULT_FPS
            self.fps = float(self.scene_json.get("fps", self.fps))
        starts = [*([first.stamp_ns] if first else []), *stamps[:1]]
        self.start_ns = min(starts) if self._truth_start_ns is None else self._truth_start_ns

    def _picture_span(self, reader: Any) -> tuple[list[int], int]:
        """(first and last stamp, number) of the pictures, without reading those between."""
        if self._images is None:
            return [], 0
        chosen = [item for item in reader.connections if item.topic == self._images[0]]
        first = next(_messages(self.path, reader, chosen))
        for span_ns in (2 * NS, None):  # the last pictures, or all where the camera stopped early
            start = None if span_ns is None else max(0, reader.end_time - span_ns)
            newest = deque(_messages(self.path, reader, chosen, start), maxlen=1)
            if newest:
                stamps = [stamp_of_message(message) for _, _, message in (first, newest[0])]
                return stamps, sum(item.msgcount for item in chosen)
        return [], 0


def _storage(path: Path) -> Path:
    """The bag folder, or its only file where the recorder was killed before it wrote metadata.yaml."""
    if path.is_dir() and not (path / "metadata.yaml").is_file():
        files = sorted(item for item in path.iterdir() if item.suffix in (".mcap", ".db3"))
        if len(files) != 1:
            raise InputError(
                f"{path} has no metadata.yaml and {len(files)} storage files: run `ros2 bag reindex {path}`"
            )
        return files[0]
    return path


def _choose(path: str | Path, reader: Any, kinds: tuple[str, ...], topic: str) -> tuple[str, str] | None:
    """(topic, type) of the stream to read."""
    fitting = [item for item in reader.connections if item.msgtype in kinds and item.msgcount]
    if topic:
        named = [item for item in fitting if item.topic.strip("/") == topic.strip("/")]
        if not named:
            raise InputError(
                f"{path}: topic {topic} holds none of {', '.join(kinds)}; the bag has {_listed(reader)}"
            )
        return named[0].topic, named[0].msgtype
    # an overlay is a picture too, but drawn by us: the camera's own comes first
    fitting.sort(
        key=lambda item: ("overlay" in item.topic, kinds.index(item.msgtype), len(item.topic), item.topic)
    )
    return (fitting[0].topic, fitting[0].msgtype) if fitting else None


def _messages(
    path: str | Path, reader: Any, connections: list[Any], start_ns: int | None = None
) -> Iterator[tuple[Any, int, Any]]:
    if not connections:
        return
    count = 0
    try:
        for connection, receive_ns, data in reader.messages(connections, start=start_ns):
            yield connection, receive_ns, reader.deserialize(data, connection.msgtype)
            count += 1
    except InputError:
        raise
    except Exception as error:  # rosbags lets errors of zstd, struct, sqlite and its own types through
        topics = ", ".join(sorted({item.topic for item in connections}))
        raise InputError(f"{path} breaks off after {count} messages of {topics}: {error}") from error


def _listed(reader: Any) -> str:
    found = [f"{item.topic} ({item.msgtype}, {item.msgcount})" for item in reader.connections]
    return ", ".join(found) or "no topics"
