"""What a system must say of itself to be shown by `avloc demo`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rclpy.node import Node
    from rich.console import RenderableType

    from avloc_ros.sources.scene import Scene


@dataclass(frozen=True)
class Played:
    """What was received while the scene played.

    monitor: the demo's own, with what it heard; counts: messages per topic; start_ns: stamp of the scene's t = 0;
    cpu_percent: of one core, what the process with the nodes used while the scene played.
    """

    monitor: Any
    counts: dict[str, int]
    start_ns: int
    cpu_percent: float


@dataclass(frozen=True)
class Demo:
    """One system's demo.

    topic: what its nodes publish (relative name), waited for before the scene begins. recorded: topics for the bag.
    live: further arguments of `avloc live`. scene: the folder of its scene, built on first use. monitor: made on a node
    that listens, has `history`, which is empty where nothing was reported. table: what the terminal shows of it. write:
    puts numbers, plots and page into a folder and returns the page.
    """

    topic: str
    recorded: tuple[str, ...]
    live: tuple[str, ...]
    scene: Callable[[], Path]
    monitor: Callable[[Node], Any]
    table: Callable[[Any], RenderableType]
    write: Callable[[Scene, Path, Played], Path]
