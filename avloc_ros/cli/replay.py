"""`avloc replay`: play a bag, a scene or media files in real time, through the pipeline or into the running system."""

from __future__ import annotations

import argparse
from pathlib import Path

from avloc_ros.cli.pipeline_options import add_pipeline_options, pipeline_nodes, pipeline_parameters


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `avloc replay`."""
    parser = subparsers.add_parser("replay", help="play a bag, a scene or media files through the nodes")
    parser.add_argument("path", help="bag, scene folder, or sound.wav,clip.mp4")
    parser.add_argument("--player-only", action="store_true", help="only publish; the pipeline runs elsewhere")
    parser.add_argument("--rate", type=float, default=1.0, help="speed; 1 is real time")
    parser.add_argument("--loop", action="store_true", help="start again at the end")
    parser.add_argument("--start-after", type=float, metavar="S", help="wait so long for others to find our topics")
    add_pipeline_options(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Play to the end, or until Ctrl-C."""
    from avloc_ros.cli.pipeline import run_nodes

    pipeline = [] if options.player_only else pipeline_nodes(options)
    names = ["player", *pipeline]
    parameters = pipeline_parameters(options, names)
    path = options.path if "," in options.path else str(Path(options.path).expanduser())
    parameters["player"] |= {"path": path, "rate": options.rate, "loop": options.loop, "exit_at_end": not options.loop}
    if options.start_after is not None:
        parameters["player"]["start_after_s"] = options.start_after
    if options.rate != 1.0:  # sound cannot be stamped "now" at another speed: all follow the recording's clock
        parameters["player"] |= {"stamps": "source", "publish_clock": True}
        for name in pipeline:
            parameters[name]["use_sim_time"] = True
    if options.array is not None:
        parameters["player"]["array_file"] = str(options.array)
    return run_nodes(options, names, parameters)
