"""`avloc record`: write the running system's topics into an mcap bag, without the rosbag2 tools."""

from __future__ import annotations

import argparse
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.live import Live
from rich.table import Table

from avloc_ros.cli.console import console, error_console
from avloc_ros.types import InputError

LOOK_FOR_TOPICS_EVERY_S = 1.0


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `avloc record`."""
    parser = subparsers.add_parser("record", help="record topics into an mcap bag (pictures as JPEG)")
    parser.add_argument("--out", type=Path, required=True, help="folder of the new bag")
    parser.add_argument("--topics", nargs="*", default=[], help="full topic names, /robot/speakers; default: all")
    parser.add_argument("--duration", type=float, default=0.0, metavar="S", help="stop after S seconds; 0: at Ctrl-C")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Record until the duration is over or Ctrl-C. Raises InputError where the folder exists."""
    if not options.duration >= 0:
        raise InputError(f"--duration is {options.duration}, need seconds, or 0 to record until Ctrl-C")
    if options.out.exists():
        raise InputError(f"{options.out} exists: name a new folder, bags are never overwritten")
    import rclpy
    from rclpy.signals import SignalHandlerOptions

    from avloc_ros.nodes.base.compose import stop_on_signals
    from avloc_ros.nodes.base.dds import use_shared_memory_profile
    from avloc_ros.nodes.recorder import Recorder, discover_topics

    wanted = tuple(topic if topic.startswith("/") else f"/{topic}" for topic in options.topics)
    use_shared_memory_profile()
    stop = threading.Event()
    restore = stop_on_signals(stop)  # the usual way to end a recording; a terminal and launch may both send it
    rclpy.init(signal_handler_options=SignalHandlerOptions.NO)
    node = rclpy.create_node("avloc_record")
    recorder = Recorder(node, options.out)
    end = time.monotonic() + options.duration if options.duration > 0 else float("inf")
    next_look = 0.0
    try:
        with Live(console=error_console, refresh_per_second=4) as live:
            while time.monotonic() < end and not stop.is_set():
                if time.monotonic() >= next_look:
                    for topic in discover_topics(node, wanted):
                        recorder.add(topic)
                    next_look = time.monotonic() + LOOK_FOR_TOPICS_EVERY_S
                    live.update(counts_table(recorder.counts))
                rclpy.spin_once(node, timeout_sec=0.05)
    finally:
        counts = recorder.close()
        node.destroy_node()
        rclpy.try_shutdown()
        restore()
    console.print(f"{sum(counts.values())} messages on {len(counts)} topics in {options.out}")
    missing = what_did_not_come(wanted, counts)
    if missing:
        error_console.print(f"{missing}: `avloc doctor --only graph` shows what runs here", soft_wrap=True)
    return 0


def counts_table(counts: dict[str, int]) -> Table:
    """Messages per topic so far."""
    table = Table("topic", "messages", title="recording, Ctrl-C to stop")
    for name, count in sorted(counts.items()):
        table.add_row(name, str(count))
    return table


def what_did_not_come(wanted: Sequence[str], counts: Mapping[str, int]) -> str:
    """In words, which of the topics that were asked for gave nothing, or that there was no topic at all; "" where all is well.

    counts: messages by the topic's name in the bag, where a picture's ends in /compressed.
    """
    if not wanted:
        return "" if counts else "nobody publishes anything in this ROS domain"
    silent = [name for name in wanted if not counts.get(name) and not counts.get(f"{name}/compressed")]
    return f"nothing came on {', '.join(silent)}" if silent else ""
