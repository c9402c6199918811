"""Scores of asl_unet's ONNX file on egocentric scenes: masks by pixels, the wearer by frames, at the card's thresholds.

usage: python benchmarks/asl_unet_scores.py SCENES [..] [--weights FILE.onnx] [--every 1] [--out FILE.json]

Masks are those that the node publishes: weighed over time where the card says so (every frame goes through the memory,
also those that are not scored), and then by moments alone as well. The last line of each folder: how well the mask
tells who of the people seen speaks, as the area under the curve of its mean probability over each face. Without
--weights: the shipped ones. Frames go through the network that a robot runs (onnxruntime) and its features.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import rankdata

from avloc_ros.config import from_mapping
from avloc_ros.datasets.glasses.recording import EgocentricRecording, recordings_under
from avloc_ros.datasets.glasses.speaker_frames import network_pictures
from avloc_ros.decode.face_memory import FaceMemory, FaceMemoryConfig
from avloc_ros.evaluation.metrics.mask_scores import ProbabilityCounts
from avloc_ros.features.inputs.asl_unet_audio import segment_features, window_around
from avloc_ros.runtime.engines import OnnxEngine
from avloc_ros.runtime.weights import find_weights
from avloc_ros.systems.asl_unet import SHIPPED, SYSTEM, heard_by_column, memory_of
from avloc_ros.training.asl_unet.recipe import SpeakerUNetRecipe

SHOWN = ("iou", "recall", "precision", "f1", "accuracy")


Face = tuple[float, bool]  # mean probability over it, whether it speaks


@dataclass
class Masks:
    """Counts of pixels, and every face."""

    pixels: ProbabilityCounts = field(default_factory=ProbabilityCounts)
    faces: list[Face] = field(default_factory=list)

    def add(self, probability: np.ndarray, recording: EgocentricRecording, frame: int) -> None:
        """Take in the mask of one frame."""
        self.pixels += ProbabilityCounts.of(probability, recording.mask(frame) > 0)
        for box in recording.boxes[frame]:
            inside = recording.raster([box]) > 0
            if inside.any():
                self.faces.append((float(probability[inside].mean()), box.speaking))

    def report(self, threshold: float) -> dict[str, Any]:
        """Numbers at a threshold, and at the one that is best here."""
        best, area = self.pixels.best_threshold(), area_under_curve(self.faces)
        return {
            **self.pixels.confusion(threshold).to_mapping(),
            "best_threshold_here": best,
            "best_iou_here": self.pixels.confusion(best).iou,
            "who_speaks_auc": area,
        }


@dataclass
class Scores:
    """Of some recordings: masks of moments alone, those of the memory, and the wearer's frames."""

    moments: Masks = field(default_factory=Masks)
    remembered: Masks = field(default_factory=Masks)
    wearer: ProbabilityCounts = field(default_factory=ProbabilityCounts)


def count(
    scores: Scores,
    engine: OnnxEngine,
    recipe: SpeakerUNetRecipe,
    recording: EgocentricRecording,
    every: int = 1,
    memory: FaceMemoryConfig | None = None,
) -> None:
    """Add the frames of a recording, one in `every`; with a memory all of them pass through it."""
    remembers = None if memory is None else FaceMemory(memory)
    for frame in range(0, recording.frames, every if remembers is None else 1):
        pictures = network_pictures(recording.images, frame, recipe.network, recipe.picture)
        sound = segment_features(window_around(recording.samples, frame, recipe.audio), recipe.audio)
        found = engine.run({"pictures": pictures[None], "sound": sound[None]})
        probability = _sigmoid(found["mask"][0])
        believed = None
        if remembers is not None:
            heard = heard_by_column(found, recipe.network, recipe.audio)
            believed = remembers.step(probability, _sigmoid(found["faces"][0]), round(frame / recording.fps * 1e9), heard)
        if frame % every:
            continue
        scores.moments.add(probability, recording, frame)
        if believed is not None:
            scores.remembered.add(believed, recording, frame)
        silent, speaking = found["wearer"][0]
        scores.wearer += ProbabilityCounts.of(
            np.array([_sigmoid(speaking - silent)]), recording.wearer_speaking[frame : frame + 1]
        )


def _sigmoid(logits: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-np.clip(logits, -50, 50)))


def area_under_curve(faces: list[Face]) -> float | None:
    """The share of pairs of a speaking and a silent face whose speaking one has the higher value; None without such pairs."""
    values, speaking = np.array([value for value, _ in faces]), np.array([speaks for _, speaks in faces], bool)
    positives, negatives = int(speaking.sum()), int((~speaking).sum())
    if not positives or not negatives:
        return None
    ranks = float(rankdata(values)[speaking].sum())
    return (ranks - positives * (positives + 1) / 2) / (positives * negatives)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scenes", type=Path, nargs="+")
    parser.add_argument("--weights", default="")
    parser.add_argument("--every", type=int, default=1, help="of the frames")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    weights = find_weights(options.weights, SHIPPED, SYSTEM)
    recipe = from_mapping(SpeakerUNetRecipe, weights.card["recipe"])
    engine, memory = OnnxEngine(weights.path, "cpu"), memory_of(weights)
    report: dict[str, dict] = {"weights": {"name": weights.name, "sha256": weights.card["sha256"]}}
    for path in options.scenes:
        scores = Scores()
        recordings = recordings_under([path], recipe.network.rows, recipe.network.cols, recipe.audio.sample_rate_hz)
        for recording in recordings:
            count(scores, engine, recipe, recording, options.every, memory and memory[0])
        wearer = scores.wearer.confusion(weights.number("wearer_threshold"))
        report[path.name] = found = {
            "scenes": len(recordings),
            "mask": scores.moments.report(weights.number("threshold")),
            "wearer": wearer.to_mapping() | {"best_threshold_here": scores.wearer.best_threshold()},
        }
        if memory is not None:
            found |= {"mask": scores.remembered.report(memory[1]), "mask_by_moments": found["mask"]}
        for what in ("mask", "mask_by_moments", "wearer"):
            if what in found:
                line = " ".join(f"{key} {found[what][key] or 0:.3f}" for key in SHOWN)
                print(f"{path.name:<12}{what:<16}{line}   best threshold here {found[what]['best_threshold_here']:.3f}")
        print(f"{path.name:<12}{'faces':<16}{len(scores.moments.faces)} of them, who speaks: area under the curve "
              f"{found['mask']['who_speaks_auc'] or 0:.3f}", flush=True)  # fmt: skip
    if options.out:
        options.out.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
