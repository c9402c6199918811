"""Checks one install of avloc_ros: both halves come from it, a message makes its round, and a node answers.

Usage: python .ci/check_install.py PREFIX
"""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import rclpy
from lifecycle_msgs.srv import GetState
from rclpy.node import Node

import avloc_ros
from avloc_ros.msg import SpeakerArray

NODE = "attention"
PATIENCE_S = 30.0


def check_round_trip(node: Node) -> None:
    """Publishes until the message comes back."""
    received: list[SpeakerArray] = []
    node.create_subscription(SpeakerArray, "round_trip", received.append, 10)
    publisher = node.create_publisher(SpeakerArray, "round_trip", 10)
    deadline_s = time.monotonic() + PATIENCE_S
    while not received and time.monotonic() < deadline_s:
        publisher.publish(SpeakerArray())
        rclpy.spin_once(node, timeout_sec=0.1)
    if not received:
        raise SystemExit("no SpeakerArray came back")


def check_node(node: Node, executable: Path) -> None:
    """Starts the executable and asks its lifecycle state."""
    with subprocess.Popen([executable]) as process:
        try:
            client = node.create_client(GetState, f"{NODE}/get_state")
            if not client.wait_for_service(timeout_sec=PATIENCE_S):
                raise SystemExit(f"{executable} does not answer")
            answer = client.call_async(GetState.Request())
            rclpy.spin_until_future_complete(node, answer, timeout_sec=PATIENCE_S)
            print(f"{executable}: {answer.result().current_state.label}")
        finally:
            process.terminate()


def main() -> None:
    prefix = Path(sys.argv[1]).absolute()
    for half in (avloc_ros.__file__, sys.modules["avloc_ros.msg"].__file__):
        if not Path(half).absolute().is_relative_to(prefix):
            raise SystemExit(f"{half} is not from {prefix}")
    rclpy.init()
    node = Node("check_install")
    check_round_trip(node)
    print(f"avloc_ros of {prefix}: SpeakerArray came back over DDS")
    if (Path(avloc_ros.__file__).parent / "nodes" / f"{NODE}.py").exists():
        check_node(node, prefix / "lib" / "avloc_ros" / NODE)
    node.destroy_node()
    rclpy.shutdown()


if __name__ == "__main__":
    main()
