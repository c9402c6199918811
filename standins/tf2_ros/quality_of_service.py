"""Quality of service on /tf and /tf_static, by the official values."""

from __future__ import annotations

from rclpy.qos import DurabilityPolicy, HistoryPolicy, QoSProfile, ReliabilityPolicy


def dynamic_qos() -> QoSProfile:
    """/tf: reliable, volatile, depth 100."""
    return QoSProfile(depth=100, history=HistoryPolicy.KEEP_LAST, reliability=ReliabilityPolicy.RELIABLE)


def static_qos(depth: int) -> QoSProfile:
    """/tf_static: reliable and latched; broadcasters keep 1 (all of theirs), listeners 100."""
    profile = dynamic_qos()
    profile.depth = depth
    profile.durability = DurabilityPolicy.TRANSIENT_LOCAL
    return profile
