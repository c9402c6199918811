"""The buffer of transforms that listeners fill and everyone asks."""

from __future__ import annotations

import math
import threading
import time as wall_time
from typing import Any

import rclpy
from builtin_interfaces.msg import Time as TimeMsg
from geometry_msgs.msg import TransformStamped
from rclpy.clock import Clock, ClockType
from rclpy.duration import Duration
from rclpy.logging import get_logger
from rclpy.time import Time
from std_msgs.msg import Header
from tf2_ros.exceptions import TransformException
from tf2_ros.frame_history import ParentLink
from tf2_ros.frame_tree import FrameTree
from tf2_ros.rigid_transform import RigidTransform

# How long a waiting look-up sleeps between two tries.
POLL_S = 0.01


class Buffer:
    """Transforms of the last `cache_time` (10 s by default); safe to use from several threads.

    With `node`, timeouts run on its clock.
    """

    def __init__(self, cache_time: Duration | None = None, node: Any = None) -> None:
        cache_ns = Duration(seconds=10.0).nanoseconds if cache_time is None else cache_time.nanoseconds
        self._tree = FrameTree(cache_ns)
        self._lock = threading.Lock()
        self._context = None if node is None else node.context
        self.clock = node.get_clock() if node is not None else Clock(clock_type=ClockType.ROS_TIME)

    def clear(self) -> None:
        """Forgets all transforms that move."""
        with self._lock:
            self._tree.clear()

    def set_transform(self, transform: TransformStamped, authority: str) -> None:
        """Adds a transform at its stamp; a wrong one, and one older than the buffer keeps, is left out and logged."""
        self._insert(transform, authority, is_static=False)

    def set_transform_static(self, transform: TransformStamped, authority: str) -> None:
        """Sets a transform that holds at any time."""
        self._insert(transform, authority, is_static=True)

    def lookup_transform(
        self,
        target_frame: str,
        source_frame: str,
        time: Time | TimeMsg,
        timeout: Duration = Duration(),  # noqa: B008
    ) -> TransformStamped:
        """The transform that takes points of source_frame to target_frame, at `time` (zero: the latest common time).

        Raises LookupException, ConnectivityException or ExtrapolationException where it cannot be had in `timeout`.
        """
        self.can_transform(target_frame, source_frame, time, timeout)
        with self._lock:
            transform, stamp_ns = self._tree.lookup(target_frame, source_frame, _nanoseconds(time))
        header = Header(stamp=Time(nanoseconds=stamp_ns).to_msg(), frame_id=target_frame)
        return TransformStamped(header=header, child_frame_id=source_frame, transform=transform.to_msg())

    def can_transform(
        self,
        target_frame: str,
        source_frame: str,
        time: Time | TimeMsg,
        timeout: Duration = Duration(),  # noqa: B008 - immutable, as in the official signature
        return_debug_tuple: bool = False,
    ) -> bool | tuple[bool, str]:
        """Whether a look-up would succeed, in `timeout` at the latest; with return_debug_tuple also why not."""
        why_not = self._why_not(target_frame, source_frame, time)
        start = self.clock.now()
        while (
            why_not
            and self.clock.now() < start + timeout
            and self.clock.now() >= start
            and rclpy.ok(context=self._context)
        ):
            wall_time.sleep(POLL_S)
            why_not = self._why_not(target_frame, source_frame, time)
        return (not why_not, why_not) if return_debug_tuple else not why_not

    def _why_not(self, target_frame: str, source_frame: str, time: Time | TimeMsg) -> str:
        try:
            with self._lock:
                self._tree.lookup(target_frame, source_frame, _nanoseconds(time))
        except TransformException as reason:
            return str(reason)
        return ""

    def _insert(self, message: TransformStamped, authority: str, is_static: bool) -> None:
        child, parent = (name.removeprefix("/") for name in (message.child_frame_id, message.header.frame_id))
        transform = RigidTransform.from_msg(message.transform)
        fault = _fault(child, parent, transform)
        if not fault:
            link = ParentLink(parent, transform, _nanoseconds(message.header.stamp))
            with self._lock:
                inserted = self._tree.insert(child, link, is_static)
            fault = "" if inserted else "its stamp is older than the buffer keeps"
        if fault:
            get_logger("tf2_ros").warning(
                f"transform from '{child}' to '{parent}' by {authority} left out: {fault}"
            )


def _nanoseconds(time: Time | TimeMsg) -> int:
    return time.nanoseconds if isinstance(time, Time) else Time.from_msg(time).nanoseconds


def _fault(child: str, parent: str, transform: RigidTransform) -> str:
    """What is wrong with a transform, "" for nothing."""
    if not child or not parent:
        return "a frame has no name"
    if child == parent:
        return "a frame cannot be its own parent"
    numbers = [*transform.translation.tolist(), *transform.rotation.tolist()]
    if not all(math.isfinite(number) for number in numbers):
        return "it holds a number that is not finite, or a quaternion of length zero"
    return ""
