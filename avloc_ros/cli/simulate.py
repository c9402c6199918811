"""`avloc simulate`: scenes with exact truth, from measured rooms and real talkers, or from simulated rooms."""

from __future__ import annotations

import argparse
import functools
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from avloc_ros.cli.console import console, error_console
from avloc_ros.config import shipped_folder
from avloc_ros.geometry import MicrophoneArray
from avloc_ros.types import InputError

if TYPE_CHECKING:
    from avloc_ros.simulation.scene_plan import Wishes


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `avloc simulate`."""
    parser = subparsers.add_parser("simulate", help="make scenes with exact truth")
    parser.add_argument("--out", type=Path, required=True, help="folder of the new scenes")
    parser.add_argument("--count", type=int, default=10, help="how many scenes (default: 10)")
    parser.add_argument("--seed", type=int, default=0, help="the same seed gives the same scenes")
    parser.add_argument("--jobs", type=int, default=1, help="processes side by side")
    parser.add_argument("--audio-only", action="store_true", help="voices without pictures")
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
    measured = parser.add_argument_group("real talkers in measured rooms")
    measured.add_argument("--measured", action="store_true", help="compose from a data kit")
    measured.add_argument("--data", type=Path, help="data kit with rir/, av/, speech/, events/, arrays/")
    measured.add_argument(
        "--split",
        choices=("train", "val", "test", "all"),
        default="train",
        help="disjoint talkers and positions",
    )
    simulated = parser.add_argument_group("simulated rooms (without --measured)")
    simulated.add_argument(
        "--array", default="head_6mic", help="name of a shipped array, or a YAML or JSON file"
    )
    simulated.add_argument("--sample-rate", type=int, default=16000, metavar="HZ")
    simulated.add_argument(
        "--rt60", type=float, nargs=2, default=(0.15, 0.8), metavar=("LOW", "HIGH"), help="seconds"
    )
    simulated.add_argument("--speech", type=Path, help="folder of speech files (default: espeak-ng voices)")
    simulated.add_argument("--noise", type=Path, help="folder of noise files (default: generated)")
    simulated.add_argument(
        "--clips", type=Path, help="folder of talkers before blue (default: two portraits)"
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Make the scenes. Raises InputError where a part is missing or a scene exists."""
    from avloc_ros.simulation.batch import make_scenes
    from avloc_ros.simulation.scene_plan import Wishes

    wishes = Wishes(options.audio_only, options.talkers, options.condition, options.snr_db, options.duration)
    if options.measured != (options.data is not None):
        raise InputError("--measured and --data FOLDER belong together: scenes are composed from a data kit")
    make = _measured(options, wishes) if options.measured else _shoebox(options, wishes)
    make_scenes(make, options.out, options.count, options.jobs, error_console)
    console.print(f"{options.count} scenes in {options.out}")
    return 0


def _measured(options: argparse.Namespace, wishes: Wishes) -> Callable[[Path, int], object]:
    from avloc_ros.simulation.kit import open_kit
    from avloc_ros.simulation.measured import compose_scene

    kit = open_kit(options.data, options.split, face_model=options.face_model)
    return functools.partial(compose_scene, kit=kit, seed=options.seed, wishes=wishes)


def _shoebox(options: argparse.Namespace, wishes: Wishes) -> Callable[[Path, int], object]:
    from avloc_ros.simulation.kit import CLIP_SUFFIXES, SOUND_SUFFIXES, files_below
    from avloc_ros.simulation.shoebox import ShoeboxParts, compose_shoebox

    shipped = shipped_folder() / "config" / "arrays" / f"{options.array}.yaml"
    parts = ShoeboxParts(
        array=MicrophoneArray.load(shipped if shipped.is_file() else Path(options.array)),
        sample_rate_hz=options.sample_rate,
        rt60_s=tuple(options.rt60),
        voices=files_below(options.speech, SOUND_SUFFIXES),
        noises=files_below(options.noise, SOUND_SUFFIXES),
        clips=files_below(options.clips, CLIP_SUFFIXES),
        face_model=options.face_model,
    )
    return functools.partial(compose_shoebox, parts=parts, seed=options.seed, wishes=wishes)
