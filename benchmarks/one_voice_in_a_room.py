"""One voice in a measured room: srp and the speaker tracker on the task on which ODAS was measured.

usage: AVLOC_DATA=DIR python benchmarks/one_voice_in_a_room.py [--scenes 16] [--seed 7] [--out FILE.json]

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

from avloc_ros.geometry import MicrophoneArray, angles_from_direction, wrap_angle
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


def score(found: list[Speakers], azimuth_rad: float, active: np.ndarray) -> tuple[list[bool], list[int]]:
    """Whether the talker was found, per scored speech frame; false speakers, per frame."""
    hits, false = [], []
    for k, speakers in enumerate(found):
        azimuths = np.array(
            [float(angles_from_direction(s.direction)[0]) for s in speakers.speakers if s.is_speaking]
        )
        off = np.degrees(np.abs(wrap_angle(azimuths - azimuth_rad)))
        false.append(int((off > 20).sum()))
        if active[max(0, k - AFTER_ONSET) : k + 1].all() and k >= AFTER_ONSET:
            hits.append(bool((off < 10).any()))
    return hits, false


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--scenes", type=int, default=16)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--threshold", type=float, default=-1.0, help="of srp; negative: its default")
    parser.add_argument("--out", default="")
    options = parser.parse_args()
    root = Path(os.environ["AVLOC_DATA"])
    array, parts = MicrophoneArray.load(root / "arrays" / "frl7.json"), Parts(root, validation=True)
    config = LocalizerConfig(senses="audio")
    if options.threshold >= 0:
        config = replace(config, srp=replace(config.srp, threshold=options.threshold))
    report = {}
    for number, above_event_db in enumerate((None, 10.0, 0.0)):
        hits, false, took = [], [], 0.0
        for index in range(options.scenes):
            random = np.random.default_rng([options.seed, number, index])
            samples, truth = scene(parts, random, 1, above_event_db)
            start = time.perf_counter()
            found = run(samples, array, config)
            took += time.perf_counter() - start
            h, f = score(found, *truth[0])
            hits += h
            false += f
        name = "alone" if above_event_db is None else f"{above_event_db:.0f} dB"
        report[name] = {
            "within_10deg": float(np.mean(hits)),
            "false_per_frame": float(np.mean(false)),
            "frames": len(hits),
            "ms_per_frame": 1e3 * took / len(false),
        }
    print(json.dumps(report, indent=1))
    if options.out:
        Path(options.out).write_text(json.dumps(report, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
