"""What makes the segmentation of active speakers work: one change at a time from config/train/asl_unet_small.yaml.

usage: python benchmarks/asl_unet_table.py TRAIN VAL TEST [--steps 280] [--seed 0] [--only NAME ..] [--every 1]
    [--out FILE.json]

TRAIN, VAL, TEST: folders of egocentric scenes (docs/asl_unet.md has the commands that made those of the table). Every
variant has the same steps, batches and seed; validation chooses its weights and its thresholds; the counts are of every
frame of TEST, or of one in --every. FILE keeps what it has of other variants, so that the table can be made in parts.
`transposed` learns from masks as the code behind the report draws them (a face's x as the row, y as the column) and is
scored against right ones.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from avloc_ros.config import flatten, from_mapping, shipped_folder
from avloc_ros.datasets.glasses.recording import EgocentricRecording, recordings_under
from avloc_ros.parameter_file import load_parameters
from avloc_ros.sources.person_boxes import PersonBox
from avloc_ros.training.asl_unet.recipe import SpeakerUNetRecipe
from avloc_ros.training.asl_unet.scores import Thresholds, score_frames
from avloc_ros.training.asl_unet.training import every_frame, train

SHIFT = 200 / 640  # of the picture's width, by which the report's code moves x
VARIANTS: dict[str, dict[str, Any]] = {
    "base": {},
    "loss bce": {"loss.kind": "bce"},
    "loss dice": {"loss.kind": "dice"},
    "loss tversky": {"loss.kind": "tversky"},
    "loss focal_tversky": {"loss.kind": "focal_tversky"},
    "fusion none": {"network.fusion": "none"},
    "fusion early": {"network.fusion": "early"},
    "fusion both": {"network.fusion": "both"},
    "sound magnitudes": {"audio.beams": 0, "network.beams": 0, "network.audio_channels": 6},
    "sound phases": {"audio.beams": 0, "network.beams": 0, "audio.phase": True, "network.audio_channels": 16},
    "labels transposed": {},
    "frames speakers_only": {"speakers_only": True},
    "frames all": {"silent_per_speaker": -1.0},
    "pictures rgb": {"network.colours": 3},
    "pictures one": {"network.context_frames": 0},
}


@dataclass(frozen=True)
class TransposedRecording(EgocentricRecording):
    """A recording with the report's masks."""

    def raster(self, boxes: Sequence[PersonBox]) -> np.ndarray:
        """x - SHIFT as the row, y as the column; what falls outside is lost."""
        rows, cols = self.images.shape[1:3]
        width, height = self.picture_size
        mask = np.zeros((rows, cols), np.uint8)
        for box in boxes:
            first, last = (int(max(0.0, (x / width - SHIFT) * cols)) for x in (box.left, box.right))
            left, right = (int(max(0.0, y / height * rows)) for y in (box.top, box.bottom))
            mask[first:last, left:right] = 1
        return mask


def recipe_of(changes: dict[str, Any], steps: int) -> SpeakerUNetRecipe:
    """The shipped small recipe with changes and a budget of steps."""
    content = flatten(load_parameters(shipped_folder() / "config" / "train" / "asl_unet_small.yaml"))
    content.pop("recipe")
    budget = {"mini_epoch_steps": max(1, steps // 4), "mini_epochs": 4, "patience": 4, "validation_frames": 300}
    return from_mapping(SpeakerUNetRecipe, content | budget | changes)


def transposed(recordings: Sequence[EgocentricRecording]) -> list[EgocentricRecording]:
    """The same recordings with the report's masks."""
    return [TransposedRecording(**vars(recording)) for recording in recordings]


def run(name: str, parts: dict[str, list[EgocentricRecording]], options: argparse.Namespace) -> dict[str, Any]:
    """Train and score one variant."""
    recipe = recipe_of(VARIANTS[name], options.steps)
    learned = {part: transposed(parts[part]) if "transposed" in name else parts[part] for part in ("train", "val")}
    begin = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        network = train(
            recipe, Path(folder), training=learned["train"], validation=learned["val"], seed=options.seed
        )
        record = json.loads((Path(folder) / "training.json").read_text(encoding="utf-8"))
    trained_s = time.perf_counter() - begin
    thresholds = Thresholds(**record["thresholds"])
    test = every_frame(recipe, parts["test"])
    test.frames = test.frames[:: options.every]
    score = score_frames(network, test, recipe)
    return {
        "changes": VARIANTS[name],
        "steps": options.steps,
        "seed": options.seed,
        "test_frames": len(test),
        "trained_s": round(trained_s, 1),
        "thresholds": record["thresholds"],
        "test": score.to_mapping(thresholds),
        "test_at_half": score.to_mapping(Thresholds()),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for part in ("train", "val", "test"):
        parser.add_argument(part, type=Path)
    parser.add_argument("--steps", type=int, default=280)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--every", type=int, default=1, help="of the test frames")
    parser.add_argument("--only", nargs="*", default=list(VARIANTS), choices=list(VARIANTS), metavar="NAME")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    torch.set_num_threads(1)
    network = recipe_of({}, options.steps).network
    parts = {
        part: recordings_under([getattr(options, part)], network.rows, network.cols) for part in ("train", "val", "test")
    }
    report = json.loads(options.out.read_text(encoding="utf-8")) if options.out and options.out.is_file() else {}
    print(f"{'variant':<24}{'IoU':>7}{'recall':>8}{'precision':>11}{'wearer F1':>11}{'seconds':>9}", flush=True)
    for name in options.only:
        report[name] = found = run(name, parts, options)
        mask, wearer = found["test"]["mask"], found["test"]["wearer"]
        cells = [mask[key] or 0.0 for key in ("iou", "recall", "precision")] + [wearer["f1"] or 0.0]
        print(f"{name:<24}" + "{:>7.3f}{:>8.3f}{:>11.3f}{:>11.3f}".format(*cells) + f"{found['trained_s']:>9.0f}", flush=True)
        if options.out:
            options.out.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
