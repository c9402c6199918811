"""Sound events on simulated rooms: av_seld, coloc and the DCASE baseline on the same data, for the same processor time.

usage, one step after the other (each may be stopped and started again; what is there is left alone):
  AVLOC_DATA=KIT python benchmarks/sound_events.py data DIR       scenes for training, validation and test
  python benchmarks/sound_events.py train DIR [--minutes 20] [--seeds 0 1 2] [--recipes ...]
  python benchmarks/sound_events.py table DIR --out FILE.json     scores on the test scenes, with intervals over scenes

Rooms differ between the splits, and so do the sounds: speech is that of other talkers of the data kit (half of the speech
events; without a kit none), everything else is made by formulas of other random numbers. coloc shares its time between its
two networks. Nothing is chosen on the test scenes: epochs and thresholds come from the validation scenes.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from avloc_ros.cli.main import main as avloc
from avloc_ros.datasets.events.event_recording import EventRecording
from avloc_ros.datasets.events.event_scenes import scene_recordings
from avloc_ros.evaluation.metrics_file import machine
from avloc_ros.evaluation.seld.event_differences import FIGURES, event_figures, paired_event_differences
from avloc_ros.evaluation.seld.event_runs import events_by_chunks, open_network
from avloc_ros.evaluation.seld.kept_apart import ApartCounts, count_apart
from avloc_ros.evaluation.seld.segments import count_recording
from avloc_ros.sources.dcase_csv import EventRow, read_events
from avloc_ros.systems.event_network import EventNetworkConfig
from avloc_ros.systems.sound_events import SoundEventsConfig

SPLITS = {"train": (360, 101, 0.65), "val": (20, 102, 0.15), "test": (26, 103, 0.2)}  # scenes, seed, share of the talkers
SCENE = ["--duration", "20", "--set", "events=10", "--set", "picture_width=224", "--set", "clip_share=0.5"]
BASELINE = "av_seld_baseline_small"
CLASSES = 13
EAR, EYES = "av_seld_small_audio", "av_seld_small"
RECIPES = ("av_seld_small_audio", BASELINE, "coloc_small", "av_seld_small")
QUICK = [
    "batch_size=8", "learning_rate=0.002", "scaler_chunks=100", "epochs=1000",
    "constant_epochs=1000", "most_minutes=0", "batches_per_epoch=300", "cool_down=0.4",
]


def make_data(folder: Path) -> None:
    """Scenes of the three splits below `folder`, the kit's talkers parted among them."""
    clips = part_talkers(folder / "clips", os.environ.get("AVLOC_DATA"))
    for split, (count, seed, _) in SPLITS.items():
        if not (folder / split).is_dir():
            own = ["--event-clips", str(clips / split)] if clips else []
            check(["simulate", "--events", *SCENE, *own, "--count", count, "--seed", seed, "--out", folder / split])


