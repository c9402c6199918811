"""Scores of what benchmarks/diff_track_lockstep.py wrote: one table of losses, and the live network where it is better.

usage: python benchmarks/diff_track_lockstep_table.py --answers DIR --speech DIR [--data DIR] --json FILE
       [--live FILE.onnx] [--wide] [--command TEXT]

Every run reports from the activity on that gives its highest LF on the validation segments; so its test figures are those
of one threshold, chosen without the test. FILE.onnx: of the live networks (the wider one only with --wide) the one with the
highest validation LF, where that is above the LF of the network that is there, which is heard anew and has its own best
threshold, too; else nothing is written.
"""

from __future__ import annotations

import argparse
import itertools
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from diff_track_lockstep import LIVE, WARM_UP_SHARE, recipes
from diff_track_losses import FIGURES, table

from avloc_ros.config import to_mapping
from avloc_ros.datasets.tracked_segments import TrackedSegment, TrackedSegments, direction_frames
from avloc_ros.evaluation.direction_tracks import GATE_DEG, localization_of, score_directions
from avloc_ros.geometry import angle_between
from avloc_ros.models.diff_track_localizer import LocalizerNetwork
from avloc_ros.runtime.diff_track_network import LiveLocalizer, live_weights
from avloc_ros.runtime.weights import read_torch
from avloc_ros.training.cards import Provenance
from avloc_ros.training.diff_track_live import write_live
from avloc_ros.training.diff_track_localizer import LocalizerRecipe, drawn_splits
from avloc_ros.training.diff_track_lockstep import LockstepConfig
from avloc_ros.training.recipes import load_recipe

THRESHOLDS = np.round(np.arange(0.2, 0.81, 0.05), 2)
ORDER = ("tracking", "tracking_steady", "tracking_paper", "pit_mse", "mse")
WIDE = "live_wide"


@dataclass(frozen=True)
class Answers:
    """What a run said of a split: directions (segments, frames, tracks, 3), probability (segments, frames, tracks)."""

    directions: np.ndarray
    probability: np.ndarray

    def frames(self, segments: Sequence[TrackedSegment], threshold: float) -> list[list]:
        """Truth beside reports, per segment and label frame."""
        rows = zip(segments, self.directions, self.probability, strict=True)
        return [direction_frames(segment, vectors, heard, threshold) for segment, vectors, heard in rows]


def read_run(path: Path) -> tuple[dict[str, Answers], dict[str, Any]]:
    """Answers per split, and what the run says about itself."""
    with np.load(path) as content:
        answers = {}
        for split in ("val", "test"):
            logits = content[f"{split}_activity"].astype(np.float64)
            answers[split] = Answers(content[f"{split}_directions"].astype(np.float64), 1 / (1 + np.exp(-logits)))
        facts = {"seed": int(content["seed"]), "steps": int(content["step"]), "whole": bool(content["last"])}
    return answers, facts


def best_threshold(answers: Answers, segments: Sequence[TrackedSegment]) -> float:
    """The activity with the highest LF, that of localization_of for all thresholds at once."""
    true = np.stack([segment.directions for segment in segments]).astype(np.float64)
    active = np.stack([segment.active for segment in segments])  # (segments, frames, sources)
    angles_deg = np.degrees(angle_between(true[:, :, :, None], answers.directions[:, :, None]))
    near = (angles_deg <= GATE_DEG + 1e-9) & active[..., None]  # (segments, frames, sources, tracks)
    found = []
    for threshold in THRESHOLDS:
        reported = answers.probability >= threshold
        pairs = near & reported[:, :, None]
        sources, tracks = pairs.shape[2:]
        ways = itertools.permutations(range(max(sources, tracks)), sources)
        pairs = np.pad(pairs, ((0, 0), (0, 0), (0, 0), (0, max(sources - tracks, 0))))
        hits = np.max([pairs[:, :, range(sources), list(way)].sum(axis=2) for way in ways], axis=0)
        found.append(2 * hits.sum() / max(active.sum() + reported.sum(), 1))
    return float(THRESHOLDS[int(np.argmax(found))])


def scored(path: Path, splits: dict[str, TrackedSegments]) -> dict[str, Any]:
    """Threshold, validation and test figures of one run."""
    answers, facts = read_run(path)
    threshold = best_threshold(answers["val"], splits["val"].segments)
    parts = {
        name: score_directions(answers[split].frames(splits[split].segments, threshold)).to_mapping()
        for name, split in (("validation", "val"), ("test", "test"))
    }
    return {**facts, "threshold": threshold, **parts}


