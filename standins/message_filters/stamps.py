"""When a message is from."""

from __future__ import annotations

from typing import Any

from rclpy.clock import ROSClock
from rclpy.time import Time


def has_stamp(message: Any) -> bool:
    """Whether the message has a header with a stamp."""
    return hasattr(message, "header") and hasattr(message.header, "stamp")


def stamp_of(message: Any) -> Time:
    """The time in the message's header, as ROS time."""
    return Time.from_msg(message.header.stamp)


def arrival_stamp() -> Time:
    """The ROS time now, for messages without a stamp of their own."""
    return ROSClock().now()
