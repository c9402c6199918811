"""Listens to `speakers` and keeps what a terminal or a test wants to show: who, where, speaking, how late."""

from __future__ import annotations

import math
from dataclasses import dataclass

from rclpy.node import Node

from avloc_ros.geometry import angles_from_direction
from avloc_ros.msg import Speaker, SpeakerArray
from avloc_ros.nodes.conversions import stamp_ns, xyz


@dataclass(frozen=True)
class SpeakerRow:
    """One speaker in one frame; angles in degrees, range in metres (NaN where there is no evidence of it)."""

    stamp_ns: int
    id: str
    azimuth_deg: float
    elevation_deg: float
    range_m: float
    is_speaking: bool
    speaking_probability: float
    heard: bool
    seen: bool


class SpeakerMonitor:
    """The newest speakers, all rows since the start, and the latency of each message.

    Latency runs from the END of the 40 ms audio window that the stamp begins, as the node's clock sees it on arrival.
    """

    def __init__(self, node: Node, topic: str = "speakers", window_s: float = 0.04) -> None:
        self._node = node
        self._window_ns = int(window_s * 1e9)
        self.current: tuple[SpeakerRow, ...] = ()
        self.history: list[SpeakerRow] = []
        self.stamps_ns: list[int] = []
        self.latencies_ms: list[float] = []
        self._subscription = node.create_subscription(SpeakerArray, topic, self._on_speakers, 50)

    def _on_speakers(self, message: SpeakerArray) -> None:
        captured_ns = stamp_ns(message.header.stamp)
        arrived_ns = self._node.get_clock().now().nanoseconds
        self.latencies_ms.append((arrived_ns - captured_ns - self._window_ns) / 1e6)
        self.stamps_ns.append(captured_ns)
        self.current = tuple(row_of(speaker, captured_ns) for speaker in message.speakers)
        self.history.extend(self.current)


def row_of(speaker: Speaker, captured_ns: int) -> SpeakerRow:
    """A Speaker message as a row to show."""
    azimuth, elevation = angles_from_direction(xyz(speaker.direction))
    position = speaker.position
    return SpeakerRow(
        captured_ns,
        speaker.id,
        math.degrees(azimuth),
        math.degrees(elevation),
        math.hypot(position.x, position.y, position.z) if speaker.has_position else math.nan,
        speaker.is_speaking,
        speaker.speaking_probability,
        bool(speaker.sources & 1),
        bool(speaker.sources & 2),
    )