def over_seeds(runs: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Mean and standard deviation over the seeds, per split and figure."""
    found: dict[str, Any] = {"seeds": len(runs)}
    for split in ("test", "validation"):
        for figure in FIGURES:
            values = [float(run[split][figure]) for run in runs if run[split][figure] is not None]
            if values:
                spread = float(np.std(values, ddof=1)) if len(values) > 1 else None
                found.setdefault(split, {})[figure] = {"mean": float(np.mean(values)), "sd": spread}
    return found


def answers_of(path: Path, segments: TrackedSegments) -> Answers:
    """What weights of the live tracker say of a split, label frame by label frame."""
    localizer = LiveLocalizer(live_weights(str(path)))
    directions, logits = [], []
    for index in range(len(segments)):
        localizer.reset()
        features = segments[index][0].numpy()  # (channels, feature frames, bands)
        labels = len(segments.segments[index].active)
        found = [localizer.step(part) for part in np.split(features, labels, axis=1)]
        directions.append(np.stack([vectors for vectors, _ in found]))
        logits.append(np.stack([heard for _, heard in found]))
    return Answers(np.stack(directions).astype(np.float64), 1 / (1 + np.exp(-np.stack(logits).astype(np.float64))))


def lf_there(path: Path, segments: TrackedSegments) -> float:
    """LF of weights at their own best threshold; 0 where there are none."""
    if not path.is_file():
        return 0.0
    answers = answers_of(path, segments)
    frames = answers.frames(segments.segments, best_threshold(answers, segments.segments))
    return localization_of([frame for recording in frames for frame in recording]).lf or 0.0


def as_learned(recipe: LocalizerRecipe, run: dict[str, Any]) -> dict[str, Any]:
    """The recipe with what the lockstep decides in place of epochs; voices: as data of the card says."""
    lockstep = to_mapping(LockstepConfig(warm_up_share=WARM_UP_SHARE))
    said = {**to_mapping(recipe), "steps": run["steps"], **lockstep}
    for key in ("epochs", "warm_up_epochs", "last_learning_rate_share", "seconds", "report_every_s", "side_by_side"):
        said.pop(key)
    said["data"].pop("voices")
    return said


def write_better_live(
    options: argparse.Namespace, runs: dict[str, dict[str, Any]], splits: dict[str, TrackedSegments]
) -> None:
    """The best live network with its card, where validation says that it is better than the shipped one."""
    chosen = [loss for loss in LIVE if options.wide or loss != WIDE]
    live = {name: run for name, run in runs.items() if name.rsplit("_", 1)[0] in chosen}
    if not live:
        return
    shipped = lf_there(options.live, splits["val"])
    name = max(live, key=lambda key: live[key]["validation"]["lf"] or 0.0)
    lf = live[name]["validation"]["lf"]
    print(f"live: {name} has LF {lf:.3f} on validation, shipped {shipped:.3f}")
    if lf <= shipped:
        return
    recipe = recipes("live")[name.rsplit("_", 1)[0]]
    network = LocalizerNetwork(recipe.network)
    network.load_state_dict(read_torch(options.answers / f"{name}.pt"))
    data = {
        "segments": {split: len(segments) for split, segments in splits.items()},
        "training": "rooms simulated while training, ever new",
        "voices": Path(options.speech).name,
        "arrays": [recipe.data.array, *recipe.data.other_arrays],
    }
    metrics = {split: live[name][split] for split in ("validation", "test")}
    provenance = Provenance(as_learned(recipe, live[name]), data, options.command, live[name]["seed"], device=options.device)
    write_live(network.float(), recipe, splits["val"], options.live, metrics, provenance)
    print("weights:", name, "->", options.live)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--answers", type=Path, required=True, help="folder of NAME_SEED.npz")
    parser.add_argument("--speech", type=Path, required=True, help="folder of speech that the segments were drawn with")
    parser.add_argument("--data", type=Path, default=None, help="where drawn segments are kept; else the cache folder")
    parser.add_argument("--json", type=Path, required=True)
    parser.add_argument("--live", type=Path, default=None)
    parser.add_argument("--wide", action="store_true", help="the wider live network may be written, too")
    parser.add_argument("--device", default="cuda", help="what the networks were trained on, for the card")
    parser.add_argument("--command", default="", help="the command of the training, for the card and the results")
    options = parser.parse_args()
    torch.set_num_threads(1)
    recipe = load_recipe("diff_track_localizer_small", {"data.voices": str(options.speech)})
    splits = drawn_splits(recipe, ("val", "test"), options.data)
    runs = {path.stem: scored(path, splits) for path in sorted(options.answers.glob("*_[0-9].npz"))}
    of_loss = {loss: [run for name, run in runs.items() if name.rsplit("_", 1)[0] == loss] for loss in (*ORDER, *LIVE)}
    losses = {loss: over_seeds(own) for loss, own in of_loss.items() if own}
    found = {"command": options.command, "losses": losses, "runs": runs}
    options.json.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    print(table({"losses": losses}))
    if options.live is not None:
        write_better_live(options, runs, splits)


if __name__ == "__main__":
    main()
