"""Build for pip: CMake does the work (the same CMakeLists.txt as colcon), its install tree becomes the wheel.

Needs the ROS 2 wheels and numpy in the same environment (see the Makefile), so: pip install --no-build-isolation .
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

from setuptools import Distribution, setup
from setuptools.command.build_py import build_py

ROOT = Path(__file__).resolve().parent
PACKAGE = "avloc_ros"
BUILD = ROOT / "build" / f"pip-{sys.implementation.cache_tag}"
STAGE = BUILD / "stage"
PYTHON_FOLDER = f"lib/python{sys.version_info.major}.{sys.version_info.minor}/site-packages"


def cmake_build() -> None:
    """Configure, build and install into STAGE, with the ROS prefix of the running interpreter's environment."""
    shutil.rmtree(STAGE, ignore_errors=True)
    environment = dict(os.environ, PYTHONNOUSERSITE="1")
    prefixes = [sys.prefix, *filter(None, environment.get("CMAKE_PREFIX_PATH", "").split(os.pathsep))]
    # Tools that CMake starts (rosidl's, `#!/usr/bin/env python3`) must run in this environment too.
    environment["PATH"] = os.pathsep.join([str(Path(sys.prefix) / "bin"), environment.get("PATH", os.defpath)])
    environment["AMENT_PREFIX_PATH"] = os.pathsep.join([sys.prefix, environment.get("AMENT_PREFIX_PATH", "")]).rstrip(":")
    configure = [
        "cmake", "-S", str(ROOT), "-B", str(BUILD / "cmake"),
        f"-DCMAKE_INSTALL_PREFIX={STAGE}",
        f"-DCMAKE_PREFIX_PATH={';'.join(prefixes)}",
        f"-DPython3_EXECUTABLE={sys.executable}",
        f"-DPYTHON_INSTALL_DIR={PYTHON_FOLDER}",
        "-DCMAKE_BUILD_TYPE=Release",
        "-DBUILD_TESTING=OFF",
        "-DAVLOC_PIP_BUILD=ON",
    ]  # fmt: skip
    subprocess.run(configure, check=True, env=environment)
    jobs = str(os.cpu_count() or 1)
    subprocess.run(["cmake", "--build", str(BUILD / "cmake"), "--parallel", jobs], check=True, env=environment)
    subprocess.run(["cmake", "--install", str(BUILD / "cmake")], check=True, env=environment)


def staged_data_files() -> list[tuple[str, list[str]]]:
    """Everything staged outside the Python folder, as (folder relative to the prefix, files) for the wheel's data."""
    by_folder: dict[str, list[str]] = {}
    for path in sorted(STAGE.rglob("*")):
        relative = path.relative_to(STAGE)
        if path.is_file() and not relative.is_relative_to(PYTHON_FOLDER) and relative.parts[0] in ("lib", "share"):
            by_folder.setdefault(str(relative.parent), []).append(str(path.relative_to(ROOT)))
    return sorted(by_folder.items())


class CMakeBuild(build_py):
    """build_py that takes the Python half from CMake's stage and lists the rest as data files."""

    def run(self) -> None:
        cmake_build()
        target = Path(self.build_lib) / PACKAGE
        shutil.rmtree(target, ignore_errors=True)
        ignore = shutil.ignore_patterns("__pycache__", "*.c")  # rosidl leaves its C sources here
        shutil.copytree(STAGE / PYTHON_FOLDER / PACKAGE, target, ignore=ignore)
        self.distribution.data_files = staged_data_files()


class BinaryDistribution(Distribution):
    """A distribution for one Python version and platform: it holds compiled message libraries."""

    def has_ext_modules(self) -> bool:
        return True


def version() -> str:
    """The version in package.xml, the one place where it is written."""
    found = ElementTree.parse(ROOT / "package.xml").findtext("version")
    if found is None:
        raise ValueError("package.xml has no <version>")
    return found


setup(
    version=version(),
    packages=[PACKAGE],
    # bdist_wheel runs install_data only if there are data files when it starts; CMakeBuild replaces this list.
    data_files=[(f"share/{PACKAGE}", ["package.xml"])],
    cmdclass={"build_py": CMakeBuild},
    distclass=BinaryDistribution,
)
