"""ESC-10 as a user's own sounds, heard by an array in measured rooms: class accuracy on clips left out, and direction error.

usage: AVLOC_DATA=KIT python benchmarks/esc10_rooms.py data DIR [--jobs 2]
       AVLOC_DATA=KIT python benchmarks/esc10_rooms.py train DIR [--seed 0]
       AVLOC_DATA=KIT python benchmarks/esc10_rooms.py score DIR [--split test] [--seeds 0 1] --out FILE.json

Clips: fold 1 and half of 2 are learnt from, the other half of 2 validates, 3 is scored. Learnt from are simulated rooms alone
(`avloc simulate --events --event-clips --array`, then `avloc train own_sounds`): the kit's measured rooms, seven microphones at
16 kHz, only validate and test; rooms of the test are not those of the validation. There one clip sounds at a time for 3 s.
A clip's class is the one that the query by itself, as the node runs it, is surest of over its frames; its direction is that in
which this class is told.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from scipy.signal import fftconvolve

from avloc_ros.cli.main import main as avloc
from avloc_ros.datasets.events.event_recording import read_sound, resampled
from avloc_ros.evaluation.metrics_file import machine
from avloc_ros.geometry import angle_between
from avloc_ros.microphone_array import MicrophoneArray
from avloc_ros.simulation.kit import Kit, open_kit
from avloc_ros.simulation.measured import read_mono
from avloc_ros.simulation.measured_rooms import position_m, read_response
from avloc_ros.sources.dcase_csv import FRAME_S, TRUTH_NAME, EventRow, read_events, write_events
from avloc_ros.sources.scene import load_scene, write_scene
from avloc_ros.systems.asked_paths import ask_alone
from avloc_ros.systems.event_network import EventNetwork, EventNetworkConfig

RATE, EVENT_S, PAUSE_S, EVENTS = 16000, 3.0, 0.5, 6
MEASURED = {"val": 15, "test": 40}  # scenes
SIMULATED = 300
RECIPE = "own_sounds"
BEFORE = 10  # label frames of a chunk before the clip that is scored
LEAST = 0.02  # probability of a class from which it counts
SIMULATE = (
    "--duration 20 --set picture_width=0 --set events=10 --set most_at_once=2 --set interferers=1 --set moving_share=0.1 "
    "--set lowest_snr_db=20 --set highest_snr_db=45 --set clip_level=power "
    "--set changes.quiet_db=40 --set changes.speed_octaves=0.15 --set changes.tone_db=4 --set changes.blend_share=0.3"
)


def classes(kit: Path) -> list[str]:
    """Their names, in the order of their numbers."""
    return sorted(folder.name for folder in (kit / "events" / "esc10").iterdir())


def clips_of(kit: Path, split: str) -> list[tuple[int, Path]]:
    """(class, file) of a split; the first number of a file's name is its fold."""
    found = []
    for index, name in enumerate(classes(kit)):
        folds = {fold: sorted((kit / "events" / "esc10" / name).glob(f"{fold}-*")) for fold in (1, 2, 3)}
        half = len(folds[2]) // 2
        own = {"train": folds[1] + folds[2][:half], "val": folds[2][half:], "test": folds[3]}[split]
        found += [(index, path) for path in own]
    return found


def make_data(folder: Path, kit: Path, jobs: int) -> None:
    """What is learnt from, with a folder of clips per class as a user has it, and the measured scenes."""
    names = classes(kit)
    for index, path in clips_of(kit, "train"):
        own = folder / "clips" / names[index]
        own.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, own)
    array = next((kit / "arrays").glob("*frl*.json"))
    run_avloc(
        "simulate", "--events", "--event-clips", folder / "clips", "--array", array, "--sample-rate", RATE, "--count", SIMULATED,
        "--jobs", jobs, "--out", folder / "train", *shlex.split(SIMULATE),
    )  # fmt: skip
    for split, count in MEASURED.items():
        parts, clips = open_kit(kit, split), clips_of(kit, split)
        for number in range(count):
            random = np.random.default_rng([number, len(split), 41])
            compose(folder / split / f"scene{number:04d}", parts, clips, random, names)


def run_avloc(*words: object) -> None:
    """A command as a user gives it. Raises SystemExit where it fails."""
    if code := avloc([str(word) for word in words]):
        raise SystemExit(code)


def compose(
    folder: Path, parts: Kit, clips: list[tuple[int, Path]], random: np.random.Generator, names: list[str]
) -> None:
    """EVENTS clips one after the other from places of one room, with a little noise of the microphones."""
    places = parts.in_room(parts.rooms[int(random.integers(len(parts.rooms)))])
    step = round((EVENT_S + PAUSE_S) / FRAME_S)
    sound = np.zeros((round((EVENTS * step + 5) * FRAME_S * RATE), parts.array.channels))
    rows: list[EventRow] = []
    for source in range(EVENTS):
        class_index, path = clips[int(random.integers(len(clips)))]
        place = places[int(random.integers(len(places)))]
        dry = loudest_part(read_mono(path, RATE), round(EVENT_S * RATE))
        wet = fftconvolve(dry[:, None], read_response(place.path)[0], axes=0)
        wet *= 0.1 * 10 ** (random.uniform(-6, 6) / 20) / max(float(np.sqrt(np.mean(wet[: len(dry)] ** 2))), 1e-9)
        first = source * step
        start = round(first * FRAME_S * RATE)
        sound[start : start + len(wet)] += wet[: len(sound) - start]
        rows += [
            EventRow.towards(frame, class_index, source, position_m(place), place.distance_m)
            for frame in range(first, first + round(EVENT_S / FRAME_S))
        ]
    sound += 1e-3 * random.standard_normal(sound.shape)
    sound *= 0.5 / np.abs(sound).max()
    more = {"classes": names}
    write_scene(folder, array=parts.array, audio=sound, sample_rate_hz=RATE, fps=1 / FRAME_S, extra=more)
    write_events(folder / TRUTH_NAME, rows)


