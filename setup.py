"""Build for pip: CMake does the work, by the same CMakeLists.txt as under colcon. See cmake/cmake_wheel.py."""

from __future__ import annotations

import sys
from pathlib import Path

from setuptools import setup

ROOT = Path(__file__).resolve().parent
sys.path.insert(0, str(ROOT / "cmake"))
from cmake_wheel import BinaryDistribution, cmake_build_py, package_version  # noqa: E402

setup(
    version=package_version(ROOT / "package.xml"),
    packages=["avloc_ros"],
    # bdist_wheel installs data only if it sees some at the start; the build replaces this list by what CMake staged.
    data_files=[("share/avloc_ros", ["package.xml"])],
    cmdclass={"build_py": cmake_build_py("avloc_ros", source=ROOT, root=ROOT)},
    distclass=BinaryDistribution,
)
