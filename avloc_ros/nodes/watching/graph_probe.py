"""Looks at the system that runs now: our topics, the transform between array and camera, and what nodes complain of."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import rclpy
import tf2_ros
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.time import Time
from sensor_msgs.msg import CameraInfo

from avloc_ros.msg import MicrophoneArray, SpeakerArray
from avloc_ros.nodes.messages.quality_of_service import image_quality, latched_quality, result_quality

OUR_TYPES = "avloc_ros/msg/"


@dataclass
class GraphView:
    """Topics of our message types by name, the transform that is missing ("" if none), complaints by node."""

    topics: dict[str, str] = field(default_factory=dict)
    missing_transform: str = ""
    complaints: dict[str, str] = field(default_factory=dict)


class FrameNames:
    """The frames of microphone array and camera as this robot names them: those of the messages on any topic."""

    def __init__(self, node: Node) -> None:
        self.array = ""
        self.cameras: set[str] = set()  # there may be more than one camera; ours is one of them
        self._node = node
        self._heard: dict[str, Any] = {}

    def look(self) -> None:
        """Listen to those topics that are new on the graph."""
        for name, kinds in self._node.get_topic_names_and_types():
            if name in self._heard:
                continue
            if kinds[0] == "avloc_ros/msg/MicrophoneArray":
                self._heard[name] = self._node.create_subscription(MicrophoneArray, name, self._on_array, latched_quality())
            elif kinds[0] == "sensor_msgs/msg/CameraInfo":
                self._heard[name] = self._node.create_subscription(CameraInfo, name, self._on_camera, image_quality())
            elif kinds[0] == "avloc_ros/msg/SpeakerArray":  # where the array comes from a file, no topic tells it
                self._heard[name] = self._node.create_subscription(SpeakerArray, name, self._on_array, result_quality())

    def _on_array(self, message: Any) -> None:
        self.array = message.header.frame_id or self.array

    def _on_camera(self, message: CameraInfo) -> None:
        if message.header.frame_id:
            self.cameras.add(message.header.frame_id)


def look_around(duration_s: float, clock: Callable[[], float]) -> GraphView:
    """Listen for `duration_s` and report. An empty view means that no system of ours runs in this domain."""
    context = Context()
    rclpy.init(context=context)
    node = Node(f"avloc_graph_probe_{os.getpid()}", context=context)
    executor = SingleThreadedExecutor(context=context)
    executor.add_node(node)
    view = GraphView()
    node.create_subscription(DiagnosticArray, "/diagnostics", lambda m: note_complaints(view, m), 10)
    buffer = tf2_ros.Buffer()
    frames = FrameNames(node)
    listener = tf2_ros.TransformListener(buffer, node)
    end = clock() + duration_s
    try:
        while clock() < end:
            executor.spin_once(timeout_sec=0.1)
            frames.look()
        names = node.get_topic_names_and_types()
        view.topics = {name: kinds[0] for name, kinds in names if kinds[0].startswith(OUR_TYPES)}
        if view.topics:
            view.missing_transform = missing_transform(buffer, frames)
    finally:
        del listener
        executor.shutdown()
        node.destroy_node()
        rclpy.shutdown(context=context)
    return view


def missing_transform(buffer: tf2_ros.Buffer, frames: FrameNames) -> str:
    """What is missing between the array and every camera that is heard; "" where one is connected, or none is there."""
    if not frames.array or not frames.cameras:
        return ""
    if any(buffer.can_transform(frames.array, camera, Time()) for camera in frames.cameras):
        return ""
    return f"no transform from '{', '.join(sorted(frames.cameras))}' to '{frames.array}'"


def note_complaints(view: GraphView, message: DiagnosticArray) -> None:
    """Keep the newest word of every node that is not well; forget it when the node is well again."""
    for status in message.status:
        if status.level in (DiagnosticStatus.OK, bytes([0])):
            view.complaints.pop(status.name, None)
        else:
            view.complaints[status.name] = status.message
