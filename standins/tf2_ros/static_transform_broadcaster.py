"""Publishes transforms that do not change."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from geometry_msgs.msg import TransformStamped
from rclpy.qos import QoSProfile
from tf2_msgs.msg import TFMessage
from tf2_ros.quality_of_service import static_qos


class StaticTransformBroadcaster:
    """Sends transforms on /tf_static, latched: each message holds all that this broadcaster ever sent."""

    def __init__(self, node: Any, qos: QoSProfile | int | None = None) -> None:
        self.pub_tf = node.create_publisher(
            TFMessage, "/tf_static", static_qos(depth=1) if qos is None else qos
        )
        self._by_child: dict[str, TransformStamped] = {}

    def sendTransform(self, transform: TransformStamped | Sequence[TransformStamped]) -> None:  # noqa: N802
        """Sends one or several more; one of a child frame that was sent before takes the place of the earlier."""
        transforms = [transform] if isinstance(transform, TransformStamped) else list(transform)
        self._by_child.update((one.child_frame_id, one) for one in transforms)
        self.pub_tf.publish(TFMessage(transforms=list(self._by_child.values())))
