"""Training the Hungarian network of diff_track on drawn assignment problems, from nothing."""

from __future__ import annotations

import copy
import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import lightning
import numpy as np
import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor
from torch.utils.data import DataLoader, IterableDataset

from avloc_ros.config import setting, to_mapping
from avloc_ros.datasets.tracks.association_cases import AssociationCases, AssociationCasesConfig, draw_cases
from avloc_ros.evaluation.metrics.association_score import AssociationScore, score_associations
from avloc_ros.losses.association import association_loss
from avloc_ros.models.diff_track.hungarian import (
    HungarianNetwork,
    HungarianNetworkConfig,
    load_hungarian,
    save_hungarian,
)
from avloc_ros.training.lightning_run import lightning_trainer, seeded
from avloc_ros.types import InputError

VALIDATION_SEED, TEST_SEED = 1_000_003, 987_654_321
TEST_CASES = 45_000


@dataclass(frozen=True)
class HungarianRecipe:
    """Everything that decides a training run but its seed."""

    name: str = setting("diff_track_hungarian_2x2", "name of the weights")
    network: HungarianNetworkConfig = field(default_factory=HungarianNetworkConfig)
    cases: AssociationCasesConfig = field(default_factory=AssociationCasesConfig)
    batch_size: int = setting(256, "cases per step", low=1, high=100_000)
    learning_rate: float = setting(1e-3, "of Adam, at the start", low=1e-7, high=1.0)
    last_learning_rate_share: float = setting(0.002, "where the cosine schedule ends", low=0.0, high=1.0)
    steps: int = setting(40_000, "optimiser steps", low=1)
    validate_every_steps: int = setting(2000, "steps between validations; the best F is kept", low=1)
    validation_cases: int = setting(10_000, "cases per validation", low=10)

    def __post_init__(self) -> None:
        if self.network.slots != self.cases.slots:
            raise InputError(
                f"network.slots is {self.network.slots}, cases.slots is {self.cases.slots}: they must be equal"
            )


class DrawnBatches(IterableDataset):
    """Endless fresh batches (distances, matrix); every process and worker draws its own."""

    def __init__(self, config: AssociationCasesConfig, batch_size: int, seed: int) -> None:
        self.config, self.batch_size, self.seed = config, batch_size, seed

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        worker = torch.utils.data.get_worker_info()
        rank = torch.distributed.get_rank() if torch.distributed.is_initialized() else 0
        rng = np.random.default_rng([self.seed, rank, worker.id if worker else 0])
        while True:
            yield from _batches(draw_cases(rng, self.config, 64 * self.batch_size), self.batch_size)


class HungarianModule(lightning.LightningModule):
    """Adam with a cosine schedule; keeps the weights with the best F on its validation cases."""

    def __init__(self, recipe: HungarianRecipe) -> None:
        super().__init__()
        self.recipe = recipe
        self.network = HungarianNetwork(recipe.network)
        self.validation = draw_cases(
            np.random.default_rng(VALIDATION_SEED), validated_cases(recipe), recipe.validation_cases
        )
        self.best_f = -1.0
        self.best_weights = copy.deepcopy(self.network.state_dict())
        self.course: list[dict[str, float]] = []

    def training_step(self, batch: tuple[Tensor, Tensor], _: int) -> Tensor:
        """Loss of one batch (distances, matrix)."""
        distances, matrix = batch
        return association_loss(self.network(distances), matrix)

    def on_train_batch_end(self, *_: Any) -> None:
        """Validate every so many steps."""
        step = self.global_step
        if step % self.recipe.validate_every_steps == 0 or step == self.recipe.steps:
            self.keep_best(step)

    def keep_best(self, step: int) -> None:
        """Score the validation cases now, and keep the weights where they are the best so far."""
        score = score_network(self.network, self.validation)
        self.course.append({"step": step, "f": score.f, "exact": score.exact})
        if score.f > self.best_f:
            self.best_f, self.best_weights = score.f, copy.deepcopy(self.network.state_dict())

    def configure_optimizers(self) -> Any:
        """Adam, the learning rate falling along a cosine over all steps."""
        rate = self.recipe.learning_rate
        optimiser = torch.optim.Adam(self.network.parameters(), rate)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(
            optimiser, self.recipe.steps, rate * self.recipe.last_learning_rate_share
        )
        return {"optimizer": optimiser, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}


