"""Every shipped array in the same simulated rooms, with the default tracker: who is found by ear alone.

usage: AVLOC_DATA=DIR python benchmarks/every_array.py [--scenes 8] [--seed 21] [--tracker blend] [--validation] [--out FILE]

All arrays hear the same talkers from the same place in the same shoebox rooms (pyroomacoustics, RT60 .2 to .6 s); those on a
line hear talkers who stand in front of them, for they can tell no others. Per array and condition: what one_voice_in_a_room.py
counts, whose talkers and events these are (no training and no calibration heard them; --validation: the validation ones).
"""

from __future__ import annotations

import argparse
import json
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyroomacoustics
from calibrate_srp import RATE_HZ, SCENE_S, Parts, _sound, _voice, activity
from one_voice_in_a_room import Scores, run, validation_parts

from avloc_ros.cli.evaluate import chain_config
from avloc_ros.features.directions.array_ambiguity import ArrayAmbiguity
from avloc_ros.geometry import direction_from_angles, wrap_angle
from avloc_ros.microphone_array import MicrophoneArray
from avloc_ros.sources.arrays import shipped_arrays
from avloc_ros.systems.audio_tracker import DEFAULT_TRACKER

CONDITIONS = {"alone": (1, None), "5 dB": (1, 5.0), "two": (2, None), "event": (0, 0.0)}  # talkers, dB above the event
FRONT = 1 / 2.4  # azimuths of talkers before arrays on a line: 75 degrees at most


class Room:
    """One shoebox with all arrays at one point, and what they record there."""

    def __init__(self, arrays: list[MicrophoneArray], random: np.random.Generator) -> None:
        self.size = np.array([random.uniform(4, 8), random.uniform(3.5, 6), random.uniform(2.5, 3.2)])
        absorption, order = pyroomacoustics.inverse_sabine(random.uniform(0.2, 0.6), self.size)
        self.centre = np.append(random.uniform(1.7, self.size[:2] - 1.7), random.uniform(0.8, 1.4))
        self._room = pyroomacoustics.ShoeBox(
            self.size, fs=RATE_HZ, materials=pyroomacoustics.Material(absorption), max_order=min(order, 14)
        )
        self._channels = [array.channels for array in arrays]
        self._room.add_microphone_array(np.concatenate([self.centre + array.positions_m for array in arrays]).T)

    def add(self, sound: np.ndarray, azimuth_rad: float, elevation_rad: float, range_m: float) -> None:
        """A source in that direction from the arrays, as loud there at any range; nearer where a wall is in the way."""
        place = self.centre + range_m * direction_from_angles(azimuth_rad, elevation_rad)
        while (place < 0.15).any() or (place > self.size - 0.15).any():
            range_m *= 0.9
            place = self.centre + range_m * direction_from_angles(azimuth_rad, elevation_rad)
        self._room.add_source(place, signal=sound * range_m)

    def record(self, random: np.random.Generator) -> list[np.ndarray]:
        """Samples (frames, channels) of each array, with the noise of its microphones."""
        self._room.simulate()
        heard = self._room.mic_array.signals.T[: round(SCENE_S * RATE_HZ)]
        heard = 0.3 * heard / np.abs(heard).max() + random.normal(size=heard.shape) * 10 ** random.uniform(-4, -3)
        return np.split(heard.astype(np.float32), np.cumsum(self._channels)[:-1], axis=1)


def scene(parts: Parts, arrays: list[MicrophoneArray], random: np.random.Generator, talkers: int, above_event_db, widest: float):
    """What each array records, and azimuth and activity per window of each talker."""
    room, count, truth = Room(arrays, random), round(SCENE_S * RATE_HZ), []
    first = random.uniform(-np.pi, np.pi)
    apart = random.choice([-1, 1]) * np.radians(random.uniform(40, 120))
    for azimuth in np.array([first, wrap_angle(first + apart)])[:talkers] * widest:
        voice = _voice(parts, random, count) * 10 ** (random.uniform(-2, 2) / 20)
        room.add(voice, float(azimuth), np.radians(random.uniform(-5, 25) * widest), random.uniform(0.7, 3.0))
        truth.append((float(azimuth), activity(voice)))
    if above_event_db is not None:
        event = np.resize(_sound(parts.events[random.integers(len(parts.events))]), count)
        event *= 0.05 / max(np.sqrt(np.mean(event**2)), 1e-9) * 10 ** (-above_event_db / 20)
        elsewhere = wrap_angle(first + np.pi + random.uniform(-1.5, 1.5))
        room.add(event, float(elsewhere) * widest, np.radians(random.uniform(-5, 30) * widest), random.uniform(1.2, 3.0))
    return room.record(random), truth


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scenes", type=int, default=8)
    parser.add_argument("--seed", type=int, default=21)
    parser.add_argument("--tracker", default=DEFAULT_TRACKER, choices=("blend", "any_array", "srp"))
    parser.add_argument("--validation", action="store_true", help="voices and events to choose settings by")
    parser.add_argument("--out", default="")
    options = parser.parse_args()
    root = Path(os.environ["AVLOC_DATA"])
    parts = validation_parts(root) if options.validation else Parts(root, validation=True)
    config = replace(chain_config(None), senses="audio", audio_tracker=options.tracker)
    shipped = {name: MicrophoneArray.load(path) for name, path in shipped_arrays().items()}
    in_front = {name for name, array in shipped.items() if ArrayAmbiguity(array).on_a_line}
    scores = {name: {condition: Scores() for condition in CONDITIONS} for name in shipped}
    facts = {}
    for names, widest in ((sorted(set(shipped) - in_front), 1.0), (sorted(in_front), FRONT)):
        arrays = [shipped[name] for name in names]
        for number, (condition, (talkers, above_event_db)) in enumerate(CONDITIONS.items()):
            for index in range(options.scenes):
                random = np.random.default_rng([options.seed, number, index])
                heard, truth = scene(parts, arrays, random, talkers, above_event_db, widest)
                for name, samples in zip(names, heard, strict=True):
                    scores[name][condition].add(run(samples, shipped[name], config), truth)
        for name in names:
            facts[name] = {condition: scored.facts() for condition, scored in scores[name].items()}
            print(name, json.dumps(facts[name]), flush=True)
    if options.out:
        about = {"tracker": options.tracker, "seed": options.seed, "scenes": options.scenes, "arrays": facts}
        Path(options.out).write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
