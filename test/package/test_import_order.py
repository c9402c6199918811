"""Rooms import only rooms above their own; the runtime rooms never import the offline ones; ROS stays in nodes."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

SOURCE = Path(__file__).resolve().parents[2] / "avloc_ros"
RUNTIME = [
    "types",
    "geometry",
    "config",
    "sources",
    "features",
    "models",
    "runtime",
    "decode",
    "tracking",
    "systems",
    "nodes",
]
OFFLINE = ["losses", "datasets", "simulation", "training", "evaluation"]
ROS_MODULES = {
    "rclpy", "message_filters", "cv_bridge", "tf2_ros", "tf2_msgs", "std_msgs", "sensor_msgs", "geometry_msgs",
    "visualization_msgs", "diagnostic_msgs", "lifecycle_msgs", "builtin_interfaces", "rcl_interfaces", "launch", "launch_ros",
}  # fmt: skip
HEAVY_MODULES = {
    "torch",
    "av",
    "sounddevice",
    "pyroomacoustics",
    "rosbags",
    "matplotlib",
    "lightning",
    "dask",
    "onnx",
}
FILES = sorted(path for path in SOURCE.rglob("*.py"))


def room_of(path: Path) -> str:
    relative = path.relative_to(SOURCE)
    return relative.parts[0].removesuffix(".py")


def imported(path: Path, top_level_only: bool = False) -> Iterator[str]:
    """Yields the dotted names that a file imports, those for type checkers apart."""
    tree = ast.parse(path.read_text())
    for node in tree.body if top_level_only else ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield node.module
            if node.module == "avloc_ros":
                yield from (f"avloc_ros.{alias.name}" for alias in node.names)


def rooms_imported(path: Path) -> set[str]:
    return {name.split(".")[1] for name in imported(path) if name.startswith("avloc_ros.")}


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_file_imports_only_what_its_room_may(path: Path) -> None:
    room, used = room_of(path), rooms_imported(path)
    if room in RUNTIME:
        allowed = {*RUNTIME[: RUNTIME.index(room) + 1], *(["msg"] if room == "nodes" else [])}
        assert used <= allowed, f"{room} may not import {sorted(used - allowed)}"
    elif room in OFFLINE:
        assert "nodes" not in used and "cli" not in used
    else:
        assert room in ("cli", "ros_env", "__init__"), f"{room} is no room of the design"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_ros_is_imported_by_nodes_and_the_command_only(path: Path) -> None:
    ros_modules = {name.split(".")[0] for name in imported(path)} & ROS_MODULES
    ros_modules |= {name for name in imported(path) if name.startswith("avloc_ros.msg")}
    assert not ros_modules or room_of(path) in ("nodes", "cli")


@pytest.mark.parametrize(
    "path", [p for p in FILES if room_of(p) not in OFFLINE], ids=lambda path: str(path.relative_to(SOURCE))
)
def test_heavy_libraries_are_imported_where_they_are_needed(path: Path) -> None:
    assert not {name.split(".")[0] for name in imported(path, top_level_only=True)} & HEAVY_MODULES


def test_nothing_shadows_the_generated_half() -> None:
    assert not (SOURCE / "msg").exists()
    assert not list((SOURCE.parent / "test").rglob("__init__.py"))
