"""Publishes a node's health on /diagnostics, in every state of its life cycle, so that it can say why it is silent."""

from __future__ import annotations

from collections.abc import Callable

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from rclpy.clock import Clock, ClockType
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy

from avloc_ros.nodes.base.health import NOBODY, QUIET, Health, HealthReport, Level


class DiagnosticsPublisher:
    """Sends the health of `node` every `period_s` of real time (also where simulated time stands still).

    Words that are new are logged too, so that a terminal shows them without any tool.
    """

    def __init__(self, node: Node, health: Health, period_s: float, is_active: Callable[[], bool]) -> None:
        self._node = node
        self._health = health
        self._is_active = is_active
        self._publisher = node.create_publisher(DiagnosticArray, "/diagnostics", 10)
        self._logged = (Level.OK, "")
        self._timer = node.create_timer(period_s, self.publish, clock=Clock(clock_type=ClockType.STEADY_TIME))

    def publish(self) -> None:
        """Send the state of now."""
        if not self._node.context.ok():
            return
        report = self._health.report(self._is_active())
        self._log_news(report)
        status = DiagnosticStatus(
            level=bytes([report.level]),
            name=self._node.get_fully_qualified_name().lstrip("/"),
            message=report.message,
            hardware_id=self._node.get_namespace().strip("/") or "avloc",
            values=[KeyValue(key=key, value=value) for key, value in report.values.items()],
        )
        message = DiagnosticArray(status=[status])
        message.header.stamp = self._node.get_clock().now().to_msg()
        self._publisher.publish(message)

    def _log_news(self, report: HealthReport) -> None:
        # Ages ("for 3.2 s") change every second; the news is in the words before the first digit.
        key = "".join(character for character in report.message if not character.isdigit())
        if (report.level, key) == self._logged:
            return
        self._logged = (report.level, key)
        logger = self._node.get_logger()
        if report.level >= Level.ERROR:
            logger.error(report.message)
        elif report.level == Level.WARN:
            logger.warning(report.message)
        else:
            logger.info(report.message)


def explain_silence(node: Node, topic: str, asked: QoSProfile) -> str:
    """Why nothing arrives on a topic that was subscribed with a quality of service, as far as the graph shows it."""
    offered = [info.qos_profile for info in node.get_publishers_info_by_topic(topic)]
    if not offered:
        return NOBODY
    if asked.reliability == ReliabilityPolicy.RELIABLE and all(
        profile.reliability == ReliabilityPolicy.BEST_EFFORT for profile in offered
    ):
        return "its publisher offers best effort, we ask for reliable: set the *_reliability parameter to best_effort"
    if asked.durability == DurabilityPolicy.TRANSIENT_LOCAL and all(
        profile.durability == DurabilityPolicy.VOLATILE for profile in offered
    ):
        return "its publisher offers volatile, we ask for transient local (latched): let it publish that way"
    return QUIET
