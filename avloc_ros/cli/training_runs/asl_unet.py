"""`avloc train asl_unet* FOLDER...`: who speaks before a wearer, from egocentric scenes or EasyCom."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from avloc_ros.cli.console import console
from avloc_ros.cli.training_runs.request import Request, held_out_apart
from avloc_ros.types import InputError

if TYPE_CHECKING:
    from avloc_ros.datasets.glasses.recording import EgocentricRecording
    from avloc_ros.training.asl_unet.recipe import SpeakerUNetRecipe

Parts = dict[str, list["EgocentricRecording"]]


def run(recipe: SpeakerUNetRecipe, request: Request) -> list[Path]:
    """Train and write NAME.onnx with its card."""
    from avloc_ros.config import to_mapping
    from avloc_ros.training.asl_unet.training import train
    from avloc_ros.training.cards import Provenance, write_weights
    from avloc_ros.training.network_export import export_speaker_unet
    from avloc_ros.training.trainer import is_first_process

    request.refuse_resume()
    request.need_paths()
    parts = recordings_of(recipe, request)
    console.print(", ".join(f"{len(recordings)} recordings for {part}" for part, recordings in parts.items()))
    network = train(
        recipe,
        request.out,
        training=parts["training"],
        validation=parts["validation"],
        test=parts["test"],
        **request.loop(),
    )
    if not is_first_process():
        return []
    path = request.out / f"{recipe.name}.onnx"
    _, bins, spectra = recipe.audio.shape
    difference = export_speaker_unet(network, path, bins, spectra)
    record = json.loads((request.out / "training.json").read_text(encoding="utf-8"))
    card = {
        "name": recipe.name,
        "system": "asl_unet",
        "threshold": record["thresholds"]["mask"],
        "wearer_threshold": record["thresholds"]["wearer"],
        "metrics": {part: record[part] for part in ("validation", "test") if part in record},
        "largest_difference_to_torch": {"fp32": difference},
    }
    facts = {part: {"recordings": len(items), "frames": sum(r.frames for r in items)} for part, items in parts.items()}
    provenance = Provenance(to_mapping(recipe), facts, request.command, request.options.seed)
    return [write_weights(path, path.read_bytes(), card, provenance)]


def recordings_of(recipe: SpeakerUNetRecipe, request: Request) -> Parts:
    """Recordings to learn from, validate and test on.

    EasyCom has its own three parts. Of scenes without --validation every fifth validates. Raises InputError.
    """
    options = request.options
    if any(_is_easycom(path) for path in request.paths):
        if len(request.paths) > 1 or options.validation is not None or options.test is not None:
            raise InputError("EasyCom stands alone: it has its own sessions for validation and test")
        splits = {"training": "train", "validation": "val", "test": "test"}
        return {part: _easycom(recipe, request, split) for part, split in splits.items()}
    training = _scenes(recipe, request.paths)
    if options.validation is not None:
        validation = _scenes(recipe, [options.validation])
    else:
        training, validation = held_out_apart(training, "scenes")
    test = [] if options.test is None else _scenes(recipe, [options.test])
    return {"training": training, "validation": validation, "test": test}


def _is_easycom(path: Path) -> bool:
    return (path / "Main").is_dir()


def _scenes(recipe: SpeakerUNetRecipe, paths: list[Path]) -> list[EgocentricRecording]:
    from avloc_ros.datasets.glasses.recording import recordings_under

    return recordings_under(paths, recipe.network.rows, recipe.network.cols, recipe.audio.sample_rate_hz)


def _easycom(recipe: SpeakerUNetRecipe, request: Request, split: str) -> list[EgocentricRecording]:
    """One part of EasyCom, its pictures reduced and kept in --out."""
    from avloc_ros.datasets.glasses.easycom import EasyComConfig, easycom_recordings, read_easycom

    (root,) = request.paths
    config = EasyComConfig(recipe.network.rows, recipe.network.cols, recipe.audio.sample_rate_hz)
    names = easycom_recordings(root, split)
    return [read_easycom(root, name, config, request.out / "pictures") for name in names]
