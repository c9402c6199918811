"""What the tests of the stand-ins share. They use official names only, so they also run against the real packages."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pytest
import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node


@pytest.fixture
def node() -> Iterator[Node]:
    """A node in the default context: a listener's own thread spins there."""
    started_here = not rclpy.ok()
    if started_here:
        rclpy.init(domain_id=97)
    node = Node("standins_test")
    yield node
    node.destroy_node()
    if started_here:
        rclpy.shutdown()


@pytest.fixture
def spin_until(node: Node) -> Iterator[Callable[[Callable[[], bool]], None]]:
    """Spins the node until something holds, for 10 s at most."""
    executor = SingleThreadedExecutor()
    executor.add_node(node)

    def spin(condition: Callable[[], bool]) -> None:
        deadline_s = time.monotonic() + 10.0
        while not condition():
            assert time.monotonic() < deadline_s, "waited 10 s in vain"
            executor.spin_once(timeout_sec=0.05)

    yield spin
    executor.shutdown()
