"""`avloc simulate`: scenes with exact truth: talkers in measured or simulated rooms, sound events, a wearer's glasses."""

from __future__ import annotations

import argparse
import functools
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from avloc_ros.cli.console import console, error_console
from avloc_ros.cli.simulate_kinds import add_kind_options, kind_maker
from avloc_ros.sources.arrays import named_array
from avloc_ros.types import InputError

if TYPE_CHECKING:
    from avloc_ros.simulation.kit import Kit
    from avloc_ros.simulation.scene_plan import Wishes
    from avloc_ros.simulation.shoebox_plan import ShoeboxParts

Make = Callable[[Path, int], object]
# What a user may leave out, and what it is then; `--like avdiar` has its own (as the AVDIAR corpus was recorded).
PLAIN: dict[str, Any] = {"array": "head_6mic", "sample_rate": 16000, "rt60": (0.15, 0.8), "in_view": None, "moving": 0.0}
LIKE: dict[str, dict[str, Any]] = {"avdiar": {"sample_rate": 48000, "in_view": 0.85, "moving": 0.3}}


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `avloc simulate`."""
    parser = subparsers.add_parser("simulate", help="make scenes with exact truth")
    parser.add_argument("--out", type=Path, required=True, help="folder of the new scenes")
    parser.add_argument("--count", type=int, default=10, help="how many scenes (default: 10)")
    parser.add_argument(
        "--first", type=int, default=0, metavar="N", help="number of the first scene (default: 0)"
    )
    parser.add_argument("--seed", type=int, default=0, help="the same seed gives the same scenes")
    parser.add_argument("--jobs", type=int, default=1, help="processes side by side")
    parser.add_argument("--dask", metavar="ADDRESS", help="scheduler of a dask cluster that makes the scenes")
    parser.add_argument("--audio-only", action="store_true", help="voices without pictures")
    parser.add_argument("--talkers", type=int, help="how many talkers (default: drawn from 1 to 4)")
    parser.add_argument(
        "--condition",
        help="clean, noisy, dark, blur, glare, occluded, turned, or noisy_dark and so on "
        "(default: half of the scenes clean, the others in turns)",
    )
    parser.add_argument(
        "--trouble-free",
        action="store_const",
        dest="condition",
        const="clean",
        help="the same as --condition clean",
    )
    parser.add_argument(
        "--together", action="store_true", help="nobody waits for the others (default: drawn, 4 scenes in 10)"
    )
    parser.add_argument(
        "--snr-db", type=float, help="speech against noise in noisy scenes (default: drawn, 0 to 15)"
    )
    parser.add_argument(
        "--duration", type=float, metavar="S", help="length of a scene (default: drawn, 6 to 10)"
    )
    parser.add_argument("--face-model", type=Path, help="YuNet ONNX that measures the talkers' clips")
    _add_kit_options(parser.add_argument_group("parts from a data kit"))
    _add_shoebox_options(parser.add_argument_group("simulated rooms (without --measured)"))
    add_kind_options(parser.add_argument_group("other kinds of scenes"))
    parser.set_defaults(run=run)


def _add_kit_options(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--measured", action="store_true", help="real talkers in the kit's measured rooms")
    group.add_argument(
        "--data",
        type=Path,
        help="data kit with rir/, av/, speech/, events/, arrays/; without --measured its talkers stand in simulated rooms",
    )
    group.add_argument(
        "--split",
        choices=("train", "val", "test", "all"),
        default="train",
        help="disjoint talkers and positions",
    )
    group.add_argument(
        "--measured-share",
        type=float,
        metavar="SHARE",
        help="this share of the scenes in measured rooms, the others simulated for the kit's array",
    )


def _add_shoebox_options(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--like", choices=sorted(LIKE), help="array, rate, view and movement of a corpus")
    group.add_argument("--array", help="name of a shipped array, or a YAML or JSON file (default: head_6mic; --events: FOA)")
    group.add_argument("--sample-rate", type=int, metavar="HZ", help="(default: 16000; like avdiar: 48000)")
    group.add_argument(
        "--rt60", type=float, nargs=2, metavar=("LOW", "HIGH"), help="seconds (default: 0.15 0.8)"
    )
    group.add_argument(
        "--in-view",
        type=float,
        metavar="SHARE",
        help="talkers who stand before the camera (default: anywhere; like avdiar: 0.85)",
    )
    group.add_argument(
        "--moving",
        type=float,
        metavar="SHARE",
        help="scenes in which somebody walks (default: 0; like avdiar: 0.3)",
    )
    group.add_argument(
        "--crossing", action="store_true", help="two talkers cross before the camera at 1 m/s in every scene"
    )
    group.add_argument("--speech", type=Path, help="folder of speech files (default: espeak-ng voices)")
    group.add_argument("--noise", type=Path, help="folder of noise files (default: generated)")
    group.add_argument("--clips", type=Path, help="folder of talkers before blue (default: two portraits)")


def run(options: argparse.Namespace) -> int:
    """Make the scenes. Raises InputError where a part is missing or a scene exists."""
    from avloc_ros.simulation.batch import make_scenes

    make = kind_maker(options)
    if make is None:
        make = _talker_maker(options)
    make_scenes(
        make, options.out, options.count, options.jobs, error_console, first=options.first, dask=options.dask
    )
    console.print(f"{options.count} scenes in {options.out}")
    return 0


def _talker_maker(options: argparse.Namespace) -> Make:
    from avloc_ros.simulation.scene_plan import Wishes

    wishes = Wishes(
        options.audio_only,
        options.talkers,
        options.condition,
        options.snr_db,
        options.duration,
        True if options.together else None,
    )
    return _maker(options, wishes)


def _maker(options: argparse.Namespace, wishes: Wishes) -> Make:
    from avloc_ros.simulation.measured import compose_scene
    from avloc_ros.simulation.mixture import compose_either
    from avloc_ros.simulation.shoebox import compose_shoebox

    kit = _kit(options)
    if options.measured_share is not None:
        if kit is None or options.measured or options.array or options.like or options.sample_rate:
            raise InputError(
                "--measured-share mixes measured rooms with simulated ones for the kit's own array: give --data, "
                "and none of --measured, --array, --like and --sample-rate"
            )
        return functools.partial(
            compose_either,
            kit=kit,
            parts=_parts(options, kit),
            measured_share=options.measured_share,
            seed=options.seed,
            wishes=wishes,
        )
    if options.measured:
        if kit is None:
            raise InputError(
                "--measured needs --data FOLDER: scenes in measured rooms are composed from a data kit"
            )
        return functools.partial(compose_scene, kit=kit, seed=options.seed, wishes=wishes)
    return functools.partial(compose_shoebox, parts=_parts(options, kit), seed=options.seed, wishes=wishes)


def _kit(options: argparse.Namespace) -> Kit | None:
    from avloc_ros.simulation.kit import open_kit

    if options.data is None:
        return None
    return open_kit(options.data, options.split, face_model=options.face_model)


def _parts(options: argparse.Namespace, kit: Kit | None) -> ShoeboxParts:
    """What simulated rooms are made of: folders that the user names before the kit's, the kit's before what is built in."""
    from avloc_ros.simulation.kit import CLIP_SUFFIXES, SOUND_SUFFIXES, files_below
    from avloc_ros.simulation.shoebox_plan import DUBBED_SHARE, ShoeboxParts

    defaults = PLAIN | LIKE.get(options.like, {})
    chosen: dict[str, Any] = {
        name: default if getattr(options, name) is None else getattr(options, name)
        for name, default in defaults.items()
    }
    array = kit.array if options.measured_share is not None and kit else named_array(str(chosen["array"]))
    return ShoeboxParts(
        array=array,
        sample_rate_hz=chosen["sample_rate"],
        rt60_s=tuple(chosen["rt60"]),
        voices=files_below(options.speech, SOUND_SUFFIXES) or (kit.voices if kit else ()),
        noises=files_below(options.noise, SOUND_SUFFIXES) or (kit.noises if kit else ()),
        clips=files_below(options.clips, CLIP_SUFFIXES) or (kit.clips if kit else ()),
        face_model=options.face_model or (kit.face_model if kit else None),
        in_view_share=chosen["in_view"],
        moving_share=chosen["moving"],
        crossing=options.crossing,
        dubbed_share=DUBBED_SHARE if kit or options.speech else 0.0,
        split=options.split if kit else None,
    )

