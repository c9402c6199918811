"""Further test scenes for CoLoC on a trained ear: 26 are few for a difference in recall.

usage, with DIR of `sound_events.py data`, RUNS a folder with one folder per run, SYSTEM_SEED:
  AVLOC_DATA=KIT python benchmarks/sound_events_further.py data DIR              78 scenes more of the test's kind: DIR/test_more
  python benchmarks/sound_events_further.py tell RUNS/SYSTEM_SEED --data DIR --system coloc [--weights FOLDER]
  python benchmarks/sound_events_further.py tell RUNS/SYSTEM_SEED --data DIR --system av_seld [--weights FILE] [--threshold L]
  python benchmarks/sound_events_further.py compare RUNS --data DIR --against NAME NAME --out FILE.json

Rooms, sounds and talkers are of the test split, drawn anew; there are no pictures. Thresholds are those of the cards, so of
validation, or given. `tell` leaves what is told of both sets as DCASE CSV; of weights that learnt with an earlier ear it must
be run in a checkout of that time, as coloc takes its ear from the package. `compare` scores the 26 scenes, those of
`data`, and both together, each system against each of those named.
"""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path

SCENES, SEED, CLASSES, FRAMES = 78, 1103, 13, 200
SPLITS = ("test", "test_more")


def make_data(folder: Path) -> None:
    """The further scenes, without pictures."""
    from sound_events import SCENE, check, part_talkers

    clips = part_talkers(folder / "clips", os.environ.get("AVLOC_DATA"))
    own = ["--event-clips", str(clips / "test")] if clips else []
    scene = ["picture_width=0" if word.startswith("picture_width") else word for word in SCENE]
    check(["simulate", "--events", *scene, *own, "--count", SCENES, "--seed", SEED, "--out", folder / "test_more"])


def tell(run: Path, data: Path, system: str, weights: str, threshold: float) -> None:
    """What a network tells of the scenes of both sets, chunk by chunk: RUN/SPLIT/scene.csv."""
    from avloc_ros.datasets.events.event_scenes import scene_recordings
    from avloc_ros.evaluation.seld.event_runs import events_by_chunks, open_network
    from avloc_ros.sources.dcase_csv import write_events
    from avloc_ros.systems.event_network import EventNetworkConfig
    from avloc_ros.systems.sound_events import SoundEventsConfig

    own = EventNetworkConfig(weights, device="cpu", threshold=threshold)
    network = open_network(SoundEventsConfig(system, network=own))
    for split in SPLITS:
        (run / split).mkdir(parents=True, exist_ok=True)
        for recording in scene_recordings([data / split]):
            write_events(run / split / f"{recording.name}.csv", events_by_chunks(network, recording))


def compare(runs: Path, data: Path, against: list[str], out: Path) -> None:
    """Figures of all systems on each set of scenes, and differences with 95 % intervals over scenes."""
    import numpy as np

    from avloc_ros.evaluation.metrics_file import machine
    from avloc_ros.evaluation.seld.event_differences import FIGURES, RESAMPLINGS, SEED as DRAWS, event_figures

    counts, pairs = counted(runs, data), told_pairs(runs, data)
    report: dict = {"machine": machine(), "sets": {}}
    for name, splits in (("test", SPLITS[:1]), ("test_more", SPLITS[1:]), ("both", SPLITS)):
        by_system = {
            system: [[one for split in splits for one in seed[split]] for seed in seeds] for system, seeds in counts.items()
        }
        scenes, random = len(next(iter(by_system.values()))[0]), np.random.default_rng(DRAWS)
        draws = [random.integers(0, scenes, scenes).tolist() for _ in range(RESAMPLINGS)]
        drawn = {  # each system once, for all that it is compared with
            system: np.array([list(event_figures(seeds, draw).values()) for draw in draws])
            for system, seeds in by_system.items()
        }
        entry: dict = {"scenes": scenes, "systems": {}}
        for system, seeds in by_system.items():
            figures: dict = {"micro": event_figures(seeds), "seeds": [event_figures([seed]) for seed in seeds]}
            figures["pairs"] = [pairs[system, number, splits] for number in range(len(seeds))]
            for other in against:
                if other != system:
                    whole = event_figures(by_system[other])
                    low, high = np.percentile(drawn[system] - drawn[other], [2.5, 97.5], 0)
                    figures[f"minus_{other}"] = {
                        key: [figures["micro"][key] - whole[key], float(low[place]), float(high[place])]
                        for place, key in enumerate(FIGURES)
                    }
            entry["systems"][system] = figures
            print(name, system, {key: round(value, 3) for key, value in figures["micro"].items()}, flush=True)
        report["sets"][name] = entry
    out.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")


def counted(runs: Path, data: Path) -> dict[str, list[dict[str, list]]]:
    """Of each system and seed, by set, the counts of each scene."""
    from avloc_ros.datasets.events.event_scenes import scene_recordings
    from avloc_ros.evaluation.seld.segments import count_recording
    from avloc_ros.sources.dcase_csv import read_events

    truth = {split: {r.name: r.rows() for r in scene_recordings([data / split])} for split in SPLITS}
    counts: dict[str, list[dict[str, list]]] = {}
    for run in sorted(runs.iterdir()):
        of_run = {
            split: [
                count_recording(rows, read_events(run / split / f"{name}.csv", CLASSES), CLASSES, FRAMES)
                for name, rows in scenes.items()
            ]
            for split, scenes in truth.items()
        }
        counts.setdefault(run.name.rpartition("_")[0], []).append(of_run)
    return counts


def told_pairs(runs: Path, data: Path) -> dict[tuple[str, int, tuple[str, ...]], dict[str, float]]:
    """Of each system, number of its run, and set: of the label frames with three events of which two are of one class the
    shares with both of these told, and with at least one.
    """
    from avloc_ros.datasets.events.event_scenes import scene_recordings
    from avloc_ros.evaluation.seld.told_pairs import PairCounts
    from avloc_ros.sources.dcase_csv import read_events

    truth = {split: {r.name: r.rows() for r in scene_recordings([data / split])} for split in SPLITS}
    found: dict[tuple[str, int, tuple[str, ...]], dict[str, float]] = {}
    numbers: dict[str, int] = {}
    for run in sorted(runs.iterdir()):
        system = run.name.rpartition("_")[0]
        number = numbers.setdefault(system, 0)
        for splits in (SPLITS[:1], SPLITS[1:], SPLITS):
            counts = PairCounts(least_events=3)
            for split in splits:
                for name, rows in truth[split].items():
                    counts.add(rows, read_events(run / split / f"{name}.csv", CLASSES))
            found[system, number, splits] = counts.shares()
        numbers[system] += 1
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("step", choices=("data", "tell", "compare"))
    parser.add_argument("folder", type=Path)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--system", choices=("coloc", "av_seld"), default="coloc")
    parser.add_argument("--weights", default="")
    parser.add_argument("--threshold", type=float, default=0.0, help="0: that of the card")
    parser.add_argument("--against", nargs="+", default=[])
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    if options.step == "data":
        make_data(options.folder)
    elif options.step == "tell":
        tell(options.folder, options.data, options.system, options.weights, options.threshold)
    else:
        compare(options.folder, options.data, options.against, options.out)


if __name__ == "__main__":
    main()