def validated_cases(recipe: HungarianRecipe) -> AssociationCasesConfig:
    """What validation draws: unit vectors only, all combinations of counts equally often."""
    return replace(recipe.cases, hard_share=0.0, off_sphere_share=0.0, close_share=0.0)


def train(
    recipe: HungarianRecipe,
    out: Path,
    *,
    seed: int = 0,
    devices: int = 1,
    nodes: int = 1,
    accelerator: str = "auto",
    progress: bool = False,
    command: str = "",
) -> HungarianNetwork:
    """Train from nothing; write the weights (.npz), their card and `training.json` into `out`; return the best network.

    The card's metrics are from fresh cases, against scipy's assignments.
    """
    out.mkdir(parents=True, exist_ok=True)
    seeded(seed)
    module = HungarianModule(recipe)
    loader = DataLoader(DrawnBatches(recipe.cases, recipe.batch_size, seed), batch_size=None)
    trainer = lightning_trainer(
        devices=devices,
        nodes=nodes,
        accelerator=accelerator,
        max_steps=recipe.steps,
        max_epochs=-1,
        progress=progress,
    )
    trainer.fit(module, loader)
    network = HungarianNetwork(recipe.network)
    network.load_state_dict(module.best_weights)
    if trainer.is_global_zero:
        write_weights(network, recipe, seed, out, command)
        record = {"recipe": to_mapping(recipe), "seed": seed, "best_f": module.best_f, "course": module.course}
        (out / "training.json").write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    return network.eval()


def write_weights(
    network: HungarianNetwork, recipe: HungarianRecipe, seed: int, out: Path, command: str = ""
) -> Path:
    """The weights in float16 as NAME.npz, and their card, which scores what was written and names the command."""
    path = out / f"{recipe.name}.npz"
    save_hungarian(network, path)
    score = score_against_scipy(load_hungarian(path, recipe.network.slots), recipe)
    card = {
        "name": path.stem,
        "system": "diff_track_hungarian",
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "licence": "MIT",
        "data": "drawn at random while training: no data set",
        "recipe": to_mapping(recipe),
        "seed": seed,
        "command": command or f"avloc_ros.training.diff_track.hungarian.train(recipe, out, seed={seed})",
        "metrics": {
            "cases": TEST_CASES,
            "test_seed": TEST_SEED,
            "exact": score.exact,
            "f": score.f,
            "exact_by_references_and_predictions": {f"{r}x{p}": v for (r, p), v in score.exact_of.items()},
        },
    }
    path.with_suffix(".card.json").write_text(json.dumps(card, indent=2) + "\n", encoding="utf-8")
    return path


def score_against_scipy(network: HungarianNetwork, recipe: HungarianRecipe) -> AssociationScore:
    """On fresh cases of unit vectors, all combinations equally often, solved by scipy.optimize.linear_sum_assignment."""
    cases = draw_cases(np.random.default_rng(TEST_SEED), validated_cases(recipe), TEST_CASES)
    solved = np.zeros_like(cases.matrix)
    for matrix, distances in zip(solved, cases.distances.astype(float), strict=True):
        rows, columns = linear_sum_assignment(distances)
        matrix[rows, columns] = distances[rows, columns] < recipe.cases.far
    return score_network(network, AssociationCases(cases.distances, solved, cases.counts))


def score_network(network: HungarianNetwork, cases: AssociationCases) -> AssociationScore:
    """How many cases the network solves exactly."""
    device = next(network.parameters()).device
    with torch.no_grad():
        logits = [
            network(batch[0].to(device)).matrix.cpu().numpy() for batch in _batches(cases, 2000, keep_rest=True)
        ]
    return score_associations(np.concatenate(logits) > 0, cases.matrix, cases.counts)


def _batches(
    cases: AssociationCases, size: int, *, keep_rest: bool = False
) -> Iterator[tuple[Tensor, Tensor]]:
    end = len(cases.distances) if keep_rest else len(cases.distances) // size * size
    for first in range(0, end, size):
        part = slice(first, min(first + size, end))
        yield torch.from_numpy(cases.distances[part]), torch.from_numpy(cases.matrix[part])
