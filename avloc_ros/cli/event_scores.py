"""`avloc evaluate SCENE... --system av_seld|coloc`: scores sound event systems on recordings with truth_events.csv."""

from __future__ import annotations

import argparse
import shlex
import statistics
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
    from avloc_ros.datasets.events.event_recording import EventRecording
    from avloc_ros.sources.dcase_csv import EventRow
    from avloc_ros.systems.event_network import EventNetwork
    from avloc_ros.systems.sound_events import SoundEventsConfig, SoundEventSystem

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
    group.add_argument(
        "--processing-s", type=float, default=None, metavar="S",
        help="--live: time from the newest sound to the message, which adds to onset delays (default: a run here, median)",
    )  # fmt: skip


def wanted(options: argparse.Namespace) -> bool:
    """Whether the command line asks for a sound event system."""
    return options.system in SYSTEMS


def run(options: argparse.Namespace) -> int:
    """Run, score, write metrics.json and predictions/*.csv; raises InputError on bad input."""
    from avloc_ros.datasets.events.event_folders import read_event_folders
    from avloc_ros.evaluation.metrics_file import machine
    from avloc_ros.evaluation.seld.event_runs import open_network
    from avloc_ros.evaluation.seld.folders import score_recordings, write_scores
    from avloc_ros.systems.sound_events import SoundEventSystem

    if not options.paths:
        raise InputError("nothing to evaluate: give scenes with truth_events.csv, or a STARSS or L3DAS23 folder")
    refuse(options, NOT_FOR_EVENTS, f"--system {options.system}")
    config = _config(options)
    system = SoundEventSystem(config) if options.live else None
    network = system.network if system is not None else open_network(config)
    found = read_event_folders(options.paths)
    runs = _Runs(network, system, options.out / "predictions")
    for recording in track(found.of_split("test") + found.simulated, "evaluating", console=error_console, transient=True):
        runs.add(recording)
    scores = score_recordings(runs.pairs, len(network.classes), runs.frames)
    scores |= {
        "system": options.system,
        "weights": network.name,
        "threshold": network.on,
        "live": options.live,
        "command": shlex.join(["avloc", *sys.argv[1:]]),
        "machine": machine(),
    }
    print_scores(scores)
    if system is not None:
        processing_s = statistics.median(runs.runs_s) if options.processing_s is None else options.processing_s
        scores["onsets"] = runs.onsets.summary(processing_s)
        _print_onsets(scores["onsets"])
    console.print(f"scores: {write_scores(options.out, scores)}", soft_wrap=True)
    return 0


class _Runs:
    """Lets a network, or the system around it as it runs live, hear one recording after the other, and keeps what they told.

    pairs: (truth, told) and frames: label frames, by recording; runs_s: how long each run of a live network took.
    """

    def __init__(self, network: EventNetwork, system: SoundEventSystem | None, folder: Path) -> None:
        from avloc_ros.evaluation.seld.onset_delays import OnsetCounts

        self._network, self._system, self._folder = network, system, folder
        self.pairs: dict[str, tuple[Sequence[EventRow], Sequence[EventRow]]] = {}
        self.frames: dict[str, int] = {}
        self.onsets, self.runs_s = OnsetCounts(), [0.0]
        folder.mkdir(parents=True, exist_ok=True)

    def add(self, recording: EventRecording) -> None:
        """One more recording, whose events are also written to a file."""
        from avloc_ros.sources.dcase_csv import write_events

        truth = recording.rows()
        told = self._told(recording, truth)
        write_events(self._folder / f"{recording.name}.csv", told)
        self.pairs[recording.name] = (truth, told)
        self.frames[recording.name] = 1 + max((row.frame for row in (*truth, *told)), default=0)

    def _told(self, recording: EventRecording, truth: Sequence[EventRow]) -> Sequence[EventRow]:
        from avloc_ros.evaluation.seld.event_runs import events_by_chunks, events_live

        if self._system is None:
            return events_by_chunks(self._network, recording)
        live = events_live(self._system, recording)
        self.onsets.add(truth, live.told, live.frames)
        self.runs_s += live.runs_s
        return live.rows


def _print_onsets(onsets: dict[str, float | None]) -> None:
    delay_s = onsets["onset_delay_s_median"]
    console.print(
        f"right class within 20 degrees: {onsets['onset_within_0.6s']:.0%} of {onsets['events']} events within 0.6 s of their "
        f"onset, {onsets['events_told']:.0%} at all, median {'-' if delay_s is None else f'{delay_s:.2f}'} s, with "
        f"{onsets['processing_s']:.2f} s of processing; {onsets['false_events_per_minute']:.1f} false events a minute"
    )


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
