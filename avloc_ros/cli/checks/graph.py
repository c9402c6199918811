"""ROS itself: the installation, a message through DDS between two processes, and the system that runs now."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from importlib.util import find_spec

from avloc_ros.cli.checks.finding import Finding, State
from avloc_ros.cli.children import stop

ROUND_TRIPS = 20
ROUND_TRIP_TIMEOUT_S = 15.0
LOOK_AROUND_S = 2.5


def check_installation() -> list[Finding]:
    """rclpy, our messages, the middleware, and what the environment says of discovery."""
    if find_spec("rclpy") is None:
        advice = "source /opt/ros/<distro>/setup.bash, or pip install 'ros-rclpy[fastrtps]'"
        return [Finding("rclpy", State.FAIL, "not found", advice)]
    if find_spec("avloc_ros.msg") is None:
        advice = "build the package: colcon build, or pip install --no-build-isolation ."
        return [Finding("messages", State.FAIL, "avloc_ros.msg is not built", advice)]
    import rclpy

    implementation = rclpy.get_rmw_implementation_identifier()
    domain = os.environ.get("ROS_DOMAIN_ID", "0 (default)")
    reach = os.environ.get("ROS_AUTOMATIC_DISCOVERY_RANGE", "SUBNET (default)")
    found = f"{os.environ.get('ROS_DISTRO', 'PyPI wheels')}, {implementation}, domain {domain}, discovery {reach}"
    return [Finding("ros", State.OK, found), check_profile(implementation)]


def check_profile(implementation: str) -> Finding:
    """Whether images fit the middleware's shared memory; without it, best-effort images are lost between processes."""
    if "fastrtps" not in implementation:
        return Finding("dds profile", State.NOTE, f"{implementation} is not Fast DDS", "see its own docs for large images")
    from avloc_ros.nodes.base.dds import use_shared_memory_profile

    profile = use_shared_memory_profile()
    if profile:
        return Finding("dds profile", State.OK, profile)
    advice = "export FASTDDS_DEFAULT_PROFILES_FILE=<share>/avloc_ros/config/dds/shared_memory.xml"
    return Finding("dds profile", State.NOTE, "the default segment is too small for pictures", advice)


def check_round_trip() -> list[Finding]:
    """Time messages to another process and back."""
    from avloc_ros.nodes.watching.echo_probe import measure_round_trip_ms

    environment = dict(os.environ)
    environment.pop("_ROS_WHEELS_BOOTSTRAP_COMPLETE", None)
    command = [sys.executable, "-m", "avloc_ros.nodes.watching.echo_probe"]
    child = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        times = measure_round_trip_ms(ROUND_TRIPS, ROUND_TRIP_TIMEOUT_S)
    finally:
        stop(child)
    if not times:
        advice = "a firewall or ROS_LOCALHOST_ONLY may block DDS: try ROS_AUTOMATIC_DISCOVERY_RANGE=LOCALHOST"
        return [Finding("dds round trip", State.FAIL, f"no answer in {ROUND_TRIP_TIMEOUT_S:.0f} s", advice)]
    median = sorted(times)[len(times) // 2]
    return [Finding("dds round trip", State.OK, f"{median:.2f} ms median of {len(times)} between two processes")]


def check_running_system() -> list[Finding]:
    """Topics, transforms and diagnostics of a system that runs now, if one does."""
    from avloc_ros.nodes.watching.graph_probe import look_around

    view = look_around(LOOK_AROUND_S, time.monotonic)
    if not view.topics:
        return [Finding("running system", State.NOTE, "no avloc topics", "start one: ros2 launch ... or avloc live")]
    findings = [Finding("running system", State.OK, ", ".join(f"{name}" for name in sorted(view.topics)))]
    if view.missing_transform:
        findings.append(Finding("tf", State.NOTE, view.missing_transform, "publish it, or set the camera.* parameters"))
    for name, message in view.complaints.items():
        findings.append(Finding(name, State.FAIL, message))
    return findings
