"""Listens to `speakers` and keeps what a terminal or a test wants to show: who, where, speaking, how late."""

from __future__ import annotations

import math
from dataclasses import dataclass

from rclpy.node import Node

from avloc_ros.geometry import angles_from_direction
from avloc_ros.msg import Speaker, SpeakerArray
from avloc_ros.nodes.messages.conversions import stamp_ns, xyz

RECENT = 100  # latencies that a live table shows the median of: four seconds at 25 fps


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
    """The newest speakers, how many messages came, and the latency of each; all rows since the start where they are kept.

    keep_all: keep rows, stamps and latencies since the start (a recording, a measurement); else only the newest
    `RECENT` latencies, for a system that runs for days.
    Latency runs from the END of the 40 ms audio window that the stamp begins, as the node's clock sees it on arrival.
    """

    def __init__(
        self, node: Node, topic: str = "speakers", window_s: float = 0.04, keep_all: bool = True
    ) -> None:
        self._node = node
        self._window_ns = int(window_s * 1e9)
        self._keep_all = keep_all
        self.frames = 0
        self.current: tuple[SpeakerRow, ...] = ()
        self.history: list[SpeakerRow] = []
        self.stamps_ns: list[int] = []
        self.latencies_ms: list[float] = []
        self._subscription = node.create_subscription(SpeakerArray, topic, self._on_speakers, 50)

    def _on_speakers(self, message: SpeakerArray) -> None:
        captured_ns = stamp_ns(message.header.stamp)
        arrived_ns = self._node.get_clock().now().nanoseconds
        self.latencies_ms.append((arrived_ns - captured_ns - self._window_ns) / 1e6)
        self.frames += 1
        self.current = tuple(row_of(speaker, captured_ns) for speaker in message.speakers)
        if self._keep_all:
            self.stamps_ns.append(captured_ns)
            self.history.extend(self.current)
        else:
            del self.latencies_ms[:-RECENT]


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
