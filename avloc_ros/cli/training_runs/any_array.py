"""`avloc train any_array KIT`: the audio tracker for any array."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from avloc_ros.cli.console import console
from avloc_ros.cli.training_runs.request import Request
from avloc_ros.types import InputError

if TYPE_CHECKING:
    from avloc_ros.training.any_array.recipe import AnyArrayRecipe


def run(recipe: AnyArrayRecipe, request: Request) -> list[Path]:
    """Simulate rooms once, train on mixtures, write both networks; all of it on a GPU where there is one."""
    from avloc_ros.config import to_mapping
    from avloc_ros.training.any_array.gpu import train_any_array_on
    from avloc_ros.training.any_array.material import gather
    from avloc_ros.training.any_array.recipe import train_any_array
    from avloc_ros.training.cards import Provenance
    from avloc_ros.training.limited_time import chosen_device

    if len(request.paths) != 1:
        raise InputError("name one folder with speech/ (and events/, music/) that the any-array tracker learns from")
    device = chosen_device(request.options.device)
    with_gpu = device.type == "cuda"
    console.print("gathering sounds and rooms; rooms are simulated once, about a second each on a CPU")
    material = gather(recipe, request.paths[0], request.out, rooms_on_gpu=recipe.gpu.rooms if with_gpu else 0)
    provenance = Provenance(to_mapping(recipe), material.facts, request.command, request.options.seed)
    if with_gpu:
        return [train_any_array_on(device, recipe, material, request.run_options(), provenance, console.print)]
    made = train_any_array(recipe, material, request.run_options(), provenance)
    return [made] if made else []
