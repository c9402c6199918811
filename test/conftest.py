"""Where all tests run: ROS of this environment, discovery on this machine only, a domain of their own, no telemetry."""

from __future__ import annotations

import os
import sys
from pathlib import Path

# The environment of the PyPI wheels is an ament prefix; under a sourced distro the prefixes are set already.
if (Path(sys.prefix) / "share" / "ament_index").is_dir():
    os.environ.setdefault("AMENT_PREFIX_PATH", sys.prefix)
os.environ.setdefault("ROS_AUTOMATIC_DISCOVERY_RANGE", "LOCALHOST")
os.environ.setdefault("ROS_DOMAIN_ID", "87")
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
