"""Fills a buffer from the transform topics."""

from __future__ import annotations

from threading import Thread
from typing import Any

from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.executors import SingleThreadedExecutor
from rclpy.qos import QoSProfile
from tf2_msgs.msg import TFMessage
from tf2_ros.buffer import Buffer
from tf2_ros.quality_of_service import dynamic_qos, static_qos

AUTHORITY = "default_authority"


class TransformListener:
    """Subscribes /tf and /tf_static on `node` and puts what comes into `buffer`.

    With spin_thread, a thread of its own spins the node, so that look-ups with a timeout may wait in callbacks.
    """

    def __init__(
        self,
        buffer: Buffer,
        node: Any,
        *,
        spin_thread: bool = False,
        qos: QoSProfile | int | None = None,
        static_qos: QoSProfile | int | None = None,
    ) -> None:
        self.buffer = buffer
        self.node = node
        self.group = ReentrantCallbackGroup()
        self.tf_sub = node.create_subscription(
            TFMessage, "/tf", self.callback, dynamic_qos() if qos is None else qos, callback_group=self.group
        )
        self.tf_static_sub = node.create_subscription(
            TFMessage, "/tf_static", self.static_callback, _static_qos(static_qos), callback_group=self.group
        )
        self.executor: SingleThreadedExecutor | None = None
        if spin_thread:
            self.executor = SingleThreadedExecutor(context=node.context)
            self.executor.add_node(node)
            self.dedicated_listener_thread = Thread(target=self.executor.spin, daemon=True)
            self.dedicated_listener_thread.start()

    def unregister(self) -> None:
        """Ends both subscriptions, and the thread where there is one."""
        if self.executor is not None:
            self.executor.shutdown()
            self.dedicated_listener_thread.join()
        self.node.destroy_subscription(self.tf_sub)
        self.node.destroy_subscription(self.tf_static_sub)

    def callback(self, data: TFMessage) -> None:
        """Receives transforms that change."""
        for transform in data.transforms:
            self.buffer.set_transform(transform, AUTHORITY)

    def static_callback(self, data: TFMessage) -> None:
        """Receives transforms that hold at any time."""
        for transform in data.transforms:
            self.buffer.set_transform_static(transform, AUTHORITY)


def _static_qos(chosen: QoSProfile | int | None) -> QoSProfile | int:
    return static_qos(depth=100) if chosen is None else chosen
