"""Looks at the system that runs now: our topics, the transform between array and camera, and what nodes complain of."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field

import rclpy
import tf2_ros
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.time import Time

OUR_TYPES = "avloc_ros/msg/"


@dataclass
class GraphView:
    """Topics of our message types by name, the transform that is missing ("" if none), complaints by node."""

    topics: dict[str, str] = field(default_factory=dict)
    missing_transform: str = ""
    complaints: dict[str, str] = field(default_factory=dict)


def look_around(
    duration_s: float, clock: Callable[[], float], array_frame: str = "microphone_array", camera_frame: str = "camera"
) -> GraphView:
    """Listen for `duration_s` and report. An empty view means that no system of ours runs in this domain."""
    context = Context()
    rclpy.init(context=context)
    node = Node(f"avloc_graph_probe_{os.getpid()}", context=context)
    executor = SingleThreadedExecutor(context=context)
    executor.add_node(node)
    view = GraphView()
    node.create_subscription(DiagnosticArray, "/diagnostics", lambda m: note_complaints(view, m), 10)
    buffer = tf2_ros.Buffer()
    listener = tf2_ros.TransformListener(buffer, node)
    end = clock() + duration_s
    try:
        while clock() < end:
            executor.spin_once(timeout_sec=0.1)
        names = node.get_topic_names_and_types()
        view.topics = {name: kinds[0] for name, kinds in names if kinds[0].startswith(OUR_TYPES)}
        if view.topics and not buffer.can_transform(array_frame, camera_frame, Time()):
            view.missing_transform = f"no transform from '{camera_frame}' to '{array_frame}'"
    finally:
        del listener
        executor.shutdown()
        node.destroy_node()
        rclpy.shutdown(context=context)
    return view


def note_complaints(view: GraphView, message: DiagnosticArray) -> None:
    """Keep the newest word of every node that is not well; forget it when the node is well again."""
    for status in message.status:
        if status.level in (DiagnosticStatus.OK, bytes([0])):
            view.complaints.pop(status.name, None)
        else:
            view.complaints[status.name] = status.message
