"""Scores of asl_unet's ONNX file on egocentric scenes: masks by pixels, the wearer by frames, at the card's thresholds.

usage: python benchmarks/asl_unet_scores.py SCENES [..] [--weights FILE.onnx] [--every 1] [--out FILE.json]

The last line of each folder: how well the mask tells who of the people seen speaks, as the area under the curve of its
mean probability over each face. Without --weights: the shipped ones. Frames go through the network that a robot runs
(onnxruntime) and its features.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
from scipy.stats import rankdata

from avloc_ros.config import from_mapping
from avloc_ros.datasets.egocentric import EgocentricRecording, recordings_under
from avloc_ros.datasets.speaker_frames import network_pictures
from avloc_ros.evaluation.mask_scores import ProbabilityCounts
from avloc_ros.features.asl_unet_audio import segment_features, window_around
from avloc_ros.runtime.engines import OnnxEngine
from avloc_ros.runtime.weights import find_weights
from avloc_ros.systems.asl_unet import SHIPPED, SYSTEM
from avloc_ros.training.asl_unet_recipe import SpeakerUNetRecipe

SHOWN = ("iou", "recall", "precision", "f1", "accuracy")


Face = tuple[float, bool]  # mean probability over it, whether it speaks


def counted(
    engine: OnnxEngine, recipe: SpeakerUNetRecipe, recording: EgocentricRecording, every: int
) -> tuple[ProbabilityCounts, ProbabilityCounts, list[Face]]:
    """Counts of pixels and of the wearer's frames, and every face."""
    pixels, frames, faces = ProbabilityCounts(), ProbabilityCounts(), []
    for frame in range(0, recording.frames, every):
        pictures = network_pictures(recording.images, frame, recipe.network, recipe.picture)
        sound = segment_features(window_around(recording.samples, frame, recipe.audio), recipe.audio)
        found = engine.run({"pictures": pictures[None], "sound": sound[None]})
        probability = 1 / (1 + np.exp(-found["mask"][0]))
        pixels += ProbabilityCounts.of(probability, recording.mask(frame) > 0)
        for box in recording.boxes[frame]:
            inside = recording.raster([box]) > 0
            if inside.any():
                faces.append((float(probability[inside].mean()), box.speaking))
        silent, speaking = found["wearer"][0]
        frames += ProbabilityCounts.of(
            np.array([1 / (1 + np.exp(silent - speaking))]), recording.wearer_speaking[frame : frame + 1]
        )
    return pixels, frames, faces


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
    engine = OnnxEngine(weights.path, "cpu")
    report: dict[str, dict] = {"weights": {"name": weights.name, "sha256": weights.card["sha256"]}}
    for path in options.scenes:
        pixels, frames, faces = ProbabilityCounts(), ProbabilityCounts(), list[Face]()
        recordings = recordings_under([path], recipe.network.rows, recipe.network.cols, recipe.audio.sample_rate_hz)
        for recording in recordings:
            more = counted(engine, recipe, recording, options.every)
            pixels, frames, faces = pixels + more[0], frames + more[1], faces + more[2]
        mask, wearer = pixels.confusion(weights.number("threshold")), frames.confusion(weights.number("wearer_threshold"))
        report[path.name] = {"scenes": len(recordings), "mask": mask.to_mapping(), "wearer": wearer.to_mapping()}
        best = {"mask": pixels.best_threshold(), "wearer": frames.best_threshold()}
        report[path.name]["best_thresholds_here"] = best
        report[path.name]["best_iou_here"] = pixels.confusion(best["mask"]).iou
        report[path.name]["who_speaks_auc"] = area = area_under_curve(faces)
        for what, score in (("mask", mask), ("wearer", wearer)):
            line = " ".join(f"{key} {getattr(score, key) or 0:.3f}" for key in SHOWN)
            print(f"{path.name:<12}{what:<8}{line}   best threshold here {best[what]:.3f}", flush=True)
        print(f"{path.name:<12}{'faces':<8}{len(faces)} of them, who speaks: area under the curve {area or 0:.3f}", flush=True)
    if options.out:
        options.out.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