def part_talkers(folder: Path, kit: str | None) -> Path | None:
    """Links to the speech of disjoint talkers per split: FOLDER/split/female_speech and so on; None without a kit."""
    if kit is None:
        return None
    with (Path(kit) / "speech" / "speakers.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    for sex, name in (("F", "female_speech"), ("M", "male_speech")):
        talkers = sorted({row["speaker"] for row in rows if row["sex"] == sex})
        random.Random(5).shuffle(talkers)
        first = 0.0
        for split, (_, _, share) in SPLITS.items():
            own = set(talkers[round(first * len(talkers)) : round((first + share) * len(talkers))])
            first += share
            (folder / split / name).mkdir(parents=True, exist_ok=True)
            for row in rows:
                link = folder / split / name / Path(row["file"]).name
                if row["speaker"] in own and not link.exists():
                    link.symlink_to(Path(kit) / row["file"])
    return folder


def train(folder: Path, recipes: list[str], seeds: list[int], minutes: float) -> None:
    """Every recipe and seed that has no card yet, for the same time of the processor."""
    for seed in seeds:
        for recipe in recipes:
            out = folder / "runs" / f"{recipe}_{seed}"
            if list(out.glob("*.card.json")):
                continue
            own = minutes / 2 if recipe.startswith("coloc") else minutes
            settings = [f"optimizer.{text}" for text in (*QUICK, f"most_cpu_minutes={own}")]
            held_out = ["--validation", folder / "val", "--test", folder / "test"]
            place = ["--out", out, "--seed", seed, "--threads", 1, "--device", "cpu"]
            check(["train", recipe, folder / "train", *held_out, *place, *(w for text in settings for w in ("--set", text))])


def table(folder: Path, out: Path) -> None:
    """Scores of all runs on the test scenes, each against the baseline."""
    recordings = scene_recordings([folder / "test"])
    counts: dict[str, list] = {}
    apart: dict[str, list] = {}
    for run in sorted((folder / "runs").iterdir()):
        if not any(list(run.glob(kind)) for kind in ("*.card.json", "scores.json")):
            continue
        recipe, scored, kept_apart = run.name.rpartition("_")[0], [], ApartCounts()
        told = teller(run, recipe)
        for recording in recordings:
            truth, predicted = recording.rows(), told(recording)
            scored.append(count_recording(truth, predicted, CLASSES, 200))
            kept_apart += count_apart(truth, predicted)
        counts.setdefault(recipe, []).append(scored)
        apart.setdefault(recipe, []).append({"run": run.name} | kept_apart.shares())
        print(f"{run.name:<28}", {name: round(value, 3) for name, value in event_figures([scored]).items()}, flush=True)
    report = {"scenes": len(recordings), "machine": machine(), "systems": {}}
    for recipe, runs in counts.items():
        entry: dict = {"seeds": len(runs), "three_events_two_of_one_class": apart[recipe]}
        for average in ("micro", "macro"):
            entry[average] = event_figures(runs, average=average)
            if BASELINE in counts and recipe != BASELINE:
                found = paired_event_differences(runs, counts[BASELINE], average)
                entry[f"{average}_minus_baseline"] = {
                    name: [found[name].value, found[name].low, found[name].high] for name in FIGURES
                }
            if EAR in counts and recipe == EYES:
                found = paired_event_differences(runs, counts[EAR], average)
                entry[f"{average}_minus_audio"] = {
                    name: [found[name].value, found[name].low, found[name].high] for name in FIGURES
                }
        if recipe.startswith("coloc"):
            entry["runs"] = [coloc_figures(run) for run in sorted((folder / "runs").glob(f"{recipe}_*"))]
        report["systems"][recipe] = entry
    out.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")


def teller(run: Path, recipe: str) -> Callable[[EventRecording], Sequence[EventRow]]:
    """What a run tells of a recording: its `predictions` (DCASE CSV) where it left some, else its network's answers now."""
    if (run / "predictions").is_dir():
        return lambda recording: read_events(run / "predictions" / f"{recording.name}.csv", CLASSES)
    is_coloc = recipe.startswith("coloc")
    weights = str(run if is_coloc else run / f"{recipe}.onnx")
    config = SoundEventsConfig("coloc" if is_coloc else "av_seld", network=EventNetworkConfig(weights, device="cpu"))
    network = open_network(config)
    return lambda recording: events_by_chunks(network, recording)


def coloc_figures(run: Path) -> dict:
    """Conditional accuracy and the report's Table 1 (direction error by (events, events told)), as the training left them."""
    metrics = json.loads((run / "localizer.card.json").read_text(encoding="utf-8"))["metrics"]
    names = ("conditional_accuracy", "doa_error_deg")
    return {"run": run.name} | {split: {name: scores[name] for name in names} for split, scores in metrics.items()}


def scenes_of(folder: Path, names: Sequence[str]) -> list[EventRecording]:
    """The recordings of several sets below `folder`, called SET/scene, for each set begins with scene0000."""
    return [replace(one, name=f"{name}/{one.name}") for name in names for one in scene_recordings([folder / name])]


def check(arguments: list) -> None:
    """Run `avloc ...`; end where it fails."""
    status = avloc([str(argument) for argument in arguments])
    if status:
        raise SystemExit(status)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("step", choices=("data", "train", "table"))
    parser.add_argument("folder", type=Path)
    parser.add_argument("--minutes", type=float, default=20.0)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--recipes", nargs="+", choices=RECIPES, default=list(RECIPES))
    parser.add_argument("--out", type=Path, default=Path("sound_events.json"))
    options = parser.parse_args()
    if options.step == "data":
        make_data(options.folder)
    elif options.step == "train":
        train(options.folder, options.recipes, options.seeds, options.minutes)
    else:
        table(options.folder, options.out)


if __name__ == "__main__":
    main()
