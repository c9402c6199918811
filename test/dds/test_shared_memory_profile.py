"""The shipped Fast DDS profile: best-effort images of a camera reach another process."""

from __future__ import annotations

import os
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

PROFILE = Path(__file__).resolve().parents[2] / "config" / "dds" / "shared_memory.xml"
IMAGES = 25

# Publishes IMAGES images of 720x450 bgr8 at 50 Hz once somebody listens.
SENDER = f"""
import array, time
import rclpy
from rclpy.qos import qos_profile_sensor_data
from sensor_msgs.msg import Image
rclpy.init()
node = rclpy.create_node("sender")
publisher = node.create_publisher(Image, "image", qos_profile_sensor_data)
while publisher.get_subscription_count() == 0:
    time.sleep(0.02)
time.sleep(0.3)
image = Image(height=450, width=720, encoding="bgr8", step=2160, data=array.array("B", bytes(972000)))
for index in range({IMAGES}):
    image.header.frame_id = str(index)
    publisher.publish(image)
    time.sleep(0.02)
time.sleep(0.5)
"""

RECEIVER = f"""
import time
import rclpy
from rclpy.qos import qos_profile_sensor_data
from sensor_msgs.msg import Image
rclpy.init()
node = rclpy.create_node("receiver")
received = []
node.create_subscription(Image, "image", lambda image: received.append(image.header.frame_id), qos_profile_sensor_data)
deadline = time.monotonic() + 15.0
while len(received) < {IMAGES} and time.monotonic() < deadline:
    rclpy.spin_once(node, timeout_sec=0.1)
print(len(received))
"""


def test_no_best_effort_image_is_lost_between_processes() -> None:
    environment = dict(os.environ, ROS_DOMAIN_ID="96", ROS_AUTOMATIC_DISCOVERY_RANGE="LOCALHOST")
    old_name = os.environ.get("ROS_DISTRO") in ("humble", "iron", "jazzy")
    environment["FASTRTPS_DEFAULT_PROFILES_FILE" if old_name else "FASTDDS_DEFAULT_PROFILES_FILE"] = str(
        PROFILE
    )
    with subprocess.Popen([sys.executable, "-c", SENDER], env=environment) as sender:
        try:
            receiver = subprocess.run(
                [sys.executable, "-c", RECEIVER], env=environment, capture_output=True, text=True, timeout=30
            )
            sender.wait(timeout=15)
        finally:
            sender.kill()
    assert receiver.stdout.strip() == str(IMAGES), receiver.stderr


def test_the_segment_holds_thirty_two_mebibytes() -> None:
    segment = ElementTree.parse(PROFILE).find(".//{*}segment_size")
    assert segment is not None and int(segment.text or 0) == 32 * 2**20
