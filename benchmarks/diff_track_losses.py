"""The tracking loss of diff_track against its baselines: equal data, equal start, equal budget, rooms left out for the test.

usage: python benchmarks/diff_track_losses.py --speech DIR --out DIR [--warm-up-epochs N] [--epochs N] [--seeds 0 1 2]
       [--minutes M] [--data DIR] [--weights FILE.onnx]

One network learns by pit_mse for the warm-up epochs, each a run of its own. From there each loss goes on, with each seed
(order and turns of the segments), for the same epochs. Runs that OUT already has are kept, so that after --minutes it can be
called again.
OUT/losses.json: per loss mean and standard deviation over the seeds of what the test segments say, and every run; the same
as a table on standard output. FILE.onnx: the run with the highest LF on the validation segments as weights of the live
tracker, with their card.
"""

from __future__ import annotations

import argparse
import json
import shlex
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from avloc_ros.config import to_mapping
from avloc_ros.datasets.tracks.tracked_segments import TrackedSegments
from avloc_ros.models.diff_track.localizer import LocalizerNetwork
from avloc_ros.runtime.weights import read_torch
from avloc_ros.training.cards import Provenance
from avloc_ros.training.diff_track.live import write_live
from avloc_ros.training.diff_track.localizer import LocalizerRecipe, drawn_splits, fit, score_localizer
from avloc_ros.training.recipes import load_recipe

WARM_UP = "start_"
LOSSES = ("tracking", "pit_mse", "mse")
FIGURES = ("le_deg", "lr", "lp", "lf", "mota", "motp_deg", "id_switches", "hota")


def run(recipe: LocalizerRecipe, splits: dict[str, TrackedSegments], seed: int, out: Path) -> None:
    """Train one network; localizer.pt and run.json into `out`."""
    begin_s, begin_cpu_s = time.monotonic(), time.process_time()
    network, course, _ = fit(recipe, splits["train"], splits["val"], seed, accelerator="cpu")
    record = {
        "loss": recipe.loss,
        "seed": seed,
        "epochs": recipe.epochs,
        "wall_s": round(time.monotonic() - begin_s),
        "cpu_s": round(time.process_time() - begin_cpu_s),
        "validation": score_localizer(network, splits["val"], recipe).to_mapping(),
        "test": score_localizer(network, splits["test"], recipe).to_mapping(),
        "course": course,
        "recipe": to_mapping(recipe),
    }
    out.mkdir(parents=True, exist_ok=True)
    torch.save(network.state_dict(), out / "localizer.pt")
    (out / "run.json").write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    print(out.name, record["wall_s"], "s", {k: record["validation"][k] for k in FIGURES}, flush=True)


def summary(out: Path) -> dict[str, Any]:
    """Mean and standard deviation over seeds, of test and validation, per loss; the start beside them."""
    runs = {path.parent.name: json.loads(path.read_text()) for path in sorted(out.glob("*/run.json"))}
    table: dict[str, Any] = {}
    for loss in LOSSES:
        same = [found for name, found in runs.items() if found["loss"] == loss and not name.startswith(WARM_UP)]
        for split in ("test", "validation"):
            values = {f: [r[split][f] for r in same if r[split][f] is not None] for f in FIGURES}
            table.setdefault(loss, {"seeds": len(same)})[split] = {
                f: {"mean": float(np.mean(v)), "sd": float(np.std(v, ddof=1)) if len(v) > 1 else None}
                for f, v in values.items()
                if v
            }
    kept = ("loss", "seed", "epochs", "wall_s", "cpu_s", "validation", "test")
    return {"losses": table, "runs": {name: {k: found[k] for k in kept} for name, found in runs.items()}}


def table(found: dict[str, Any], figures: Sequence[str] = FIGURES) -> str:
    """The test figures of losses.json as Markdown: mean and standard deviation over the seeds."""
    rows = ["| loss | " + " | ".join(figures) + " |", "|---" * (len(figures) + 1) + "|"]
    for loss, scores in found["losses"].items():
        cells = []
        for figure in figures:
            value = scores["test"].get(figure, {"mean": float("nan"), "sd": None})
            spread = "" if value["sd"] is None else f" ± {value['sd']:.3g}"
            cells.append(f"{value['mean']:.3g}{spread}")
        rows.append(f"| {loss} ({scores['seeds']} seeds) | " + " | ".join(cells) + " |")
    return "\n".join(rows)


def write_best(out: Path, recipe: LocalizerRecipe, splits: dict[str, TrackedSegments], path: Path) -> None:
    """The best run as weights of the live tracker."""
    runs = {p.parent: json.loads(p.read_text()) for p in out.glob("*/run.json") if not p.parent.name.startswith(WARM_UP)}
    folder = max(runs, key=lambda key: runs[key]["validation"]["lf"] or 0.0)
    chosen = runs[folder]
    network = LocalizerNetwork(recipe.network)
    network.load_state_dict(read_torch(folder / "localizer.pt"))
    sizes = {split: len(segments) for split, segments in splits.items()}
    data = {
        "segments": sizes,
        "voices": Path(recipe.data.voices).name,
        "arrays": [recipe.data.array, *recipe.data.other_arrays],
    }
    settings = {**chosen["recipe"], "start": "pit_mse for the warm-up epochs"}
    command = f"{shlex.join(['python', 'benchmarks/diff_track_losses.py', *sys.argv[1:]])} ({folder.name})"
    metrics = {split: chosen[split] for split in ("validation", "test")}
    write_live(network, recipe, splits["val"], path, metrics, Provenance(settings, data, command, chosen["seed"]))
    print("weights:", folder.name, "->", path)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--speech", type=Path, required=True, help="folder of speech")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--data", type=Path, default=None, help="where drawn segments are kept; else the cache folder")
    parser.add_argument("--warm-up-epochs", type=int, default=7)
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--learning-rate", type=float, default=5e-4, help="after the warm-up")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--minutes", type=float, default=1e9, help="start no run after so long")
    parser.add_argument("--weights", type=Path, default=None, help="write the best run as live weights here")
    options = parser.parse_args()
    torch.set_num_threads(1)
    begin_s = time.monotonic()
    base = load_recipe("diff_track_localizer_small", {"data.voices": str(options.speech)})
    base = replace(base, batch_size=8, warm_up_epochs=0)  # the warm-up is here, once for all
    splits = drawn_splits(base, ("train", "val", "test"), options.data)
    wanted: dict[str, tuple[LocalizerRecipe, int]] = {}
    start = ""
    for epoch in range(options.warm_up_epochs):
        wanted[f"{WARM_UP}{epoch}"] = replace(base, loss="pit_mse", epochs=1, start=start), epoch
        start = str(options.out / f"{WARM_UP}{epoch}" / "localizer.pt")
    later = replace(
        base,
        epochs=options.epochs,
        start=start,
        learning_rate=options.learning_rate,
        last_learning_rate_share=0.1,
    )
    wanted |= {f"{loss}_{seed}": (replace(later, loss=loss), seed) for seed in options.seeds for loss in LOSSES}
    for name, (recipe, seed) in wanted.items():
        if not (options.out / name / "run.json").is_file():
            if time.monotonic() - begin_s > 60 * options.minutes:
                print("time is over before", name)
                break
            run(recipe, splits, seed, options.out / name)
    found = summary(options.out)
    (options.out / "losses.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    print(table(found))
    if options.weights is not None and any(r["loss"] == "tracking" for r in found["runs"].values()):
        write_best(options.out, base, splits, options.weights)


if __name__ == "__main__":
    main()
