"""A process that sends every message back, and the measurement that uses it: does DDS work, and how fast.

Run as a module it is the echo; `measure_round_trip_ms` is the other end.
"""

from __future__ import annotations

import os
import signal
import threading
import time

import rclpy
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.signals import SignalHandlerOptions
from std_msgs.msg import UInt64

QUESTION, ANSWER = "avloc_echo/question", "avloc_echo/answer"


def measure_round_trip_ms(count: int, timeout_s: float) -> list[float]:
    """Milliseconds of `count` round trips to the echo process; fewer, or none, where answers stay out."""
    context = Context()
    rclpy.init(context=context)
    node = Node(f"avloc_round_trip_{os.getpid()}", context=context)
    executor = SingleThreadedExecutor(context=context)
    executor.add_node(node)
    answered: dict[int, float] = {}

    def note(message: UInt64) -> None:
        answered.setdefault(message.data, time.monotonic())

    node.create_subscription(UInt64, ANSWER, note, 10)
    publisher = node.create_publisher(UInt64, QUESTION, 10)
    times_ms: list[float] = []
    deadline = time.monotonic() + timeout_s
    try:
        for number in range(10_000):
            sent = time.monotonic()
            if len(times_ms) >= count or sent > deadline:
                break
            publisher.publish(UInt64(data=number))
            while number not in answered and time.monotonic() < min(sent + 0.25, deadline):
                executor.spin_once(timeout_sec=0.05)
            if number in answered:
                times_ms.append((answered[number] - sent) * 1e3)
    finally:
        executor.shutdown()
        node.destroy_node()
        rclpy.shutdown(context=context)
    return times_ms


def main() -> None:
    """Echo until SIGINT or SIGTERM."""
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    context = Context()
    rclpy.init(context=context, signal_handler_options=SignalHandlerOptions.NO)
    node = Node(f"avloc_echo_{os.getpid()}", context=context)
    executor = SingleThreadedExecutor(context=context)
    executor.add_node(node)
    publisher = node.create_publisher(UInt64, ANSWER, 10)
    node.create_subscription(UInt64, QUESTION, publisher.publish, 10)
    while not stop.is_set():
        executor.spin_once(timeout_sec=0.05)
    executor.shutdown()
    node.destroy_node()
    rclpy.shutdown(context=context)


if __name__ == "__main__":
    main()
