"""Real ESC-10 clips through the data kit's measured rooms: class accuracy on clips left out, and direction error.

usage: AVLOC_DATA=KIT python benchmarks/esc10_rooms.py data DIR
       AVLOC_DATA=KIT python benchmarks/esc10_rooms.py train DIR [--minutes 20] [--seed 0]
       AVLOC_DATA=KIT python benchmarks/esc10_rooms.py score DIR [--seed 0] --out FILE.json

Seven microphones at 16 kHz. Clips: fold 1 and half of 2 are learnt from, the other half of 2 chooses the epoch, 3 is scored.
Rooms of the test are not those of the training, positions of the validation are at another distance. One clip sounds at
a time. A clip's class is that with the longest vectors over its frames; its direction is that of these vectors.
"""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path

import numpy as np
from scipy.signal import fftconvolve

from avloc_ros.cli.main import main as avloc
from avloc_ros.datasets.events.event_recording import read_sound
from avloc_ros.geometry import angle_between
from avloc_ros.simulation.kit import open_kit
from avloc_ros.simulation.measured import read_mono
from avloc_ros.simulation.measured_rooms import position_m, read_response
from avloc_ros.sources.dcase_csv import FRAME_S, TRUTH_NAME, EventRow, read_events, write_events
from avloc_ros.sources.scene import write_scene
from avloc_ros.systems.av_seld import AvSeldNetwork
from avloc_ros.systems.event_network import EventNetworkConfig

RATE, EVENT_S, PAUSE_S, EVENTS = 16000, 3.0, 0.5, 6
SCENES = {"train": 80, "val": 15, "test": 40}
RECIPE = "av_seld_esc10"
QUICK = [
    "batch_size=8", "learning_rate=0.002", "scaler_chunks=100", "epochs=1000",
    "constant_epochs=1000", "most_minutes=0", "cool_down=0.4",
]


def clips_of(kit: Path, split: str) -> list[tuple[int, Path]]:
    """(class, file) of a split; the first number of a file's name is its fold."""
    found = []
    for index, folder in enumerate(sorted((kit / "events" / "esc10").iterdir())):
        folds = {fold: sorted(folder.glob(f"{fold}-*")) for fold in (1, 2, 3)}
        half = len(folds[2]) // 2
        own = {"train": folds[1] + folds[2][:half], "val": folds[2][half:], "test": folds[3]}[split]
        found += [(index, path) for path in own]
    return found


def make_data(folder: Path, kit: Path) -> None:
    """Scenes of the three splits."""
    for split, count in SCENES.items():
        parts, clips = open_kit(kit, split), clips_of(kit, split)
        for number in range(count):
            random = np.random.default_rng([number, len(split), 41])
            compose(folder / split / f"scene{number:04d}", parts, clips, random)


def compose(folder: Path, parts, clips: list[tuple[int, Path]], random: np.random.Generator) -> None:
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
    write_scene(folder, array=parts.array, audio=sound, sample_rate_hz=RATE, fps=1 / FRAME_S)
    write_events(folder / TRUTH_NAME, rows)


def loudest_part(samples: np.ndarray, length: int) -> np.ndarray:
    """The stretch of `length` samples with the most energy; short clips are repeated."""
    samples = np.resize(samples, max(len(samples), length))
    energy = np.cumsum(np.concatenate([[0.0], samples.astype(float) ** 2]))
    first = int(np.argmax(energy[length:] - energy[:-length]))
    return samples[first : first + length]


def score(folder: Path, seed: int) -> dict[str, float]:
    """Accuracy over the clips of the test, and the median angle of their directions."""
    weights = folder / "runs" / f"{RECIPE}_{seed}" / f"{RECIPE}.onnx"
    network = AvSeldNetwork(EventNetworkConfig(str(weights), device="cpu"))
    right, errors_deg = [], []
    for scene in sorted((folder / "test").iterdir()):
        samples = read_sound(scene / "audio.wav")[0]
        truth = read_events(scene / TRUTH_NAME)
        for source in sorted({row.source for row in truth}):
            own = [row for row in truth if row.source == source]
            start = round(own[0].frame * FRAME_S * RATE)
            chunk = samples[start : start + round(EVENT_S * RATE)]
            vectors = network.vectors(chunk, None).reshape(network.frames, 3, 3, -1)  # (frames, tracks, xyz, classes)
            lengths = np.linalg.norm(vectors, axis=2).max(1).mean(0)  # (classes,)
            heard = int(lengths.argmax())
            right.append(heard == own[0].class_index)
            direction = vectors[..., heard].sum((0, 1))
            errors_deg.append(float(np.degrees(angle_between(direction / np.linalg.norm(direction), own[0].direction))))
    return {
        "clips": len(right),
        "class_accuracy": float(np.mean(right)),
        "direction_error_deg_median": float(np.median(errors_deg)),
        "direction_within_20deg": float(np.mean(np.array(errors_deg) < 20)),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("step", choices=("data", "train", "score"))
    parser.add_argument("folder", type=Path)
    parser.add_argument("--minutes", type=float, default=20.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("esc10_rooms.json"))
    options = parser.parse_args()
    if options.step == "data":
        make_data(options.folder, Path(os.environ["AVLOC_DATA"]))
    elif options.step == "train":
        words = [f"optimizer.{text}" for text in (*QUICK, f"most_cpu_minutes={options.minutes}")]
        arguments = ["train", RECIPE, options.folder / "train", "--validation", options.folder / "val"]
        arguments += ["--out", options.folder / "runs" / f"{RECIPE}_{options.seed}", "--seed", options.seed]
        arguments += ["--threads", 1, "--device", "cpu", *(word for text in words for word in ("--set", text))]
        raise SystemExit(avloc([str(argument) for argument in arguments]))
    else:
        scores = score(options.folder, options.seed)
        options.out.write_text(json.dumps(scores, indent=1) + "\n", encoding="utf-8")
        print(scores)


if __name__ == "__main__":
    main()
