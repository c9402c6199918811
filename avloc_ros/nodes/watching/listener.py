"""Listens to a running pipeline from outside: records its topics, keeps its speakers, knows when the stream began."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

import rclpy
from rclpy.context import Context
from rclpy.node import Node
from sensor_msgs.msg import CameraInfo

from avloc_ros.msg import AudioFrame
from avloc_ros.nodes.base.compose import make_executor
from avloc_ros.nodes.base.dds import use_shared_memory_profile
from avloc_ros.nodes.messages.conversions import stamp_ns
from avloc_ros.nodes.messages.quality_of_service import audio_quality, image_quality
from avloc_ros.nodes.recorder import Recorder, discover_topics
from avloc_ros.nodes.watching.speaker_monitor import SpeakerMonitor
from avloc_ros.types import InputError

LOOK_FOR_TOPICS_EVERY_S = 0.3


class Listener:
    """A context manager around a node of its own; `bag` None records nothing.

    topics: names relative to the namespace; global_topics: full names. monitor: what keeps the results, made on the node.
    """

    def __init__(
        self,
        namespace: str,
        bag: Path | None = None,
        topics: Sequence[str] = (),
        global_topics: Sequence[str] = (),
        monitor: Callable[[Node], Any] = SpeakerMonitor,
    ) -> None:
        self._make_monitor = monitor
        self._namespace = namespace.rstrip("/")
        self._wanted = (*(f"{self._namespace}/{name}" for name in topics), *global_topics)
        self._bag = bag
        self._next_look_s = 0.0
        self.start_ns = 0
        self.frame_stamps_ns: list[int] = []  # of the camera_info that came, one for each picture

    def __enter__(self) -> Listener:
        use_shared_memory_profile()
        self._context = Context()
        rclpy.init(context=self._context)
        self._node = Node(f"avloc_listener_{os.getpid()}", namespace=self._namespace, context=self._context)
        self._executor = make_executor(self._context)
        self._executor.add_node(self._node)
        self.monitor = self._make_monitor(self._node)
        self._node.create_subscription(AudioFrame, "audio", self._on_audio, audio_quality("best_effort"))
        self._node.create_subscription(CameraInfo, "camera_info", self._on_camera_info, image_quality("best_effort", 50))
        self._recorder = Recorder(self._node, self._bag) if self._bag is not None else None
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.finish()
        self._executor.remove_node(self._node)
        self._node.destroy_node()
        self._executor.shutdown()
        rclpy.shutdown(context=self._context)

    def spin_for(self, seconds: float) -> None:
        """Serve what arrives for so long; new topics that are wanted are recorded from then on."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self._look_for_topics()
            self._executor.spin_once(timeout_sec=min(left, LOOK_FOR_TOPICS_EVERY_S))

    def wait_for_publisher(self, topic: str, patience_s: float, check: Callable[[], None] = lambda: None) -> None:
        """Listen until somebody publishes `topic` (relative). Raises InputError when patience is over."""
        end = time.monotonic() + patience_s
        while self._node.count_publishers(f"{self._namespace}/{topic}") == 0:
            check()
            if time.monotonic() > end:
                raise InputError(f"nobody publishes {self._namespace}/{topic} after {patience_s:.0f} s: `avloc doctor`")
            self.spin_for(0.1)

    def finish(self) -> dict[str, int]:
        """End the recording; returns the number of messages per topic."""
        if self._recorder is None:
            return {}
        counts = self._recorder.close()
        self._recorder = None
        return counts

    def _look_for_topics(self) -> None:
        if self._recorder is None or time.monotonic() < self._next_look_s:
            return
        self._next_look_s = time.monotonic() + LOOK_FOR_TOPICS_EVERY_S
        for topic in discover_topics(self._node, self._wanted):
            self._recorder.add(topic)

    def _on_camera_info(self, message: CameraInfo) -> None:
        self.frame_stamps_ns.append(stamp_ns(message.header.stamp))

    def _on_audio(self, message: AudioFrame) -> None:
        if not self.start_ns:
            before_ns = message.first_sample_index * 1_000_000_000 // message.sample_rate
            self.start_ns = stamp_ns(message.header.stamp) - before_ns
