"""Python, the packages we stand on, and the folders we write to."""

from __future__ import annotations

import os
import platform
import sys
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

from avloc_ros.cli.checks.finding import Finding, State
from avloc_ros.config import cache_folder

SUPPORTED_PYTHON = ((3, 10), (3, 13))
# import name, distribution, what it is for, whether the live system needs it
PACKAGES = (
    ("numpy", "numpy", "arrays", True),
    ("scipy", "scipy", "assignment and filters", True),
    ("cv2", "opencv-python-headless", "pictures", True),
    ("onnxruntime", "onnxruntime", "networks", True),
    ("onnx", "onnx", "preparing the face detector", True),
    ("message_filters", "avloc-ros-standins", "fusion", True),
    ("cv_bridge", "avloc-ros-standins", "image messages", True),
    ("tf2_ros", "avloc-ros-standins", "frames", True),
    ("rosbags", "rosbags", "bags", False),
    ("av", "av", "H.264 video", False),
    ("soundfile", "soundfile", "wav files", False),
    ("sounddevice", "sounddevice", "a live microphone array", False),
    ("pyroomacoustics", "pyroomacoustics", "simulated rooms", False),
    ("torch", "torch", "training and the GPU", False),
)


def check() -> list[Finding]:
    """Findings on the interpreter, the packages and the cache folder."""
    return [check_python(), *map(check_package, PACKAGES), check_cache(cache_folder())]


def check_python() -> Finding:
    """Whether this Python is one of those that the package supports."""
    found = f"Python {platform.python_version()} on {platform.system()} {platform.machine()}, {os.cpu_count()} cores"
    low, high = SUPPORTED_PYTHON
    if low <= sys.version_info[:2] <= high:
        return Finding("python", State.OK, found)
    return Finding("python", State.FAIL, found, f"use Python {low[0]}.{low[1]} to {high[0]}.{high[1]}")


def check_package(package: tuple[str, str, str, bool]) -> Finding:
    """Whether a package is importable, and its version."""
    module, distribution, purpose, needed = package
    if find_spec(module) is None:
        state = State.FAIL if needed else State.NOTE
        return Finding(module, state, "not installed", f"{purpose}: pip install {distribution}")
    try:
        version = metadata.version(distribution)
    except metadata.PackageNotFoundError:
        version = "(from the ROS distribution)"
    return Finding(module, State.OK, f"{version}: {purpose}")


def check_cache(folder: Path) -> Finding:
    """Whether prepared models can be kept."""
    nearest = folder
    while not nearest.exists():
        nearest = nearest.parent
    if os.access(nearest, os.W_OK):
        return Finding("cache", State.OK, str(folder))
    return Finding("cache", State.FAIL, f"{folder} is not writable", "set XDG_CACHE_HOME to a folder you may write to")
