"""`avloc simulate`: scenes with exact truth, from measured rooms and real talkers, or from simulated rooms."""

from __future__ import annotations

import argparse
import functools
from pathlib import Path

from avloc_ros.cli.console import console, error_console
from avloc_ros.types import InputError


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `avloc simulate`."""
    parser = subparsers.add_parser("simulate", help="make scenes with exact truth")
    parser.add_argument("--out", type=Path, required=True, help="folder of the new scenes")
    parser.add_argument("--count", type=int, default=10, help="how many scenes")
    parser.add_argument("--seed", type=int, default=0, help="the same seed gives the same scenes")
    parser.add_argument("--jobs", type=int, default=1, help="processes side by side")
    parser.add_argument(
        "--measured", action="store_true", help="compose real talkers and measured rooms of a data kit"
    )
    parser.add_argument("--data", type=Path, help="data kit with rir/, av/, speech/, events/, arrays/")
    parser.add_argument(
        "--split", choices=("train", "val", "test", "all"), default="train", help="disjoint talkers and rooms"
    )
    parser.add_argument("--audio-only", action="store_true", help="voices in measured rooms without pictures")
    parser.add_argument("--talkers", type=int, help="how many talkers (default: drawn from 1 to 3)")
    parser.add_argument(
        "--condition",
        help="clean, noisy, dark or noisy_dark (default: half of the scenes clean, the others in turns)",
    )
    parser.add_argument(
        "--snr-db", type=float, help="speech against noise in noisy scenes (default: drawn, 0 to 15)"
    )
    parser.add_argument(
        "--duration", type=float, metavar="S", help="length of a scene (default: drawn, 6 to 10)"
    )
    parser.add_argument("--face-model", type=Path, help="YuNet ONNX that measures the talkers' clips")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Make the scenes. Raises InputError where the kit lacks a part or a scene exists."""
    from avloc_ros.simulation.batch import make_scenes
    from avloc_ros.simulation.kit import open_kit
    from avloc_ros.simulation.measured import compose_scene
    from avloc_ros.simulation.scene_plan import Wishes

    if not options.measured or options.data is None:
        raise InputError("give --measured and --data FOLDER: the data kit that scenes are composed from")
    wishes = Wishes(options.audio_only, options.talkers, options.condition, options.snr_db, options.duration)
    kit = open_kit(options.data, options.split, face_model=options.face_model)
    make = functools.partial(compose_scene, kit=kit, seed=options.seed, wishes=wishes)
    make_scenes(make, options.out, options.count, options.jobs, error_console)
    console.print(f"{options.count} scenes of the split '{options.split}' in {options.out}")
    return 0
