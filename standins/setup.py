"""Build of the stand-ins: only those whose real package is missing in the running environment are built."""

from __future__ import annotations

import importlib.machinery
import importlib.metadata
import sys
from pathlib import Path

from setuptools import Distribution, setup

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "cmake"))
from cmake_wheel import BinaryDistribution, cmake_build_py, package_version  # noqa: E402

NAME = "avloc-ros-standins"


def is_ours(module: str) -> bool:
    """Whether an earlier install of the stand-ins brought this module."""
    try:
        files = importlib.metadata.files(NAME) or []
    except importlib.metadata.PackageNotFoundError:
        return False
    return any(path.parts[0] == module for path in files)


def is_missing(module: str) -> bool:
    """Whether the environment has no such module, but for ours."""
    search_path = [entry for entry in sys.path if Path(entry or ".").resolve() != HERE]
    return is_ours(module) or importlib.machinery.PathFinder.find_spec(module, search_path) is None


build_messages = is_missing("tf2_msgs")
setup(
    version=package_version(HERE / "tf2_msgs" / "package.xml"),
    packages=[module for module in ("cv_bridge", "message_filters", "tf2_ros") if is_missing(module)],
    # bdist_wheel installs data only if it sees some at the start; the build replaces this list by what CMake staged.
    data_files=[("share/avloc_ros_standins", ["README.md"])],
    cmdclass={"build_py": cmake_build_py("tf2_msgs", source=HERE / "tf2_msgs", root=HERE)}
    if build_messages
    else {},
    distclass=BinaryDistribution if build_messages else Distribution,
)
