"""`avloc train any_array KIT`: the audio tracker for any array."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from avloc_ros.cli.console import console
from avloc_ros.cli.training_runs.request import Request
from avloc_ros.types import InputError

if TYPE_CHECKING:
    from avloc_ros.training.any_array_recipe import AnyArrayRecipe


def run(recipe: AnyArrayRecipe, request: Request) -> list[Path]:
    """Simulate rooms once, train on mixtures, write both networks."""
    from avloc_ros.config import to_mapping
    from avloc_ros.training.any_array_recipe import gather, train_any_array
    from avloc_ros.training.cards import Provenance

    if len(request.paths) != 1:
        raise InputError("name one folder with speech/ (and events/, music/) that the any-array tracker learns from")
    console.print("gathering sounds and rooms; rooms are simulated once, about a second each")
    material = gather(recipe, request.paths[0], request.out)
    provenance = Provenance(to_mapping(recipe), material.facts, request.command, request.options.seed)
    made = train_any_array(recipe, material, request.run_options(), provenance)
    return [made] if made else []
