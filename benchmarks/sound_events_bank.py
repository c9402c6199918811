"""Sound events on a GPU: the comparison of benchmarks/sound_events.py, trained on a bank of scenes that is simulated on the spot.

usage, one step after the other:
  python benchmarks/sound_events_bank.py clips CLIPS.npz --sounds DIR              speech, one folder per class (once)
  python benchmarks/sound_events_bank.py bank BANK --split train --clips CLIPS.npz --seconds 90 --jobs 10
  python benchmarks/sound_events_bank.py train OUT --bank BANK --held-out BANK --recipe NAME --seed 0 --seconds 300
  python benchmarks/sound_events_bank.py finish OUT --data DIR --runs DIR/runs     thresholds, predictions; on a CPU
  python benchmarks/sound_events.py table DIR --out FILE.json                      figures and differences of all runs
  python benchmarks/sound_events_bank.py ship WEIGHTS --run DIR/runs/RUN --trained OUT/RUN     one run as ONNX with its card

The bank of a split has the scenes that `sound_events.py data` writes, and more of the same numbering, as many as the time
allows. Trainings that share a GPU are started together and get the same time of the clock. Of the weights with the
smallest loss and the last ones, `finish` takes those with the smaller micro SELD on the validation scenes (coloc: the former).
"""

from __future__ import annotations

import argparse
import json
import math
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

SPLITS = {"train": 101, "val": 102}  # seeds, as in benchmarks/sound_events.py
RECIPES = ("av_seld_baseline_small", "av_seld_small_audio", "av_seld_small", "coloc_small")
BATCH = {"av_seld_baseline_small": 64, "av_seld_small_audio": 64, "av_seld_small": 64, "coloc_small": 32}
SETTINGS: dict[str, dict[str, Any]] = {"coloc_small": {"chunks.swap_share": 0.75, "network.trunk.filters": 32}}
RATES = {"coloc_small": 1e-3}
RATE = 2e-3
CANDIDATES = ("best", "last")  # of the smallest loss, and of the last step
COLOC_THRESHOLDS = (0.3, 0.4, 0.5)


def make_clips(path: Path, sounds: Path) -> None:
    """Sound files as numbers, so that a machine without a reader of sound files has them."""
    from avloc_ros.simulation.events.event_bank import keep_clips
    from avloc_ros.simulation.kit import SOUND_SUFFIXES, files_below

    keep_clips({folder.name: files_below(folder, SOUND_SUFFIXES) for folder in sorted(sounds.iterdir())}, path)


def make_split(options: argparse.Namespace) -> None:
    """The bank of a split, simulated until `seconds` have passed."""
    from avloc_ros.simulation.events.event_bank import BankWish, make_bank
    from avloc_ros.simulation.events.event_scene import EventSceneConfig

    started = time.time()
    scenes = EventSceneConfig(
        duration_s=20.0, events=10, picture_width=options.picture_width, clip_share=0.5, pair_share=options.pair_share
    )
    until_s = min(started + options.seconds, options.until or math.inf)
    wish = BankWish(options.out, scenes, options.scene_seed or SPLITS[options.split], options.clips, until_s)
    count = make_bank(wish, options.most, options.jobs, options.least)
    print(f"{options.split}: {count} scenes in {time.time() - started:.0f} s", flush=True)


def train(options: argparse.Namespace) -> None:
    """One recipe with one seed."""
    import torch

    from avloc_ros.sources.event_bank import EventBank
    from avloc_ros.training.recipes import load_recipe
    from avloc_ros.training.sound_events.bank_loop import BankTime
    from avloc_ros.training.sound_events.bank_training import (
        BankPlace,
        train_av_seld_on_bank,
        train_coloc_on_bank,
    )

    torch.set_num_threads(1)
    torch.set_float32_matmul_precision("high")
    torch.backends.cudnn.benchmark = True
    name = options.recipe
    batch = {"optimizer.batch_size": options.batch or BATCH[name], "optimizer.learning_rate": RATES.get(name, RATE)}
    recipe = load_recipe(name, batch | SETTINGS.get(name, {}))
    options.out.mkdir(parents=True, exist_ok=True)
    place = BankPlace(
        EventBank(options.bank),
        EventBank(options.held_out),
        options.out,
        torch.device(options.device),
        options.seed,
        BankTime(options.seconds, recipe.optimizer.learning_rate, validations=options.validations),
        lambda text: print(f"{name} {options.seed} {text}", flush=True),
    )
    if options.until:  # what it took to get here counts
        place = replace(place, time=replace(place.time, most_s=max(1.0, options.until - time.time())))
    started = time.monotonic()
    run = (train_coloc_on_bank if name.startswith("coloc") else train_av_seld_on_bank)(recipe, place)
    print(f"{name} {options.seed} done: {run}, {time.monotonic() - started:.0f} s", flush=True)


