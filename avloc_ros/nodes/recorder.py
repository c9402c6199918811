"""Writes every topic it is told of into an mcap bag as it arrives; pictures as JPEG, so that the bag stays small."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, HistoryPolicy, QoSProfile, ReliabilityPolicy
from rclpy.serialization import serialize_message
from sensor_msgs.msg import CompressedImage, Image

from avloc_ros.nodes.messages.conversions import image_from_message
from avloc_ros.nodes.messages.message_types import message_class
from avloc_ros.sources.bags.bag import RawBagWriter
from avloc_ros.types import InputError


@dataclass(frozen=True)
class RecordedTopic:
    """A topic's name and ROS type, e.g. avloc_ros/msg/SpeakerArray."""

    name: str
    type_name: str


def discover_topics(node: Node, wanted: tuple[str, ...] = ()) -> list[RecordedTopic]:
    """Topics that somebody publishes now: those in `wanted`, or all but parameter and log traffic.

    A topic that only has subscribers is left for later: its publisher decides whether it is latched.
    """
    found = []
    for name, kinds in node.get_topic_names_and_types():
        hidden = name.endswith(("/transition_event",)) or name in ("/rosout", "/parameter_events")
        if ((name in wanted) if wanted else not hidden) and node.count_publishers(name):
            found.append(RecordedTopic(name, kinds[0]))
    return found


class Recorder:
    """Subscribes on `node` and writes to `path`; `counts` says how many messages each topic has given.

    A topic that cannot be recorded (its package is not installed here, a picture has no JPEG) is named once in the log
    and left out; the recording goes on.
    """

    def __init__(self, node: Node, path: Path, jpeg_quality: int = 90) -> None:
        self._node = node
        self._writer = RawBagWriter(path)
        self._lock = threading.Lock()
        self._quality = jpeg_quality
        self._subscriptions: dict[str, Any] = {}
        self.counts: dict[str, int] = {}
        self.left_out: dict[str, str] = {}  # topic: why

    def add(self, topic: RecordedTopic) -> None:
        """Start recording a topic; a second call for the same name changes nothing."""
        if topic.name in self._subscriptions or topic.name in self.left_out:
            return
        try:
            self._subscribe(topic, message_class(topic.type_name))
        except (InputError, ImportError) as error:
            self._leave_out(topic.name, error)

    def close(self) -> dict[str, int]:
        """Stop and finish the bag; returns the number of messages per topic."""
        for subscription in self._subscriptions.values():
            self._node.destroy_subscription(subscription)
        self._subscriptions.clear()
        with self._lock:
            self._writer.close()
        return dict(self.counts)

    def _subscribe(self, topic: RecordedTopic, message_type: Any) -> None:
        is_image = message_type is Image
        quality = matching_quality(self._node, topic.name, is_image)
        latched = quality.durability == DurabilityPolicy.TRANSIENT_LOCAL
        bag_name = f"{topic.name}/compressed" if is_image else topic.name
        bag_type = "sensor_msgs/msg/CompressedImage" if is_image else topic.type_name
        self._writer.add_topic(bag_name, bag_type, latched)
        self.counts[bag_name] = 0

        def write(message: Any) -> None:
            try:
                self._write(bag_name, self._as_jpeg(message) if is_image else bytes(message))
            except InputError as error:  # a picture of depths, say
                self._leave_out(topic.name, error)

        self._subscriptions[topic.name] = self._node.create_subscription(
            message_type, topic.name, write, quality, raw=not is_image
        )

    def _leave_out(self, name: str, error: Exception) -> None:
        if name not in self.left_out:
            self.left_out[name] = str(error)
            self._node.get_logger().warning(f"{name} is not recorded: {error}")

    def _write(self, name: str, data: bytes) -> None:
        with self._lock:
            if not self._writer.is_open:
                return  # a message that was on its way to its callback when the recording ended
            self._writer.write(name, self._node.get_clock().now().nanoseconds, data)
            self.counts[name] += 1

    def _as_jpeg(self, message: Image) -> bytes:
        frame = image_from_message(message)
        _, encoded = cv2.imencode(".jpg", frame.image, [cv2.IMWRITE_JPEG_QUALITY, self._quality])
        compressed = CompressedImage(header=message.header, format="bgr8; jpeg compressed bgr8")
        compressed.data.frombytes(encoded.tobytes())
        return bytes(serialize_message(compressed))


def matching_quality(node: Node, topic: str, is_image: bool) -> QoSProfile:
    """The strictest quality of service that every present publisher of the topic can serve."""
    offered = [info.qos_profile for info in node.get_publishers_info_by_topic(topic)]
    reliable = not is_image and all(quality.reliability == ReliabilityPolicy.RELIABLE for quality in offered)
    latched = bool(offered) and all(
        quality.durability == DurabilityPolicy.TRANSIENT_LOCAL for quality in offered
    )
    return QoSProfile(
        history=HistoryPolicy.KEEP_LAST,
        depth=5 if is_image else 200,
        reliability=ReliabilityPolicy.RELIABLE if reliable else ReliabilityPolicy.BEST_EFFORT,
        durability=DurabilityPolicy.TRANSIENT_LOCAL if latched else DurabilityPolicy.VOLATILE,
    )
