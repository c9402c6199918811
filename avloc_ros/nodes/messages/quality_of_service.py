"""The qualities of service of our topics, one per kind of data."""

from __future__ import annotations

from rclpy.qos import DurabilityPolicy, HistoryPolicy, QoSProfile, ReliabilityPolicy

RELIABILITIES = ("best_effort", "reliable")


def image_quality(reliability: str = "best_effort", depth: int = 5) -> QoSProfile:
    """Pictures: the newest count, a lost one is not sent again."""
    return _quality(ReliabilityPolicy.RELIABLE if reliability == "reliable" else ReliabilityPolicy.BEST_EFFORT, depth)


def audio_quality(reliability: str = "best_effort", depth: int = 200) -> QoSProfile:
    """Sound: a deep history, so that a short stall loses nothing. Publishers offer reliable."""
    return image_quality(reliability, depth)


def result_quality(depth: int = 20) -> QoSProfile:
    """Grids, faces, speakers: small and all wanted."""
    return _quality(ReliabilityPolicy.RELIABLE, depth)


def latched_quality() -> QoSProfile:
    """What rarely changes and late comers need (a microphone array)."""
    quality = _quality(ReliabilityPolicy.RELIABLE, 1)
    quality.durability = DurabilityPolicy.TRANSIENT_LOCAL
    return quality


def _quality(reliability: ReliabilityPolicy, depth: int) -> QoSProfile:
    return QoSProfile(history=HistoryPolicy.KEEP_LAST, depth=depth, reliability=reliability)