def finish(out: Path, data: Path, runs: Path) -> None:
    """Thresholds, predictions for the test scenes, ONNX and cards of all trainings below `out`."""
    import torch

    torch.set_num_threads(1)
    splits: dict[tuple[Any, ...], Any] = {}
    for folder in sorted(out.iterdir()):
        if (folder / "recipe.yaml").is_file() and not (runs / folder.name / "scores.json").is_file():
            recipe = folder.name.rpartition("_")[0]
            (runs / folder.name).mkdir(parents=True, exist_ok=True)
            if recipe.startswith("coloc"):
                finish_coloc(folder, data, runs / folder.name)
            else:
                finish_av_seld(folder, data, runs / folder.name, splits)


def finish_av_seld(folder: Path, data: Path, out: Path, splits: dict[tuple[Any, ...], Any]) -> None:
    """One network: the better of its candidates on validation, what it tells of the test scenes, scores.json and network.pt."""
    import torch

    from avloc_ros.decode.multi_accdoa import decode_multi_accdoa
    from avloc_ros.sources.dcase_csv import write_events
    from avloc_ros.training.recipes import load_recipe
    from avloc_ros.training.sound_events import av_seld
    from avloc_ros.training.sound_events.scores import chunk_scores, recording_rows

    recipe = load_recipe(str(folder / "recipe.yaml"))
    val, test = (_split(recipe, data / split, out.parent.parent, splits) for split in ("val", "test"))
    found = []
    for candidate in _candidates(folder, "network"):
        network = av_seld.make_network(recipe)
        network.load_state_dict(torch.load(folder / f"network.{candidate}.pt", weights_only=True))
        vectors = _vectors(network.eval(), recipe, val)
        threshold = av_seld.choose_threshold(vectors, recipe, val[0])
        found.append((av_seld.scores_at(vectors, recipe, val[0], threshold), threshold, candidate, network))
    scores, threshold, candidate, network = min(found, key=lambda one: one[0]["micro"]["seld"])
    decode = replace(recipe.decode, activity_threshold=threshold)
    told = [
        (name, first, decode_multi_accdoa(values, recipe.classes, decode))
        for name, first, values in _vectors(network, recipe, test)
    ]
    (out / "predictions").mkdir(exist_ok=True)
    for name, rows in recording_rows(told, test[0]).items():
        write_events(out / "predictions" / f"{name}.csv", rows)
    judged = {"validation": scores, "test": chunk_scores(told, test[0], recipe.classes)}
    metrics = {split: {name: values[name] for name in ("micro", "macro")} for split, values in judged.items()}
    torch.save(network.state_dict(), out / "network.pt")
    kept = {"threshold": threshold, "candidate": candidate, "metrics": metrics, "training": _facts(folder)}
    (out / "scores.json").write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")
    shown = {split: {name: round(value, 3) for name, value in values["micro"].items()} for split, values in judged.items()}
    print(out.name, candidate, threshold, shown, flush=True)


def _split(recipe: Any, folder: Path, cache: Path, splits: dict[tuple[Any, ...], Any]) -> tuple[Any, list[Any]]:
    """The chunks of a split and their batches, with features in place of samples: made once for all that want the same."""
    import torch

    from avloc_ros.datasets.events.event_chunks import EventChunks
    from avloc_ros.datasets.events.event_scenes import scene_recordings
    from avloc_ros.training.sound_events import av_seld
    from avloc_ros.training.sound_events.loop import chunk_loader

    key = folder, repr(recipe.features), recipe.chunks.chunk_s, recipe.looks
    if key not in splits:
        pictures = av_seld.pictures_of(recipe, cache / "pictures")
        chunks = EventChunks(scene_recordings([folder]), recipe.chunks, av_seld.labels_of(recipe), pictures=pictures)
        features, batches = av_seld.make_features(recipe), []
        with torch.no_grad():
            for batch in chunk_loader(chunks, replace(recipe.optimizer, batch_size=8)):
                batches.append(batch | {"samples": features(batch["samples"])})
        splits[key] = chunks, batches
    return splits[key]


