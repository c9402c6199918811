"""Listens to `wearer_activity` and `speaker_mask` and keeps what a terminal or a report wants to show."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from rclpy.node import Node
from sensor_msgs.msg import Image

from avloc_ros.msg import WearerActivity
from avloc_ros.nodes.messages.conversions import stamp_ns
from avloc_ros.nodes.messages.quality_of_service import image_quality


@dataclass(frozen=True)
class WearerRow:
    """What was said about one moment, and how long after the picture's capture it came."""

    stamp_ns: int
    speaking: bool
    probability: float
    latency_ms: float


class ActiveSpeakerMonitor:
    """history: all rows since the start; masks: {stamp: bool (rows, cols)} of the pictures that had one."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self.history: list[WearerRow] = []
        self.masks: dict[int, np.ndarray] = {}
        node.create_subscription(WearerActivity, "wearer_activity", self._on_wearer, 50)
        node.create_subscription(Image, "speaker_mask", self._on_mask, image_quality("reliable", 50))

    @property
    def marked_share(self) -> float:
        """Share of the newest mask that belongs to speakers."""
        return float(next(reversed(self.masks.values())).mean()) if self.masks else 0.0

    def _on_wearer(self, message: WearerActivity) -> None:
        stamp = stamp_ns(message.header.stamp)
        latency_ms = (self._node.get_clock().now().nanoseconds - stamp) / 1e6
        self.history.append(WearerRow(stamp, message.speaking, message.probability, latency_ms))

    def _on_mask(self, message: Image) -> None:
        pixels = np.frombuffer(message.data, np.uint8).reshape(message.height, message.step)
        self.masks[stamp_ns(message.header.stamp)] = pixels[:, : message.width] > 0
