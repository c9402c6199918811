"""From mixtures in rooms to the weights of the any-array tracker: training, threshold, files."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch.utils.data import DataLoader

from avloc_ros.config import setting
from avloc_ros.models.any_array.networks import AnyArrayNetworkConfig
from avloc_ros.training.any_array.export import write_any_array
from avloc_ros.training.any_array.material import Material, MaterialConfig
from avloc_ros.training.any_array.one_by_one import AnyArrayModule, Examples
from avloc_ros.training.any_array.scores import CHOICE, score_cells
from avloc_ros.training.cards import Provenance
from avloc_ros.training.trainer import OptimizerConfig, RunOptions, fit, is_first_process


@dataclass(frozen=True)
class AnyArrayGpuConfig:
    """What is different where all is made and learnt on a GPU."""

    rooms: int = setting(3000, "simulated rooms; each step makes one until they are all there", low=1, high=1000000)
    first_rooms: int = setting(300, "of them before the first step", low=1, high=1000000)
    validation_rooms: int = setting(64, "other rooms, with other talkers, that choose the weights", low=1, high=100000)
    examples: int = setting(64, "examples of one step", low=1, high=4096)
    steps: int = setting(6000, "steps, unless most_minutes are over first", low=1, high=10000000)
    generated_sounds: int = setting(600, "generated sounds beside the recorded ones", low=1, high=1000000)
    processes: int = setting(8, "that make sounds ready before the first step", low=1, high=256)


@dataclass(frozen=True)
class AnyArrayRecipe(MaterialConfig):
    """Everything that makes the any-array networks; an example is what a mixture gives."""

    name: str = setting("any_array", "name of the weights")
    examples: int = setting(8, "examples of one step", low=1, high=1024)
    batches_per_epoch: int = setting(200, "steps between two validations", low=1, high=1000000)
    epochs: int = setting(8, "epochs", low=1, high=100000)
    pretrain_batches: int = setting(150, "first steps, in which only the listening network learns", low=0, high=1000000)
    validation_batches: int = setting(6, "batches of fixed examples that validate", low=1, high=1000)
    learning_rate: float = setting(2e-3, "the highest; it falls as a cosine", low=1e-6, high=1.0)
    most_minutes: float = setting(0.0, "training ends after this time, its rate having fallen; 0: no limit", low=0.0, high=1e6)
    gpu: AnyArrayGpuConfig = field(default_factory=AnyArrayGpuConfig)
    network: AnyArrayNetworkConfig = field(default_factory=AnyArrayNetworkConfig)


def train_any_array(
    recipe: AnyArrayRecipe, material: Material, options: RunOptions, provenance: Provenance
) -> Path | None:
    """Train, choose the threshold on validation mixtures, and write both networks with their cards; their folder."""
    torch.manual_seed(options.seed)
    steps = recipe.epochs * recipe.batches_per_epoch
    module = AnyArrayModule(
        recipe.network,
        material.training,
        material.validation,
        steps=steps,
        pretrain_steps=recipe.pretrain_batches,
        rate=recipe.learning_rate,
        most_minutes=recipe.most_minutes,
    )
    validation = list(Examples(material.validation, recipe.examples, 7, recipe.validation_batches))
    started = time.perf_counter()
    fit(
        module,
        DataLoader(
            Examples(material.training, recipe.examples, options.seed, recipe.batches_per_epoch),
            batch_size=None,
            num_workers=1,
            prefetch_factor=3,
        ),
        DataLoader(validation, batch_size=None),  # type: ignore[arg-type]
        OptimizerConfig(recipe.learning_rate, recipe.examples, recipe.epochs, patience=recipe.epochs, gradient_clip=5.0),
        options,
    )
    if not is_first_process():
        return None
    return finish_any_array(recipe, module, material, options, provenance, time.perf_counter() - started)


def finish_any_array(
    recipe: AnyArrayRecipe,
    module: AnyArrayModule,
    material: Material,
    options: RunOptions,
    provenance: Provenance,
    seconds: float,
) -> Path:
    """Score a trained module on validation mixtures and write its files."""
    rng = np.random.default_rng(11)
    scores = score_cells(module.cpu().eval(), [material.validation.example(rng) for _ in range(40)])
    card = {
        "threshold": scores.threshold,
        "threshold_choice": CHOICE,
        "metrics": {"validation": scores.facts()},
        "training": {"seconds": round(seconds, 1), "steps": module.global_step or None},
    }
    return write_any_array(options.out, module.listening, module.sphere, recipe.network, card, provenance)
