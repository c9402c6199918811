"""`avloc simulate --events` and `--egocentric`: scenes of sound events, and scenes as a pair of glasses records them."""

from __future__ import annotations

import argparse
import functools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from avloc_ros.cli.given_options import overrides_of, refuse
from avloc_ros.sources.arrays import named_array
from avloc_ros.types import InputError

if TYPE_CHECKING:
    from avloc_ros.microphone_array import MicrophoneArray
    from avloc_ros.simulation.events.event_scene import EventSceneConfig
    from avloc_ros.simulation.glasses.guests import EgocentricParts

Make = Callable[[Path, int], object]
# Options that stand in the way of a kind, by their names in the parsed options.
TALKERS_ONLY = (
    "audio_only", "talkers", "condition", "together", "measured", "measured_share", "like", "in_view", "moving", "crossing",
    "noise",
)  # fmt: skip
NOT_FOR_EVENTS = (*TALKERS_ONLY, "data", "speech", "clips", "face_model")
NOT_FOR_EGOCENTRIC = (*TALKERS_ONLY, "array", "event_clips")


def add_kind_options(group: argparse._ArgumentGroup) -> None:
    """Options of scenes that are not of talkers around an array."""
    group.add_argument(
        "--events", action="store_true", help="FOA scenes of sound events of 13 classes or your own, with truth_events.csv"
    )
    group.add_argument(
        "--event-clips",
        type=Path,
        metavar="DIR",
        help="with --events: a folder of sounds per class, named like it; names beside the 13 make a table of your own "
        "(default: formulas)",
    )
    group.add_argument(
        "--egocentric",
        action="store_true",
        help="what glasses record among 2 to 5 people; --data, --speech, --clips and --face-model give real ones",
    )
    group.add_argument(
        "--set", action="append", default=[], metavar="NAME=VALUE", help="with --events, --egocentric: a setting (docs/scenes.md)"
    )


def kind_maker(options: argparse.Namespace) -> Make | None:
    """What makes a scene of the kind that is asked for; None: of talkers around an array. Raises InputError."""
    if options.events and options.egocentric:
        raise InputError("--events and --egocentric are two kinds of scenes: choose one")
    if options.events:
        refuse(options, NOT_FOR_EVENTS, "--events")
        return _event_maker(options)
    if options.egocentric:
        refuse(options, NOT_FOR_EGOCENTRIC, "--egocentric")
        return _egocentric_maker(options)
    if options.set or options.event_clips is not None:
        raise InputError("--set and --event-clips belong to --events or --egocentric")
    return None


def make_event_scene(
    folder: Path,
    index: int,
    *,
    config: EventSceneConfig,
    clips: dict[str, tuple[Path, ...]],
    seed: int,
    array: MicrophoneArray | None = None,
) -> object:
    """Write scene number `index`; the same arguments give the same scene."""
    from avloc_ros.simulation.events.event_scene import compose_event_scene, scene_random

    return compose_event_scene(folder, config, scene_random(seed, index), clips, array)


def _event_maker(options: argparse.Namespace) -> Make:
    from avloc_ros.simulation.events.event_scene import EventSceneConfig

    given = _given(options, duration="duration_s", snr=("lowest_snr_db", "highest_snr_db"))
    given |= _range(options.rt60, "lowest_rt60_s", "highest_rt60_s")
    config = _settings(EventSceneConfig, given, options)
    clips = _clips(options.event_clips)
    array = None if options.array is None else named_array(options.array)
    return functools.partial(make_event_scene, config=config, clips=clips, seed=options.seed, array=array)


def _egocentric_maker(options: argparse.Namespace) -> Make:
    from avloc_ros.simulation.glasses.config import EgocentricConfig
    from avloc_ros.simulation.glasses.scene import compose_egocentric

    given = _given(options, duration="seconds", snr=("lowest_snr_db", "highest_snr_db"))
    given |= _range(options.rt60, "shortest_rt60_s", "longest_rt60_s")
    config = _settings(EgocentricConfig, given, options)
    return functools.partial(compose_egocentric, seed=options.seed, config=config, parts=_people(options))


def _people(options: argparse.Namespace) -> EgocentricParts:
    """Voices and filmed talkers: folders that the user names before the split of a kit; none: synthetic ones."""
    from avloc_ros.simulation.glasses.guests import EgocentricParts
    from avloc_ros.simulation.kit import CLIP_SUFFIXES, SOUND_SUFFIXES, files_below, open_kit

    kit = None if options.data is None else open_kit(options.data, options.split, face_model=options.face_model)
    return EgocentricParts(
        voices=files_below(options.speech, SOUND_SUFFIXES) or (kit.voices if kit else ()),
        clips=files_below(options.clips, CLIP_SUFFIXES) or (kit.clips if kit else ()),
        face_model=kit.face_model if kit else options.face_model,
    )


def _clips(folder: Path | None) -> dict[str, tuple[Path, ...]]:
    """{class: its files} of a folder with one folder per class.

    Raises InputError where there is none, or one that stands for no known class is empty.
    """
    from avloc_ros.simulation.kit import SOUND_SUFFIXES, files_below

    if folder is None:
        return {}
    found = {path.name: files_below(path, SOUND_SUFFIXES) for path in sorted(folder.glob("*")) if path.is_dir()}
    if not found:
        raise InputError(f"{folder} holds no folders: need one per class, named like it, with its sounds")
    return found


def _given(options: argparse.Namespace, *, duration: str, snr: tuple[str, str]) -> dict[str, Any]:
    """What the common options say, by the names of the kind's settings."""
    found: dict[str, Any] = {}
    if options.duration is not None:
        found[duration] = options.duration
    if options.sample_rate is not None:
        found["sample_rate_hz"] = options.sample_rate
    if options.snr_db is not None:
        found |= dict.fromkeys(snr, options.snr_db)
    return found


def _range(values: Sequence[float] | None, low: str, high: str) -> dict[str, float]:
    return {} if values is None else {low: values[0], high: values[1]}


def _settings(config: type[Any], given: dict[str, Any], options: argparse.Namespace) -> Any:
    from avloc_ros.config import from_mapping

    return from_mapping(config, given | overrides_of(options.set), "avloc simulate --set")
