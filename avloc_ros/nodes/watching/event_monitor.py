"""Listens to `sound_events` and keeps what a terminal or a report wants to show: what, where, since when, how late."""

from __future__ import annotations

import math
from dataclasses import dataclass

from rclpy.node import Node

from avloc_ros.geometry import angles_from_direction
from avloc_ros.msg import SoundEventArray
from avloc_ros.nodes.messages.event_messages import events_from_message
from avloc_ros.types import EventState, SoundEvent

FRAME_NS = 100_000_000  # a message tells of the 0.1 s that its stamp begins


@dataclass(frozen=True)
class HeardEvent:
    """One event in one message; angles in degrees; arrived_ns: when the message came."""

    stamp_ns: int
    arrived_ns: int
    id: str
    class_id: str
    state: EventState
    score: float
    onset_ns: int
    azimuth_deg: float
    elevation_deg: float


class EventMonitor:
    """The newest events, all of them since the start, and the latency of each message from the end of its frame."""

    def __init__(self, node: Node, topic: str = "sound_events") -> None:
        self._node = node
        self.current: tuple[HeardEvent, ...] = ()
        self.history: list[tuple[HeardEvent, ...]] = []  # one entry per message, empty where nothing sounds
        self.latencies_ms: list[float] = []
        self._subscription = node.create_subscription(SoundEventArray, topic, self._on_events, 50)

    @property
    def rows(self) -> list[HeardEvent]:
        """All events of all messages."""
        return [event for message in self.history for event in message]

    def _on_events(self, message: SoundEventArray) -> None:
        arrived_ns = self._node.get_clock().now().nanoseconds
        heard = events_from_message(message)
        self.latencies_ms.append((arrived_ns - heard.stamp_ns - FRAME_NS) / 1e6)
        self.current = tuple(_row(event, heard.stamp_ns, arrived_ns) for event in heard.events)
        self.history.append(self.current)


def _row(event: SoundEvent, stamp_ns: int, arrived_ns: int) -> HeardEvent:
    azimuth, elevation = angles_from_direction(event.direction)
    return HeardEvent(
        stamp_ns,
        arrived_ns,
        event.id,
        event.class_id,
        event.state,
        event.score,
        event.onset_ns,
        math.degrees(float(azimuth)),
        math.degrees(float(elevation)),
    )
