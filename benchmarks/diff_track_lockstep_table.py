"""Scores of what benchmarks/diff_track_lockstep.py wrote: one table of losses, and the live network where it is better.

usage: python benchmarks/diff_track_lockstep_table.py --answers DIR --speech DIR [--data DIR] --json FILE
       [--live FILE.onnx] [--wide] [--command TEXT]

Every run is decoded in three ways: as the network says; linked, the same directions in the orders of decode/track_linking.py;
paths, the directions of these paths. In each way it reports from the activity on that gives its highest LF on the validation
segments, and `validated` is the way of highest LF there: nothing is chosen by the test. FILE.onnx: of the live networks (the
wider one only with --wide) the one with the highest validation LF, where that is above the LF of the network that is there,
which is heard anew and has its own best threshold, too; else nothing is written.
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
from avloc_ros.datasets.tracks.tracked_segments import TrackedSegment, TrackedSegments
from avloc_ros.decode.track_linking import link_tracks
from avloc_ros.evaluation.metrics.direction_tracks import GATE_DEG, localization_of, score_directions
from avloc_ros.evaluation.metrics.segment_frames import direction_frames
from avloc_ros.geometry import angle_between
from avloc_ros.models.diff_track.localizer import LocalizerNetwork
from avloc_ros.runtime.diff_track_network import LiveLocalizer, live_weights
from avloc_ros.runtime.weights import read_torch
from avloc_ros.training.cards import Provenance
from avloc_ros.training.diff_track.live import write_live
from avloc_ros.training.diff_track.localizer import LocalizerRecipe, drawn_splits
from avloc_ros.training.diff_track.lockstep import LockstepConfig
from avloc_ros.training.recipes import load_recipe

THRESHOLDS = np.round(np.arange(0.2, 0.81, 0.05), 2)
PLAIN, LINKED, PATHS = WAYS = ("plain", "linked", "paths")  # of decoding; a later one has to be better to be chosen
RATE = "switches_per_100_matches"
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

    def decoded(self) -> dict[str, Answers]:
        """The answers in each way of decoding, each segment by itself."""
        found = [link_tracks(vectors, heard) for vectors, heard in zip(self.directions, self.probability, strict=True)]
        probability = np.stack([one.probability for one in found])
        linked, paths = (np.stack([getattr(one, name) for one in found]) for name in ("directions", "paths"))
        return {PLAIN: self, LINKED: Answers(linked, probability), PATHS: Answers(paths, probability)}


def read_run(path: Path, splits: dict[str, TrackedSegments]) -> tuple[dict[str, Answers], dict[str, Any]]:
    """Answers per split, those that the run wrote or, where it wrote weights only, of these; and what it says about itself."""
    with np.load(path) as content:
        facts = {"seed": int(content["seed"]), "steps": int(content["step"]), "whole": bool(content["last"])}
        if "val_activity" not in content:
            return {split: heard_by(path.with_suffix(".pt"), segments) for split, segments in splits.items()}, facts
        answers = {}
        for split in splits:
            directions, logits = (content[f"{split}_{name}"].astype(np.float64) for name in ("directions", "activity"))
            answers[split] = Answers(directions, 1 / (1 + np.exp(-logits)))
    return answers, facts


@torch.no_grad()
def heard_by(weights: Path, segments: TrackedSegments) -> Answers:
    """What the weights NAME_SEED.pt of one of the losses say of a split."""
    loss = weights.stem.rsplit("_", 1)[0]
    network = LocalizerNetwork(recipes("losses", [loss])[loss].network)
    network.load_state_dict(read_torch(weights))
    network.float().eval()
    found = [network(segments[index][0][None]) for index in range(len(segments))]
    directions, logits = (torch.cat([getattr(f, name) for f in found]) for name in ("directions", "activity"))
    return Answers(directions.double().numpy(), torch.sigmoid(logits.double()).numpy())


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
    """Threshold, validation and test figures of one run, as the network says, and under `decoded` in every way."""
    answers, facts = read_run(path, splits)
    ways = {split: own.decoded() for split, own in answers.items()}
    found: dict[str, dict[str, Any]] = {}
    for way in WAYS:
        threshold = best_threshold(ways["val"][way], splits["val"].segments)
        found[way] = {
            "threshold": threshold,
            "validation": figures(ways["val"][way], splits["val"], threshold),
            "test": figures(ways["test"][way], splits["test"], threshold),
        }
    validated = max(WAYS, key=lambda way: found[way]["validation"]["lf"] or 0.0)  # the first of equals
    return {**facts, **found[PLAIN], "validated": validated, "decoded": {way: found[way] for way in WAYS if way != PLAIN}}


def figures(answers: Answers, segments: TrackedSegments, threshold: float) -> dict[str, Any]:
    """Scores of a split, and how often a match is with another track than the one before."""
    score = score_directions(answers.frames(segments.segments, threshold))
    mot = score.clear_mot
    return {**score.to_mapping(), RATE: 100 * mot.switches / mot.matches if mot.matches else None}


def in_way(run: dict[str, Any], way: str) -> dict[str, Any]:
    """Figures of a run in a way of decoding; way `validated`: in its own."""
    way = run["validated"] if way == "validated" else way
    return run if way == PLAIN else run["decoded"][way]


def over_seeds(runs: Sequence[dict[str, Any]], way: str = PLAIN) -> dict[str, Any]:
    """Mean and standard deviation over the seeds, per split and figure."""
    found: dict[str, Any] = {"seeds": len(runs)}
    for split in ("test", "validation"):
        for figure in (*FIGURES, RATE):
            values = [float(value) for run in runs if (value := in_way(run, way)[split][figure]) is not None]
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
    ways = {
        way: {loss: over_seeds(own, way) for loss, own in of_loss.items() if own} for way in (*WAYS, "validated")
    }
    found = {"command": options.command, "losses": ways.pop(PLAIN), "decoded": ways, "runs": runs}
    options.json.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    for way, losses in {PLAIN: found["losses"], **ways}.items():
        print(f"{way}\n{table({'losses': losses}, (*FIGURES, RATE))}\n")
    if options.live is not None:
        write_better_live(options, runs, splits)


if __name__ == "__main__":
    main()
