"""Teaches a trained asl_unet to hear its wearer by an ear of its own; what marks speakers in the picture stays as it is.

usage: python benchmarks/asl_unet_wearer.py RUN --train SCENES .. --validation SCENES .. --out FOLDER [--seed 0]
    [--set KEY=VALUE ..]

RUN: a folder with asl_unet.pt and the card of its ONNX file. Writes asl_unet.pt, the ONNX file and its card into FOLDER:
the card of RUN with thresholds by validation (of the wearer; of faces weighed over time, decode.face_memory) and with
how the ear was learned. KEY: a setting of WearerEarRecipe, or memory.KEY of FaceMemoryConfig.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

import torch
from asl_unet_scores import Scores, count

from avloc_ros.config import from_mapping, to_mapping
from avloc_ros.datasets.egocentric import recordings_under
from avloc_ros.datasets.own_voice import OwnVoiceMoments
from avloc_ros.decode.face_memory import FaceMemoryConfig
from avloc_ros.runtime.engines import OnnxEngine
from avloc_ros.runtime.weights import read_torch
from avloc_ros.training.asl_unet_recipe import SpeakerUNetRecipe
from avloc_ros.training.asl_unet_wearer import WearerEarRecipe, train_ear, with_ear
from avloc_ros.training.cards import Provenance, write_weights
from avloc_ros.training.limited_time import save_whole
from avloc_ros.training.network_export import export_speaker_unet
from avloc_ros.types import InputError


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("--train", type=Path, nargs="+", required=True)
    parser.add_argument("--validation", type=Path, nargs="+", required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--set", nargs="*", default=[], metavar="KEY=VALUE")
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(options.seed)
    changes = {key: json.loads(value) for key, value in (pair.split("=", 1) for pair in options.set)}
    memory = from_mapping(FaceMemoryConfig, {k.removeprefix("memory."): changes.pop(k) for k in list(changes) if "." in k})
    ear, (before, recipe) = from_mapping(WearerEarRecipe, changes), card_of(options.run)
    options.out.mkdir(parents=True, exist_ok=True)
    network = with_ear(read_torch(options.run / "asl_unet.pt"), recipe.network, ear.filters)
    moments = OwnVoiceMoments(options.train, recipe.audio)
    begin = time.process_time()
    train_ear(network, moments, ear, seed=options.seed)
    print(f"{len(moments)} moments, {time.process_time() - begin:.0f} s of one core")
    save_whole(network.state_dict(), options.out / "asl_unet.pt")
    path = options.out / f"{recipe.name}.onnx"
    difference = export_speaker_unet(network, path, *recipe.audio.shape[1:])
    scores = validated(path, recipe, options.validation, memory)
    card = {key: before[key] for key in ("name", "system", "threshold")} | chosen(scores, memory, before)
    card |= {"largest_difference_to_torch": {"fp32": difference}, "ear": to_mapping(ear)}
    learned = before["recipe"] | {"network": to_mapping(network.config)}
    facts = before["data"] | {"ear": {"scenes": [path.name for path in options.train], "moments": len(moments)}}
    command = "python benchmarks/asl_unet_wearer.py RUN --train " + " ".join(f"glasses/{path.name}" for path in options.train)
    command += " --validation " + " ".join(f"glasses/{path.name}" for path in options.validation) + " --out OUT"
    command += f" --seed {options.seed}" + (" --set " + " ".join(options.set) if options.set else "")
    notes = f"RUN: {before['command']} (seed {before['seed']}, {before['machine'].get('device', 'cpu')})"
    provenance = Provenance(learned, facts, command, options.seed, notes=notes)
    print(write_weights(path, path.read_bytes(), card, provenance))


def card_of(run: Path) -> tuple[dict[str, Any], SpeakerUNetRecipe]:
    """The card of a run, and the recipe that it holds."""
    found = sorted(run.glob("*.card.json"))
    if len(found) != 1:
        raise InputError(f"{run} holds {len(found)} cards: need the one that was written with asl_unet.pt")
    card = json.loads(found[0].read_text(encoding="utf-8"))
    return card, from_mapping(SpeakerUNetRecipe, card["recipe"], f"the card {found[0]}")


def validated(path: Path, recipe: SpeakerUNetRecipe, scenes: list[Path], memory: FaceMemoryConfig) -> Scores:
    """All frames of validation through the exported network."""
    scores, engine, sizes = Scores(), OnnxEngine(path, "cpu"), recipe.network
    for recording in recordings_under(scenes, sizes.rows, sizes.cols, recipe.audio.sample_rate_hz):
        count(scores, engine, recipe, recording, memory=memory)
    return scores


def chosen(scores: Scores, memory: FaceMemoryConfig, before: dict[str, Any]) -> dict[str, Any]:
    """What validation says for the card: thresholds, and numbers at them."""
    wearer, belief = scores.wearer.best_threshold(), scores.remembered.pixels.best_threshold()
    metrics = {
        "mask": scores.remembered.report(belief),
        "mask_by_moments": scores.moments.report(before["threshold"]),
        "wearer": scores.wearer.confusion(wearer).to_mapping(),
    }
    for what, numbers in metrics.items():
        print(f"{what:<16}" + " ".join(f"{key} {numbers[key]:.3f}" for key in ("iou", "recall", "precision", "f1", "accuracy")))
    return {
        "wearer_threshold": wearer,
        "memory": to_mapping(memory) | {"threshold": belief},
        "metrics": {"validation": metrics | {"every": 1}},
    }


if __name__ == "__main__":
    main()
