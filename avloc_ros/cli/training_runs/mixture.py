"""`avloc train mixture KIT`: the network that weighs the candidates of the default audio tracker."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from rich.progress import Progress

from avloc_ros.cli.console import console, error_console
from avloc_ros.cli.training_runs.request import Request
from avloc_ros.types import InputError

if TYPE_CHECKING:
    from avloc_ros.training.any_array.candidates import MixtureRecipe


def run(recipe: MixtureRecipe, request: Request) -> list[Path]:
    """Simulate rooms once, draw mixtures, learn from what any_array and the mixtures of directions say of them."""
    from avloc_ros.config import to_mapping
    from avloc_ros.training.any_array.candidates import DRAWS, train_mixture
    from avloc_ros.training.any_array.material import gather
    from avloc_ros.training.cards import Provenance

    if len(request.paths) != 1:
        raise InputError("name one folder with speech/ (and events/, music/) that the mixture tracker learns from")
    request.refuse_resume()
    console.print("gathering sounds and rooms; rooms are simulated once, about a second each")
    material = gather(recipe, request.paths[0], request.out, draws=DRAWS)
    provenance = Provenance(to_mapping(recipe), material.facts, request.command, request.options.seed)
    with Progress(console=error_console) as bar:
        task = bar.add_task("mixtures", total=recipe.mixtures + recipe.validation_mixtures)
        made = train_mixture(
            recipe, material.training, material.validation, request.out, request.options.seed, request.options.jobs,
            replace(provenance, device="CPU"), lambda count: bar.advance(task, count),
        )  # fmt: skip
    return [made]
