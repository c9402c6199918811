"""`avloc evaluate SCENE... --system av_seld|coloc`: scores sound event systems on recordings with truth_events.csv."""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rich.progress import track

from avloc_ros.cli.console import console, error_console
from avloc_ros.cli.dcase_scores import print_scores
from avloc_ros.cli.given_options import refuse
from avloc_ros.types import InputError

if TYPE_CHECKING:
    from avloc_ros.sources.dcase_csv import EventRow
    from avloc_ros.systems.sound_events import SoundEventsConfig

SYSTEMS = ("av_seld", "coloc")
NOT_FOR_EVENTS = (
    "tracker", "fusion", "refine", "audio_tracker", "validation", "compare", "grid_sizes", "config", "array", "rotate_channels",
    "cache",
)  # fmt: skip


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of sound event systems."""
    group = parser.add_argument_group("sound events (--system av_seld, coloc)")
    group.add_argument(
        "--live", action="store_true", help="as the robot hears: hop by hop, with tracker (default: chunks side by side)"
    )


def wanted(options: argparse.Namespace) -> bool:
    """Whether the command line asks for a sound event system."""
    return options.system in SYSTEMS


def run(options: argparse.Namespace) -> int:
    """Run, score, write metrics.json and predictions/*.csv; raises InputError on bad input."""
    from avloc_ros.datasets.events.event_folders import read_event_folders
    from avloc_ros.evaluation.metrics_file import machine
    from avloc_ros.evaluation.seld.event_runs import events_by_chunks, events_live, open_network
    from avloc_ros.evaluation.seld.folders import score_recordings, write_scores
    from avloc_ros.sources.dcase_csv import write_events
    from avloc_ros.systems.sound_events import SoundEventSystem

    if not options.paths:
        raise InputError("nothing to evaluate: give scenes with truth_events.csv, or a STARSS or L3DAS23 folder")
    refuse(options, NOT_FOR_EVENTS, f"--system {options.system}")
    config = _config(options)
    system = SoundEventSystem(config) if options.live else None
    network = system.network if system is not None else open_network(config)
    found = read_event_folders(options.paths)
    recordings = found.of_split("test") + found.simulated
    pairs: dict[str, tuple[Sequence[EventRow], Sequence[EventRow]]] = {}
    frames: dict[str, int] = {}
    folder = options.out / "predictions"
    folder.mkdir(parents=True, exist_ok=True)
    for recording in track(recordings, "evaluating", console=error_console, transient=True):
        predicted = events_by_chunks(network, recording) if system is None else events_live(system, recording)
        truth = recording.rows()
        write_events(folder / f"{recording.name}.csv", predicted)
        pairs[recording.name] = (truth, predicted)
        frames[recording.name] = 1 + max((row.frame for row in (*truth, *predicted)), default=0)
    scores = score_recordings(pairs, len(network.classes), frames)
    scores |= {
        "system": options.system,
        "weights": network.name,
        "threshold": network.on,
        "live": options.live,
        "command": shlex.join(["avloc", *sys.argv[1:]]),
        "machine": machine(),
    }
    print_scores(scores)
    console.print(f"scores: {write_scores(options.out, scores)}", soft_wrap=True)
    return 0


def _config(options: argparse.Namespace) -> SoundEventsConfig:
    from avloc_ros.systems.event_network import EventNetworkConfig
    from avloc_ros.systems.sound_events import SoundEventsConfig

    if options.threshold is not None and not 0 < options.threshold <= 1:
        raise InputError(f"--threshold is {options.threshold}, allowed: above 0, up to 1")
    if len(options.weights) > 1:
        raise InputError(f"--weights is given {len(options.weights)} times: a sound event system has one set")
    weights = str(Path(options.weights[0])) if options.weights else ""
    network = EventNetworkConfig(weights=weights, threshold=options.threshold or 0.0, device="cpu")
    return SoundEventsConfig(backend=options.system, network=network)
