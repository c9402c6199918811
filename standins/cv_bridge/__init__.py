"""Stand-in for ROS 2 cv_bridge (Python): sensor_msgs images to and from OpenCV arrays."""

from __future__ import annotations

from cv_bridge.core import CvBridge, CvBridgeError

__all__ = ["CvBridge", "CvBridgeError"]
