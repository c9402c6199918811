"""Voices in a measured room: an audio tracker and the speaker tracker on the task on which ODAS was measured, and beyond it.

usage: AVLOC_DATA=DIR python benchmarks/one_voice_in_a_room.py [--tracker any_array] [--scenes 16] [--seeds 11 ...] [--validation]
                                                               [--out FILE]

Per condition (one voice alone; 10 dB and 0 dB above a sound event from a corner; two and three voices; an event alone): share
of speech frames, from 0.1 s after an onset on, in which a reported speaker who speaks is within 10 degrees of azimuth;
reported speakers farther than 20 degrees from any talker, per frame; share of the frames with speech in which as many speakers
are reported. Talkers and events are those that neither trained nor calibrated anything; with --validation, others: the
validation talkers, and the events that neither trained nor belong to a test (datasets/mixtures/held_out.py).
ODAS on this task: .97 / .95 / .73 of the frames, 0 / .10 / .10 false.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from calibrate_srp import RATE_HZ, WINDOW, Parts, scene

from avloc_ros.cli.evaluate import chain_config
from avloc_ros.datasets.mixtures.held_out import recording_of, shares, talker_of
from avloc_ros.geometry import angles_from_direction, wrap_angle
from avloc_ros.microphone_array import MicrophoneArray
from avloc_ros.simulation.measured_rooms import share_of_split
from avloc_ros.systems.audio_tracker import DEFAULT_TRACKER
from avloc_ros.systems.localizer import Localizer, LocalizerConfig
from avloc_ros.types import AudioWindow, Speakers

AFTER_ONSET = 3  # frames: the first whose window ends 0.1 s after the onset
CONDITIONS = {  # talkers, level above the event in dB
    "alone": (1, None), "10 dB": (1, 10.0), "0 dB": (1, 0.0), "two": (2, None), "three": (3, None), "event": (0, 0.0),
}  # fmt: skip


@dataclass
class Scores:
    """What is counted over the scenes of one condition; all lists go by speech frames but `false`, which has every frame."""

    hits: list[bool] = field(default_factory=list)
    errors_deg: list[float] = field(default_factory=list)  # 180 where nobody is reported
    false: list[int] = field(default_factory=list)
    counts_right: list[bool] = field(default_factory=list)

    def add(self, found: list[Speakers], truth: list[tuple[float, np.ndarray]]) -> None:
        """One scene: truth has the azimuth and the activity per window of each talker."""
        for k, speakers in enumerate(found):
            azimuths = np.array([float(angles_from_direction(s.direction)[0]) for s in speakers.speakers if s.is_speaking])
            off = np.degrees(np.abs(wrap_angle(azimuths[:, None] - np.array([a for a, _ in truth])[None])))  # (found, talkers)
            self.false.append(int((off > 20).all(1).sum()))
            talking = sum(bool(active[k]) for _, active in truth)
            if talking:
                self.counts_right.append(len(azimuths) == talking)
            for talker, (_, active) in enumerate(truth):
                if k >= AFTER_ONSET and active[k - AFTER_ONSET : k + 1].all():
                    self.errors_deg.append(float(off[:, talker].min()) if len(azimuths) else 180.0)
                    self.hits.append(self.errors_deg[-1] < 10)

    def facts(self) -> dict[str, float | int | None]:
        """The figures; None where nobody speaks."""
        return {
            "within_10deg": float(np.mean(self.hits)) if self.hits else None,
            "false_per_frame": float(np.mean(self.false)),
            "azimuth_error_deg_median": float(np.median(self.errors_deg)) if self.hits else None,
            "count_right": float(np.mean(self.counts_right)) if self.counts_right else None,
            "frames": len(self.hits),
        }


def run(samples: np.ndarray, array: MicrophoneArray, config: LocalizerConfig) -> list[Speakers]:
    """Speakers of every frame."""
    localizer = Localizer(config, array, None, RATE_HZ)
    return [
        localizer.step(
            AudioWindow(k * 40_000_000, samples[k * WINDOW : (k + 1) * WINDOW], RATE_HZ), None
        ).speakers
        for k in range(len(samples) // WINDOW)
    ]


def validation_parts(root: Path) -> Parts:
    """Talkers and events to choose settings by: of no training, and of no test."""
    parts = Parts(root, validation=True)
    events, music = (sorted(p for p in (root / name).rglob("*") if p.suffix == ".ogg") for name in ("events", "music"))
    tested = share_of_split(events + music, "test")
    training, _ = shares(events, recording_of, [path for path in events if path in set(tested)])
    taken = {recording_of(path) for path in (*tested, *parts.events, *training)}
    parts.events = [path for path in events if recording_of(path) not in taken]
    parts.voices = shares(sorted((root / "speech").rglob("*.flac")), talker_of)[1]
    return parts


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--scenes", type=int, default=16)
    parser.add_argument("--seeds", type=int, nargs="+", default=[11, 12, 13, 14])
    parser.add_argument("--tracker", default=DEFAULT_TRACKER, choices=("blend", "any_array", "srp"))
    parser.add_argument("--config", type=Path, default=None, help="YAML with settings of the chain")
    parser.add_argument("--validation", action="store_true", help="voices and events to choose settings by")
    parser.add_argument("--out", default="")
    options = parser.parse_args()
    root = Path(os.environ["AVLOC_DATA"])
    array = MicrophoneArray.load(root / "arrays" / "frl7.json")
    parts = validation_parts(root) if options.validation else Parts(root, validation=True)
    config = replace(chain_config(options.config), senses="audio", audio_tracker=options.tracker)
    report = {"tracker": options.tracker, "seeds": options.seeds, "scenes_per_seed": options.scenes, "events": len(parts.events)}
    for number, name in enumerate(CONDITIONS):
        report[name] = condition(parts, array, config, options, number, *CONDITIONS[name])
        print(name, json.dumps(report[name]), flush=True)
    if options.out:
        Path(options.out).write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")


def condition(parts, array, config, options, number: int, talkers: int, above_event_db: float | None) -> dict:
    """Figures of one condition, over all seeds, and per seed."""
    total, per_seed, took = Scores(), [], 0.0
    for seed in options.seeds:
        own = Scores()
        for index in range(options.scenes):
            random = np.random.default_rng([seed, number, index])
            samples, truth = scene(parts, random, talkers, above_event_db)
            start = time.perf_counter()
            found = run(samples, array, config)
            took += time.perf_counter() - start
            own.add(found, truth)
            total.add(found, truth)
        per_seed.append([own.facts()["within_10deg"], own.facts()["false_per_frame"]])
    return {**total.facts(), "per_seed": per_seed, "ms_per_frame": 1e3 * took / len(total.false)}


if __name__ == "__main__":
    main()
