"""Turns a CMake project with rosidl messages into a wheel: CMake's install tree becomes the wheel's content.

Used by setup.py and standins/setup.py. Needs the ROS 2 wheels in the running environment (see the Makefile), which is
why both are installed with `pip install --no-build-isolation`.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from pathlib import Path

from setuptools import Distribution
from setuptools.command.build_py import build_py

PYTHON_FOLDER = f"lib/python{sys.version_info.major}.{sys.version_info.minor}/site-packages"


def package_version(package_xml: Path) -> str:
    """The version in a package.xml, the one place where it is written; ValueError where there is none."""
    version = ElementTree.parse(package_xml).findtext("version")
    if version is None:
        raise ValueError(f"{package_xml} has no <version>")
    return version


def build_and_stage(source: Path, build: Path, stage: Path) -> None:
    """Configures, builds and installs the project in `source` into `stage`, with the running environment's ROS."""
    shutil.rmtree(stage, ignore_errors=True)
    environment = dict(os.environ)
    prefixes = [sys.prefix, *filter(None, environment.get("CMAKE_PREFIX_PATH", "").split(os.pathsep))]
    ament_prefixes = [sys.prefix, *filter(None, environment.get("AMENT_PREFIX_PATH", "").split(os.pathsep))]
    environment["AMENT_PREFIX_PATH"] = os.pathsep.join(ament_prefixes)
    # rosidl's generators are `#!/usr/bin/env python3`: they must find this environment first.
    environment["PATH"] = os.pathsep.join(
        [str(Path(sys.prefix) / "bin"), environment.get("PATH", os.defpath)]
    )
    configure = [
        "cmake", "-S", str(source), "-B", str(build),
        f"-DCMAKE_INSTALL_PREFIX={stage}",
        f"-DCMAKE_PREFIX_PATH={';'.join(prefixes)}",
        f"-DPython3_EXECUTABLE={sys.executable}",
        f"-DPYTHON_INSTALL_DIR={PYTHON_FOLDER}",
        "-DCMAKE_BUILD_TYPE=Release",
        "-DBUILD_TESTING=OFF",
        "-DAVLOC_PIP_BUILD=ON",
        "--no-warn-unused-cli",
    ]  # fmt: skip
    compile_jobs = str(os.cpu_count() or 1)
    subprocess.run(configure, check=True, env=environment)
    subprocess.run(["cmake", "--build", str(build), "--parallel", compile_jobs], check=True, env=environment)
    subprocess.run(["cmake", "--install", str(build)], check=True, env=environment)


def staged_data_files(stage: Path, root: Path) -> Iterator[tuple[str, list[str]]]:
    """Yields what is staged outside the Python folder: (folder in the prefix, [files relative to root])."""
    by_folder: dict[str, list[str]] = {}
    for path in sorted(stage.rglob("*")):
        relative = path.relative_to(stage)
        if (
            path.is_file()
            and not relative.is_relative_to(PYTHON_FOLDER)
            and relative.parts[0] in ("lib", "share")
        ):
            by_folder.setdefault(str(relative.parent), []).append(os.path.relpath(path, root))
    yield from sorted(by_folder.items())


def cmake_build_py(package: str, source: Path, root: Path) -> type[build_py]:
    """A build_py command that also takes `package`, built by CMake in `source`, into the wheel.

    `root` is the folder of the setup.py. The package's Python half goes where Python packages go, libraries, message
    files, executables and index markers become data files, which pip installs into the environment's prefix.
    """

    class CMakeBuildPy(build_py):
        def run(self) -> None:
            shutil.rmtree(
                self.build_lib, ignore_errors=True
            )  # a module that is gone from the source must not stay
            super().run()
            build = root / "build" / f"{package}-{sys.implementation.cache_tag}"
            stage = build / "stage"
            build_and_stage(source, build / "cmake", stage)
            unwanted = shutil.ignore_patterns("__pycache__", "*.c")  # rosidl leaves its C sources here
            built = stage / PYTHON_FOLDER / package
            shutil.copytree(built, Path(self.build_lib) / package, ignore=unwanted, dirs_exist_ok=True)
            self.distribution.data_files = list(staged_data_files(stage, root))

    return CMakeBuildPy


class BinaryDistribution(Distribution):
    """A distribution for one Python version and platform: it holds compiled message libraries."""

    def has_ext_modules(self) -> bool:
        return True
