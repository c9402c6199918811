"""`avloc replay`: play a bag, a scene or media files in real time, through the pipeline or into the running system."""

from __future__ import annotations

import argparse
from pathlib import Path


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `avloc replay`."""
    from avloc_ros.cli.pipeline import add_pipeline_options

    parser = subparsers.add_parser("replay", help="play a bag, a scene or media files through the nodes")
    parser.add_argument("path", help="bag, scene folder, or sound.wav,clip.mp4")
    parser.add_argument("--player-only", action="store_true", help="only publish; the pipeline runs elsewhere")
    parser.add_argument("--rate", type=float, default=1.0, help="speed; 1 is real time")
    parser.add_argument("--loop", action="store_true", help="start again at the end")
    add_pipeline_options(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Play to the end, or until Ctrl-C."""
    from avloc_ros.cli.pipeline import PIPELINE, pipeline_parameters, run_nodes

    pipeline = [] if options.player_only else [n for n in PIPELINE if not (options.no_overlay and n == "overlay")]
    names = ["player", *pipeline]
    parameters = pipeline_parameters(options, names)
    path = options.path if "," in options.path else str(Path(options.path).expanduser())
    parameters["player"] |= {"path": path, "rate": options.rate, "loop": options.loop}
    return run_nodes(options, names, parameters)
