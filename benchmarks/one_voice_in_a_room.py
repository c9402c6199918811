"""One voice in a measured room: an audio tracker and the speaker tracker on the task on which ODAS was measured.

usage: AVLOC_DATA=DIR python benchmarks/one_voice_in_a_room.py [--tracker any_array] [--scenes 16] [--seeds 11 ...] [--out FILE]

Per condition (alone; 10 dB and 0 dB above a sound event from a corner): share of speech frames, from 0.1 s after an
onset on, in which a reported speaker who speaks is within 10 degrees of azimuth; reported speakers farther than 20
degrees from the talker, per frame. Talkers and events are those that neither trained nor calibrated anything.
ODAS on this task: .97 / .95 / .73 of the frames, 0 / .10 / .10 false.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
from calibrate_srp import RATE_HZ, WINDOW, Parts, scene

from avloc_ros.cli.evaluate import chain_config
from avloc_ros.geometry import MicrophoneArray, angles_from_direction, wrap_angle
from avloc_ros.systems.audio_tracker import DEFAULT_TRACKER
from avloc_ros.systems.localizer import Localizer, LocalizerConfig
from avloc_ros.types import AudioWindow, Speakers

AFTER_ONSET = 3  # frames: the first whose window ends 0.1 s after the onset


def run(samples: np.ndarray, array: MicrophoneArray, config: LocalizerConfig) -> list[Speakers]:
    """Speakers of every frame."""
    localizer = Localizer(config, array, None, RATE_HZ)
    return [
        localizer.step(
            AudioWindow(k * 40_000_000, samples[k * WINDOW : (k + 1) * WINDOW], RATE_HZ), None
        ).speakers
        for k in range(len(samples) // WINDOW)
    ]


def score(
    found: list[Speakers], azimuth_rad: float, active: np.ndarray
) -> tuple[list[bool], list[int], list[float]]:
    """Whether the talker was found, per scored speech frame; false speakers, per frame; azimuth errors, a miss counts 180."""
    hits, false, errors = [], [], []
    for k, speakers in enumerate(found):
        azimuths = np.array(
            [float(angles_from_direction(s.direction)[0]) for s in speakers.speakers if s.is_speaking]
        )
        off = np.degrees(np.abs(wrap_angle(azimuths - azimuth_rad)))
        false.append(int((off > 20).sum()))
        if active[max(0, k - AFTER_ONSET) : k + 1].all() and k >= AFTER_ONSET:
            hits.append(bool((off < 10).any()))
            errors.append(float(off.min()) if len(off) else 180.0)
    return hits, false, errors


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--scenes", type=int, default=16)
    parser.add_argument("--seeds", type=int, nargs="+", default=[11, 12, 13, 14])
    parser.add_argument("--tracker", default=DEFAULT_TRACKER, choices=("blend", "any_array", "srp"))
    parser.add_argument("--config", type=Path, default=None, help="YAML with settings of the chain")
    parser.add_argument("--out", default="")
    options = parser.parse_args()
    root = Path(os.environ["AVLOC_DATA"])
    array, parts = MicrophoneArray.load(root / "arrays" / "frl7.json"), Parts(root, validation=True)
    config = replace(chain_config(options.config), senses="audio", audio_tracker=options.tracker)
    report = {"tracker": options.tracker, "seeds": options.seeds, "scenes_per_seed": options.scenes}
    for number, above_event_db in enumerate((None, 10.0, 0.0)):
        name = "alone" if above_event_db is None else f"{above_event_db:.0f} dB"
        report[name] = condition(parts, array, config, options, number, above_event_db)
        print(name, json.dumps(report[name]), flush=True)
    if options.out:
        Path(options.out).write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")


def condition(parts, array, config, options, number: int, above_event_db: float | None) -> dict:
    """Figures of one condition, over all seeds, and per seed."""
    hits, false, errors, per_seed, took = [], [], [], [], 0.0
    for seed in options.seeds:
        first = len(hits), len(false)
        for index in range(options.scenes):
            random = np.random.default_rng([seed, number, index])
            samples, truth = scene(parts, random, 1, above_event_db)
            start = time.perf_counter()
            found = run(samples, array, config)
            took += time.perf_counter() - start
            h, f, e = score(found, *truth[0])
            hits += h
            false += f
            errors += e
        per_seed.append([float(np.mean(hits[first[0] :])), float(np.mean(false[first[1] :]))])
    return {
        "within_10deg": float(np.mean(hits)),
        "false_per_frame": float(np.mean(false)),
        "azimuth_error_deg_median": float(np.median(errors)),
        "per_seed": per_seed,
        "frames": len(hits),
        "ms_per_frame": 1e3 * took / len(false),
    }


if __name__ == "__main__":
    main()
