"""What DDS costs per message of our kinds: from publish() to the subscriber's callback, in one process and in two.

Run as a module it is the sending end of the two-process case.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from array import array
from collections.abc import Callable
from typing import Any

import rclpy
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.qos import HistoryPolicy, QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import Image

from avloc_ros.msg import AudioFrame, SpeakerGrid

TOPIC = "avloc_transport"
PERIOD_S = 0.04


def image_message() -> Image:
    """A 720x450 colour picture, as a camera driver publishes it."""
    return Image(height=450, width=720, encoding="bgr8", step=2160, data=array("B", bytes(450 * 2160)))


def audio_message() -> AudioFrame:
    """40 ms of 6 channels at 48 kHz."""
    message = AudioFrame(encoding="S16LE", sample_rate=48_000, channels=6, frames=1920)
    message.data = array("B", bytes(1920 * 6 * 2))
    return message


def grid_message() -> SpeakerGrid:
    """A 20 x 24 image grid."""
    return SpeakerGrid(rows=20, cols=24, probability=array("f", [0.0] * 480))


KINDS: dict[str, tuple[type, Callable[[], Any], ReliabilityPolicy]] = {
    "image_720x450": (Image, image_message, ReliabilityPolicy.BEST_EFFORT),
    "audio_6ch_40ms": (AudioFrame, audio_message, ReliabilityPolicy.RELIABLE),
    "speaker_grid_20x24": (SpeakerGrid, grid_message, ReliabilityPolicy.RELIABLE),
}


def quality(reliability: ReliabilityPolicy) -> QoSProfile:
    """Depth 5, as the nodes use for pictures."""
    return QoSProfile(history=HistoryPolicy.KEEP_LAST, depth=5, reliability=reliability)


def transport_ms(kind: str, count: int, two_processes: bool) -> tuple[list[float], int]:
    """Milliseconds from publish to callback for each message that came, and how many were sent."""
    message_type, make, reliability = KINDS[kind]
    context = Context()
    rclpy.init(context=context)
    node = Node(f"avloc_transport_{os.getpid()}", context=context)
    executor = SingleThreadedExecutor(context=context)
    executor.add_node(node)
    times_ms: list[float] = []

    def receive(message: Any) -> None:
        sent_s = message.header.stamp.sec + message.header.stamp.nanosec * 1e-9
        times_ms.append((time.time() - sent_s) * 1e3)

    node.create_subscription(message_type, TOPIC, receive, quality(reliability))
    try:
        if two_processes:
            receive_from_child(executor, kind, count, times_ms)
        else:
            publisher: Any = node.create_publisher(message_type, TOPIC, quality(reliability))
            message = make()
            for _ in range(count):
                send_and_spin(publisher, message, executor)
    finally:
        executor.shutdown()
        node.destroy_node()
        rclpy.shutdown(context=context)
    return times_ms, count


def send_and_spin(publisher: Any, message: Any, executor: SingleThreadedExecutor) -> None:
    """Publish with the present time and serve callbacks until the next frame is due."""
    due = time.monotonic() + PERIOD_S
    stamp(message)
    publisher.publish(message)
    while (left := due - time.monotonic()) > 0:
        executor.spin_once(timeout_sec=left)


def receive_from_child(executor: SingleThreadedExecutor, kind: str, count: int, times_ms: list[float]) -> None:
    """Start the sending end and listen until it ends."""
    environment = {key: value for key, value in os.environ.items() if key != "_ROS_WHEELS_BOOTSTRAP_COMPLETE"}
    command = [sys.executable, "-m", "avloc_ros.nodes.watching.transport_probe", kind, str(count)]
    child = subprocess.Popen(command, env=environment)
    try:
        end = time.monotonic() + count * PERIOD_S + 20
        while child.poll() is None and time.monotonic() < end:
            executor.spin_once(timeout_sec=0.05)
    finally:
        child.terminate()
        child.wait(5)


def stamp(message: Any) -> None:
    """Write the wall clock into the header: both ends run on one machine."""
    now_ns = time.time_ns()
    message.header.stamp.sec, message.header.stamp.nanosec = divmod(now_ns, 1_000_000_000)


def main() -> None:
    """Wait for the subscriber, then send `count` messages of a kind at 25 Hz."""
    kind, count = sys.argv[1], int(sys.argv[2])
    message_type, make, reliability = KINDS[kind]
    rclpy.init()
    node = Node(f"avloc_transport_sender_{os.getpid()}")
    publisher: Any = node.create_publisher(message_type, TOPIC, quality(reliability))
    give_up = time.monotonic() + 10
    while publisher.get_subscription_count() == 0 and time.monotonic() < give_up:
        time.sleep(0.02)
    time.sleep(0.2)  # the match is known here before the subscriber's side is ready
    message = make()
    for _ in range(count):
        stamp(message)
        publisher.publish(message)
        time.sleep(PERIOD_S)
    node.destroy_node()
    rclpy.try_shutdown()


if __name__ == "__main__":
    main()
