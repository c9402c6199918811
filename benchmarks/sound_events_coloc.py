"""CoLoC on a trained ear against the DCASE baseline that is its ear, on the scenes of benchmarks/sound_events.py.

usage, with DIR of `sound_events.py data`; all on one core of a CPU:
  AVLOC_DATA=KIT python benchmarks/sound_events_coloc.py data DIR          further scenes: to learn from, and to validate
  python benchmarks/sound_events_coloc.py train OUT --data DIR             three seeds
  python benchmarks/sound_events_coloc.py finish OUT --data DIR --runs DIR/runs     test scenes, cards; the shipped ears beside
  python benchmarks/sound_events.py table DIR --out sound_events_coloc.json
  python benchmarks/sound_events_coloc.py ship WEIGHTS --run OUT/coloc_ear_0 --data DIR

The ear is the baseline continued on the 720 (sound_events_control.py). It knows the scenes it learned from better than any
others, so the two networks learn from the 480: of other rooms and sounds, with the talkers of training. Thresholds come from
the 20 validation scenes, `heard_from` and what ships from those and the 100 further ones; the test scenes are scored once, in
`finish`, and sound_events_further.py has more of them.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
from pathlib import Path
from typing import Any

FURTHER = {"train_more": ("train", 720, 1101), "train_further": ("train", 480, 1104), "val_more": ("val", 100, 1102)}
LEARNED, HELD_OUT = ("train_further",), ("val",)
SCENES = sum(FURTHER[name][1] for name in LEARNED)
EARS = {"av_seld_baseline_small": 1, "av_seld_small_audio": 2}  # shipped networks and their seeds
RECIPE = "coloc_ear"


def make_data(folder: Path) -> None:
    """The further scenes, without pictures: of each the split whose talkers speak, how many, and the seed."""
    from sound_events import SCENE, check, part_talkers

    clips = part_talkers(folder / "clips", os.environ.get("AVLOC_DATA"))
    scene = ["picture_width=0" if word.startswith("picture_width") else word for word in SCENE]
    for name, (split, count, seed) in FURTHER.items():
        own = ["--event-clips", str(clips / split)] if clips else []
        check(["simulate", "--events", *scene, *own, "--count", count, "--seed", seed, "--out", folder / name])


def train(out: Path, data: Path, seeds: list[int]) -> None:
    """The recipe with each seed; what the ear says is computed once for all."""
    import torch
    from sound_events import scenes_of

    from avloc_ros.systems.coloc_ear import open_ear
    from avloc_ros.systems.event_network import EventNetworkConfig
    from avloc_ros.training.recipes import load_recipe
    from avloc_ros.training.sound_events.coloc_ear import learn
    from avloc_ros.training.sound_events.heard_chunks import hear

    torch.set_num_threads(1)
    recipe = load_recipe(RECIPE)
    ear = open_ear(recipe.ear, EventNetworkConfig(device="cpu"))
    heard, held_out = (hear(ear, scenes_of(data, names), recipe.height) for names in (LEARNED, HELD_OUT))
    for seed in seeds:
        folder = out / f"{RECIPE}_{seed}"
        folder.mkdir(parents=True, exist_ok=True)
        learn(recipe, heard, held_out, folder, seed, lambda text, seed=seed: print(seed, text, flush=True))


def finish(out: Path, data: Path, runs: Path) -> None:
    """What each seed tells of the test scenes, its ONNX files and cards; the shipped ears as runs of their own."""
    from avloc_ros.runtime.weights import card_path, shipped_weights
    from avloc_ros.sources.dcase_csv import write_events
    from avloc_ros.training.sound_events.scores import recording_rows

    for name, seed in EARS.items():
        (runs / f"{name}_{seed}").mkdir(parents=True, exist_ok=True)
        for path in (shipped_weights()[name], card_path(shipped_weights()[name])):
            shutil.copy(path, runs / f"{name}_{seed}" / path.name)
    for folder in sorted(out.glob(f"{RECIPE}_*")):
        trained, recipe, heard = _trained(folder, data)
        (runs / folder.name / "predictions").mkdir(parents=True, exist_ok=True)
        told = _written(trained, recipe, heard, runs / folder.name)
        for name, rows in recording_rows(told, heard.chunks).items():
            write_events(runs / folder.name / "predictions" / f"{Path(name).name}.csv", rows)


def ship(out: Path, run: Path, data: Path, notes: str) -> None:
    """The weights of a seed as coloc_localizer.onnx and coloc_classifier.onnx with their cards."""
    trained, recipe, heard = _trained(run, data)
    _written(trained, recipe, heard, out, "coloc_{}", notes)
    for part in ("localizer", "classifier"):
        (out / f"{part}.onnx").unlink()


def _written(trained: Any, recipe: Any, heard: Any, out: Path, name: str = "{}", notes: str = "") -> list[Any]:
    """Write ONNX files and cards; what is told of the test scenes with max_overlap 3."""
    from avloc_ros.training.sound_events.coloc_ear_evaluation import evaluate_coloc_ear
    from avloc_ros.training.sound_events.coloc_ear_weights import SCORES, write_coloc_ear

    told: dict[int, list[Any]] = {}
    scores, learned = trained.scores, (trained.localizer, trained.classifier)
    test = evaluate_coloc_ear(*learned, recipe, heard, scores["threshold"], scores["class_threshold"], told)
    metrics = {"validation": {key: scores[key] for key in SCORES}, "test": test}
    made = "sound_events_coloc.py data: simulated rooms, 20 s and 10 events each, half of the speech from clips"
    facts = {"training": {"scenes": SCENES, "made by": made}, "validation": {"scenes": 20}, "test": {"scenes": 26}}
    command = f"python benchmarks/sound_events_coloc.py train OUT --data DIR --seeds {scores['seed']}"
    write_coloc_ear(trained, recipe, metrics, facts, command, out, name, notes)
    for split, values in metrics.items():
        shown = {key: round(value, 3) for key, value in values["max_overlap_3"]["micro"].items()}
        print(out.name, split, scores["threshold"], scores["class_threshold"], shown, flush=True)
    return told[3]


def _trained(folder: Path, data: Path) -> tuple[Any, Any, Any]:
    """Networks and scores of a seed, its recipe, and the test scenes as its ear hears them."""
    import torch
    from sound_events import scenes_of

    from avloc_ros.models.sound_events.coloc_ear import EarClassifier, EarLocalizer
    from avloc_ros.systems.coloc_ear import open_ear
    from avloc_ros.systems.event_network import EventNetworkConfig
    from avloc_ros.training.recipes import load_recipe
    from avloc_ros.training.sound_events.coloc_ear import TrainedColocEar
    from avloc_ros.training.sound_events.heard_chunks import hear

    torch.set_num_threads(1)
    recipe = load_recipe(str(folder / "recipe.yaml"))
    localizer = EarLocalizer(recipe.network, recipe.classes, recipe.height - 1).eval()
    classifier = EarClassifier(recipe.network, recipe.classes).eval()
    for name, network in (("localizer", localizer), ("classifier", classifier)):
        network.load_state_dict(torch.load(folder / f"{name}.pt", weights_only=True))
    scores = json.loads((folder / "scores.json").read_text(encoding="utf-8"))
    heard = hear(open_ear(recipe.ear, EventNetworkConfig(device="cpu")), scenes_of(data, ["test"]), recipe.height)
    return TrainedColocEar(localizer, classifier, scores), recipe, heard


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("step", choices=("data", "train", "finish", "ship"))
    parser.add_argument("out", type=Path)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--runs", type=Path)
    parser.add_argument("--run", type=Path)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--notes", default="", help="with ship: a sentence for the card")
    options = parser.parse_args()
    if options.step == "data":
        make_data(options.out)
    elif options.step == "train":
        train(options.out, options.data, options.seeds)
    elif options.step == "finish":
        finish(options.out, options.data, options.runs)
    else:
        ship(options.out, options.run, options.data, options.notes)


if __name__ == "__main__":
    main()