def _vectors(network: Any, recipe: Any, split: tuple[Any, list[Any]]) -> list[Any]:
    """(recording, first frame, vectors) of all chunks of a split."""
    import torch

    from avloc_ros.training.sound_events.av_seld import network_output

    found = []
    with torch.no_grad():
        for batch in split[1]:
            output = network_output(network, torch.nn.Identity(), recipe, batch).numpy()
            rows = zip(batch["recording"], batch["first_frame"], output, strict=True)
            found += [(int(recording), int(first), vectors) for recording, first, vectors in rows]
    return found


def finish_coloc(folder: Path, data: Path, out: Path) -> None:
    """Both networks of a training: threshold, scores with max_overlap 3 and Table 1, ONNX and cards."""
    import torch

    from avloc_ros.config import to_mapping
    from avloc_ros.datasets.events.event_chunks import EventChunks
    from avloc_ros.datasets.events.event_scenes import scene_recordings
    from avloc_ros.sources.dcase_csv import write_events
    from avloc_ros.training.cards import write_weights
    from avloc_ros.training.recipes import load_recipe
    from avloc_ros.training.sound_events.bank_training import ColocPair
    from avloc_ros.training.sound_events.coloc import labels_of
    from avloc_ros.training.sound_events.coloc_evaluation import choose_event_threshold, evaluate_coloc
    from avloc_ros.training.sound_events.export import export_coloc
    from avloc_ros.training.sound_events.scores import recording_rows

    recipe = load_recipe(str(folder / "recipe.yaml"))
    pair, candidate = ColocPair(recipe), _candidates(folder, "pair")[0]
    pair.load_state_dict(torch.load(folder / f"pair.{candidate}.pt", weights_only=True))
    localizer, classifier = pair.localizer.eval(), pair.classifier.eval()
    metrics: dict[str, Any] = {}
    for split in ("val", "test"):
        chunks = EventChunks(scene_recordings([data / split]), recipe.chunks, labels_of(recipe))
        if split == "val":
            threshold = choose_event_threshold(localizer, classifier, recipe, chunks, COLOC_THRESHOLDS)
        told: dict[int, list[Any]] = {recipe.steps.max_overlap: []}
        scores = evaluate_coloc(localizer, classifier, recipe, chunks, threshold, told)
        metrics["validation" if split == "val" else split] = scores
        print(out.name, split, candidate, threshold, scores["max_overlap_3"]["micro"], scores["conditional_accuracy"], flush=True)
    (out / "predictions").mkdir(exist_ok=True)
    for name, rows in recording_rows(told[recipe.steps.max_overlap], chunks).items():
        write_events(out / "predictions" / f"{name}.csv", rows)
    difference = export_coloc(localizer, classifier, recipe, out)
    for part in ("localizer", "classifier"):
        card = {
            "name": recipe.name, "system": f"coloc_{part}", "threshold": threshold, "metrics": metrics,
            "training": _facts(folder), "candidate": candidate, "largest_difference_to_torch": {"fp32": difference},
        }  # fmt: skip
        path = out / f"{part}.onnx"
        write_weights(path, path.read_bytes(), card, _provenance(folder, to_mapping(recipe)))


