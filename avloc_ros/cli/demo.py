"""`avloc demo`: a scene played in real time through the real nodes over DDS, and a folder that shows what came out."""

from __future__ import annotations

import argparse
import importlib
import time
from pathlib import Path
from typing import TYPE_CHECKING

from rich.text import Text

from avloc_ros.cli.console import console
from avloc_ros.types import InputError

if TYPE_CHECKING:  # rclpy and the media libraries are imported when the demo runs, not for `avloc --help`
    from avloc_ros.cli.demos.kind import Demo

SYSTEMS = ("dsw", "av_seld", "coloc", "asl_unet")  # each is a module of avloc_ros.cli.demos
DEFAULT_SYSTEM = "dsw"


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `avloc demo`."""
    parser = subparsers.add_parser("demo", help="a scene through the real nodes; ends in a page")
    parser.add_argument(
        "--system",
        choices=SYSTEMS,
        default=DEFAULT_SYSTEM,
        help="dsw: who speaks, and where (two talkers); av_seld, coloc: what sounds, where, since when; "
        "asl_unet: what a pair of glasses hears and sees",
    )
    parser.add_argument("--scene", type=Path, help="a scene folder of your own; default: built on first run")
    parser.add_argument("--out", type=Path, help="new folder for what comes out; default: ./avloc_demo_<time>")
    parser.add_argument(
        "-p",
        "--param",
        action="append",
        default=[],
        metavar="NODE.NAME:=VALUE",
        help="one parameter of a node, as in `avloc live`",
    )
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:N")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Build the scene if needed, play it, write the folder, and name it."""
    out = (options.out or Path(time.strftime("avloc_demo_%Y%m%d_%H%M%S"))).resolve()
    if out.exists():
        raise InputError(f"{out} exists: name a new folder with --out")
    from avloc_ros.cli.demos.playing import play
    from avloc_ros.sources.scene import load_scene

    demo = demo_of(options.system)
    scene = load_scene(options.scene or demo.scene())
    out.mkdir(parents=True)
    played = play(demo, scene, out, options.device, options.param)
    if not played.monitor.history:
        why = first_error(out / "nodes.log")
        raise InputError(f"nothing came on `{demo.topic}`{why}; see {out / 'nodes.log'} and {out / 'player.log'}")
    page = demo.write(scene, out, played)
    console.print("\nDone. Open", Text(str(page), "bold"))
    return 0


def first_error(log: Path) -> str:
    """The first error that a node told, after a colon; nothing where none did. The last tells of the player's end only."""
    errors = [line for line in log.read_text(errors="replace").splitlines() if line.startswith("[ERROR]")]
    return f": {errors[0].partition(']: ')[2]}" if errors else ""


def demo_of(system: str) -> Demo:
    """What a system shows; imported here, with ROS."""
    demo: Demo = importlib.import_module(f"avloc_ros.cli.demos.{system}").DEMO
    return demo