def loudest_part(samples: np.ndarray, length: int) -> np.ndarray:
    """The stretch of `length` samples with the most energy; short clips are repeated."""
    samples = np.resize(samples, max(len(samples), length))
    energy = np.cumsum(np.concatenate([[0.0], samples.astype(float) ** 2]))
    first = int(np.argmax(energy[length:] - energy[:-length]))
    return samples[first : first + length]


def heard(network: EventNetwork, scene: Path) -> list[tuple[int, int, float]]:
    """(class, class that is told, angle in degrees to where it is told) of each clip of a scene; -1, 180: nothing is."""
    truth, loaded = read_events(scene / TRUTH_NAME), load_scene(scene)
    samples = resampled(read_sound(scene / "audio.wav")[0], loaded.sample_rate_hz, network.sample_rate_hz)
    size, found = round(FRAME_S * network.sample_rate_hz), []
    silence = np.zeros((network.frames * size, samples.shape[1]), np.float32)
    samples = np.concatenate([silence, samples, silence])
    for source in sorted({row.source for row in truth}):
        own = [row for row in truth if row.source == source]
        start = (own[0].frame - BEFORE + network.frames) * size
        frames = network.events(samples[start : start + network.frames * size], None, network.frames)
        sums = np.zeros((len(network.classes), 3))
        surest = np.zeros(len(network.classes))
        for frame in frames[BEFORE : BEFORE + len(own)]:
            for event in frame:
                sums[event.class_index] += event.score * event.direction
                surest[event.class_index] += event.score
        told = int(surest.argmax()) if surest.any() else -1
        direction = sums[told] / max(float(np.linalg.norm(sums[told])), 1e-9)
        angle = float(np.degrees(angle_between(direction, own[0].direction))) if told >= 0 else 180.0
        found.append((own[0].class_index, told, angle))
    return found


def score(folder: Path, split: str, seed: int, array: MicrophoneArray) -> dict[str, Any]:
    """Accuracy, confusion and the angles over the clips of a split."""
    run = folder / "runs" / f"{RECIPE}_{seed}"
    network = ask_alone(EventNetworkConfig(str(run / f"{RECIPE}.onnx"), threshold=LEAST, keep_share=1.0, device="cpu"), array)
    clips = np.array([clip for scene in sorted((folder / split).iterdir()) for clip in heard(network, scene)])
    true, told, angles = clips[:, 0].astype(int), clips[:, 1].astype(int), clips[:, 2]
    confusion = np.zeros((len(network.classes), len(network.classes) + 1), int)  # the last column: nothing told
    np.add.at(confusion, (true, told), 1)
    card = json.loads((run / f"{RECIPE}.card.json").read_text(encoding="utf-8"))
    return {
        "seed": seed,
        "clips": len(clips),
        "class_accuracy": float(np.mean(true == told)),
        "direction_error_deg_median": float(np.median(angles)),
        "direction_within_20deg": float(np.mean(angles < 20)),
        "both_right": float(np.mean((angles < 20) & (true == told))),
        "by_class": {name: float(np.mean(told[true == index] == index)) for index, name in enumerate(network.classes)},
        "confusion": confusion.tolist(),
        "training_processor_minutes": round(card["training"]["seconds"] / 60, 1),
        "training_steps": card["training"]["steps"],
    }


def report(folder: Path, split: str, seeds: Sequence[int], array: MicrophoneArray) -> dict[str, Any]:
    """Of each seed, and their means."""
    found = [score(folder, split, seed, array) for seed in seeds]
    means = ("class_accuracy", "direction_error_deg_median", "direction_within_20deg", "both_right")
    return {
        "command": "AVLOC_DATA=KIT python benchmarks/esc10_rooms.py data DIR; ... train DIR --seed N; ... score DIR --seeds ...",
        "machine": machine(),
        "split": split,
        "mean": {name: float(np.mean([one[name] for one in found])) for name in means},
        "seeds": found,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("step", choices=("data", "train", "score"))
    parser.add_argument("folder", type=Path)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0], help="with score")
    parser.add_argument("--split", default="test", choices=tuple(MEASURED), help="with score")
    parser.add_argument("--out", type=Path, default=Path("esc10_rooms.json"))
    options = parser.parse_args()
    kit, folder = Path(os.environ["AVLOC_DATA"]), options.folder
    if options.step == "data":
        make_data(folder, kit, options.jobs)
    elif options.step == "train":
        run_avloc(
            "train", RECIPE, folder / "train", "--validation", folder / "val",
            "--out", folder / "runs" / f"{RECIPE}_{options.seed}",
            "--seed", options.seed, "--threads", 1, "--device", "cpu",
        )  # fmt: skip
    else:
        scores = report(folder, options.split, options.seeds, open_kit(kit, options.split).array)
        options.out.write_text(json.dumps(scores, indent=1) + "\n", encoding="utf-8")
        print(scores["mean"])


if __name__ == "__main__":
    main()