def ship(run: Path, out: Path, trained: Path, notes: str) -> None:
    """The weights of a run of `finish` as out/NAME.onnx, stored in 16 bits, with a card."""
    import torch

    from avloc_ros.config import to_mapping
    from avloc_ros.training.cards import write_weights
    from avloc_ros.training.onnx_export import largest_difference, stored_as_float16
    from avloc_ros.training.recipes import load_recipe
    from avloc_ros.training.sound_events.av_seld import make_network
    from avloc_ros.training.sound_events.export import example_av_seld, export_av_seld

    torch.manual_seed(0)
    recipe, kept = load_recipe(str(trained / "recipe.yaml")), json.loads((run / "scores.json").read_text(encoding="utf-8"))
    network = make_network(recipe)
    network.load_state_dict(torch.load(run / "network.pt", weights_only=True))
    full = run / f"{recipe.name}.onnx"
    difference = export_av_seld(network, recipe, full)
    half = stored_as_float16(full.read_bytes())
    differences = {"fp32": difference, "fp16": largest_difference(network, half, example_av_seld(recipe))}
    card = {"name": recipe.name, "system": recipe.system} | kept | {"largest_difference_to_torch": differences}
    path = write_weights(out / f"{recipe.name}.onnx", half, card, _provenance(trained, to_mapping(recipe), notes))
    print(path, len(half), differences, flush=True)


def _candidates(folder: Path, name: str) -> list[str]:
    """Those whose files are there; one, where the last weights had the smallest loss."""
    there = [candidate for candidate in CANDIDATES if (folder / f"{name}.{candidate}.pt").is_file()]
    run = _facts(folder).get(name, {"best": 0.0, "last": 1.0})
    return there[-1:] if run["best"] == run["last"] else there


def _facts(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "run.json").read_text(encoding="utf-8"))


def _provenance(folder: Path, recipe: dict[str, Any], notes: str = "") -> Any:
    from avloc_ros.training.cards import Provenance

    facts = _facts(folder)
    made = "sound_events_bank.py bank --split train: simulated rooms, 20 s and 10 events each, half of the speech from clips"
    data = {"training": {"scenes": facts["scenes"], "made by": made}, "validation": {"scenes": 20}, "test": {"scenes": 26}}
    name = recipe["name"]
    batch, seconds = recipe["optimizer"]["batch_size"], round(facts["seconds"])
    command = (
        f"python benchmarks/sound_events_bank.py train OUT --bank BANK --held-out BANK --recipe {name} "
        f"--seed {facts['seed']} --seconds {seconds} --batch {batch}"
    )
    command = facts.get("command", command)  # of one that went on from another (benchmarks/sound_events_eyes.py)
    device = f"one {facts['device']}, shared with other trainings"
    return Provenance(recipe, data, command, facts["seed"], notes=notes, device=device)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("step", choices=("clips", "bank", "train", "finish", "ship"))
    parser.add_argument("out", type=Path)
    parser.add_argument("--sounds", type=Path)
    parser.add_argument("--split", choices=tuple(SPLITS), default="train")
    parser.add_argument("--clips", type=Path)
    parser.add_argument("--seconds", type=float, default=300.0)
    parser.add_argument("--until", type=float, default=0.0, help="the end by time.time(); with train in place of --seconds")
    parser.add_argument("--scene-seed", type=int, default=0, help="with bank: scenes of another numbering; 0: that of the split")
    parser.add_argument("--picture-width", type=int, default=224, help="with bank: 0: no pictures")
    parser.add_argument("--pair-share", type=float, default=0.0, help="with bank: events that take the class of one beside")
    parser.add_argument("--jobs", type=int, default=4)
    parser.add_argument("--most", type=int, default=360)
    parser.add_argument("--least", type=int, default=1)
    parser.add_argument("--bank", type=Path)
    parser.add_argument("--held-out", type=Path)
    parser.add_argument("--recipe", choices=RECIPES)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--batch", type=int, default=0, help="chunks of a step; 0: as BATCH says")
    parser.add_argument("--validations", type=int, default=10)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--data", type=Path)
    parser.add_argument("--runs", type=Path)
    parser.add_argument("--run", type=Path)
    parser.add_argument("--trained", type=Path)
    parser.add_argument("--notes", default="", help="with ship: a sentence for the card")
    options = parser.parse_args()
    if options.step == "clips":
        make_clips(options.out, options.sounds)
    elif options.step == "bank":
        make_split(options)
    elif options.step == "train":
        train(options)
    elif options.step == "finish":
        finish(options.out, options.data, options.runs)
    else:
        ship(options.run, options.out, options.trained, options.notes)


if __name__ == "__main__":
    main()
