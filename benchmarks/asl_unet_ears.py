"""Teaches a trained asl_unet to hear by ears of their own; what marks faces and speakers in the picture stays as it is.

usage: python benchmarks/asl_unet_ears.py wearer|directions|memory RUN --train SCENES .. --validation SCENES .. --out FOLDER
    [--seed 0] [--set KEY=VALUE ..]

wearer: whether the wearer speaks. directions: in which direction somebody else does, for the beliefs about faces, which
lean on it from then on. memory: nothing is learned, beliefs get other settings (no --train).
RUN: a folder with asl_unet.pt and the card of its ONNX file. Writes asl_unet.pt, the ONNX file and its card into FOLDER:
the card of RUN with thresholds by validation (of the wearer; of faces weighed over time, decode.face_memory) and with
how the ear was learned. KEY: a setting of WearerEarRecipe or DirectionEarRecipe, or memory.KEY of FaceMemoryConfig.
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
from avloc_ros.datasets.glasses.own_voice import OwnVoiceMoments
from avloc_ros.datasets.glasses.recording import recordings_under
from avloc_ros.datasets.glasses.spoken_directions import SpokenDirections
from avloc_ros.decode.face_memory import FaceMemoryConfig
from avloc_ros.models.asl_unet.network import SpeakerUNet
from avloc_ros.runtime.engines import OnnxEngine
from avloc_ros.runtime.weights import read_torch
from avloc_ros.training.asl_unet.directions import DirectionEarRecipe, train_direction_ear, with_direction_ear
from avloc_ros.training.asl_unet.ear_learning import EarSteps
from avloc_ros.training.asl_unet.recipe import SpeakerUNetRecipe
from avloc_ros.training.asl_unet.wearer import WearerEarRecipe, train_ear, with_ear
from avloc_ros.training.cards import Provenance, write_weights
from avloc_ros.training.limited_time import save_whole
from avloc_ros.training.network_export import export_speaker_unet
from avloc_ros.types import InputError

EARS: dict[str, type[EarSteps]] = {"wearer": WearerEarRecipe, "directions": DirectionEarRecipe}
WITH_DIRECTIONS = {"evidence": 0.05, "heard": 0.5, "heard_undecided": 0.27, "memory_s": 0.8}  # by validation (docs)
KEPT = ("name", "system", "threshold")  # of the card of RUN


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=(*EARS, "memory"))
    parser.add_argument("run", type=Path)
    parser.add_argument("--train", type=Path, nargs="*", default=[])
    parser.add_argument("--validation", type=Path, nargs="+", required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--set", nargs="*", default=[], metavar="KEY=VALUE")
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(options.seed)
    before, recipe = card_of(options.run)
    changes = {key: json.loads(value) for key, value in (pair.split("=", 1) for pair in options.set)}
    remembered = {k: v for k, v in before.get("memory", {}).items() if k != "threshold"}
    remembered |= WITH_DIRECTIONS if options.what == "directions" else {}
    remembered |= {k.removeprefix("memory."): changes.pop(k) for k in list(changes) if "." in k}
    memory = from_mapping(FaceMemoryConfig, remembered)
    ear = from_mapping(EARS[options.what], changes) if options.what in EARS else None
    options.out.mkdir(parents=True, exist_ok=True)
    network, moments = learned(read_torch(options.run / "asl_unet.pt"), recipe, ear, options)
    save_whole(network.state_dict(), options.out / "asl_unet.pt")
    path = options.out / f"{recipe.name}.onnx"
    difference = export_speaker_unet(network, path, *recipe.audio.shape[1:])
    scores = validated(path, recipe, options.validation, memory)
    card = {key: before[key] for key in KEPT if key in before} | chosen(scores, memory, before, options)
    card |= {"largest_difference_to_torch": {"fp32": difference}}
    card["ears"], facts = before.get("ears", {}), before["data"]
    if ear is not None:
        card["ears"] |= {options.what: to_mapping(ear)}
        facts |= {options.what: {"scenes": [path.name for path in options.train], "moments": moments}}
    after = before["recipe"] | {"network": to_mapping(network.config)}
    notes = f"RUN: {before['command']} (seed {before['seed']}, {before['machine'].get('device', 'cpu')})"
    notes += f"; {before['notes']}" if before.get("notes") else ""
    provenance = Provenance(after, facts, command_of(options), options.seed, notes=notes)
    print(write_weights(path, path.read_bytes(), card, provenance))


def learned(
    weights: dict[str, torch.Tensor], recipe: SpeakerUNetRecipe, ear: EarSteps | None, options: argparse.Namespace
) -> tuple[SpeakerUNet, int]:
    """The network with the ear, if one is learned, and from how many moments it learned."""
    begin = time.process_time()
    moments: OwnVoiceMoments | SpokenDirections
    if isinstance(ear, DirectionEarRecipe):
        network = with_direction_ear(weights, recipe.network, recipe.audio.shape[1], ear.filters)
        moments = SpokenDirections(options.train, recipe.audio)
        train_direction_ear(network, moments, ear, seed=options.seed, say=say)
    elif isinstance(ear, WearerEarRecipe):
        network, moments = with_ear(weights, recipe.network, ear.filters), OwnVoiceMoments(options.train, recipe.audio)
        train_ear(network, moments, ear, seed=options.seed, say=say)
    else:
        network = SpeakerUNet(recipe.network)
        network.load_state_dict(weights)
        return network.eval(), 0
    say(f"{len(moments)} moments, {time.process_time() - begin:.0f} s of one core")
    return network, len(moments)


def say(line: str) -> None:
    print(line, flush=True)


def command_of(options: argparse.Namespace) -> str:
    """What was run, without the folders of this machine."""
    train, validation = (" ".join(f"glasses/{path.name}" for path in paths) for paths in (options.train, options.validation))
    command = f"python benchmarks/asl_unet_ears.py {options.what} RUN" + (f" --train {train}" if train else "")
    command += f" --validation {validation} --out OUT"
    return command + f" --seed {options.seed}" + (" --set " + " ".join(options.set) if options.set else "")


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


def chosen(
    scores: Scores, memory: FaceMemoryConfig, before: dict[str, Any], options: argparse.Namespace
) -> dict[str, Any]:
    """What validation says for the card: thresholds of what may have changed, and numbers at them."""
    wearer = scores.wearer.best_threshold() if options.what == "wearer" else before["wearer_threshold"]
    belief = scores.remembered.pixels.best_threshold()
    metrics = {
        "mask": scores.remembered.report(belief),
        "mask_by_moments": scores.moments.report(before["threshold"]),
        "wearer": scores.wearer.confusion(wearer).to_mapping(),
    }
    shown = ("iou", "recall", "precision", "f1", "accuracy")
    for name, numbers in metrics.items():
        say(f"{name:<16}" + " ".join(f"{key} {numbers[key] or 0:.3f}" for key in shown))
    return {
        "wearer_threshold": wearer,
        "memory": to_mapping(memory) | {"threshold": belief},
        "metrics": {"validation": metrics | {"every": 1, "scenes": [path.name for path in options.validation]}},
    }


if __name__ == "__main__":
    main()
