"""`avloc train diff_track_*`: the Hungarian network and the localizer; both draw what they learn from."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from avloc_ros.cli.training_runs.request import Request

if TYPE_CHECKING:
    from avloc_ros.training.diff_track.hungarian import HungarianRecipe
    from avloc_ros.training.diff_track.localizer import LocalizerRecipe


def run(recipe: HungarianRecipe | LocalizerRecipe, request: Request) -> list[Path]:
    """Train the network of the recipe and write it with its card."""
    from avloc_ros.training.diff_track.hungarian import HungarianRecipe

    request.refuse_paths()
    request.refuse_resume()
    if isinstance(recipe, HungarianRecipe):
        return _hungarian(recipe, request)
    return _localizer(for_command_line(recipe, request), request)


def for_command_line(recipe: LocalizerRecipe, request: Request) -> LocalizerRecipe:
    """The recipe with the array and the speech of the command line."""
    options = request.options
    voices = str(options.speech) if options.speech else recipe.data.voices
    return replace(recipe, data=replace(recipe.data, array=options.array or recipe.data.array, voices=voices))


def _hungarian(recipe: HungarianRecipe, request: Request) -> list[Path]:
    from avloc_ros.training.diff_track.hungarian import train
    from avloc_ros.training.trainer import is_first_process

    train(recipe, request.out, command=request.command, **request.loop())
    return [request.out / f"{recipe.name}.npz"] if is_first_process() else []


def _localizer(recipe: LocalizerRecipe, request: Request) -> list[Path]:
    from avloc_ros.config import to_mapping
    from avloc_ros.models.diff_track.localizer import LocalizerNetwork
    from avloc_ros.runtime.weights import read_torch
    from avloc_ros.training.cards import Provenance, write_weights
    from avloc_ros.training.diff_track.live import write_live
    from avloc_ros.training.diff_track.localizer import drawn_splits, train
    from avloc_ros.training.network_export import export_localizer
    from avloc_ros.training.trainer import is_first_process

    score = train(recipe, request.out, **request.loop())
    if not is_first_process():
        return []
    network = LocalizerNetwork(recipe.network)
    network.load_state_dict(read_torch(request.out / "localizer.pt"))
    path = request.out / f"{recipe.name}.onnx"
    difference = export_localizer(network, path)
    card = {
        "name": recipe.name,
        "system": "diff_track_localizer",
        "metrics": {"test": score.to_mapping()},
        "largest_difference_to_torch": {"fp32": difference},
    }
    sizes = {split: recipe.data.segments_of(split) for split in ("train", "val", "test")}
    facts = {
        "segments": sizes,
        "voices": Path(recipe.data.voices).name or "synthetic",
        "arrays": [recipe.data.array, *recipe.data.other_arrays],
    }
    provenance = Provenance(to_mapping(recipe), facts, request.command, request.options.seed)
    written = [write_weights(path, path.read_bytes(), card, provenance)]
    if recipe.network.causal:
        live, validation = path.with_name(f"{recipe.name}_live.onnx"), drawn_splits(recipe, ("val",))["val"]
        written.append(write_live(network, recipe, validation, live, {"test": score.to_mapping()}, provenance))
    return written
