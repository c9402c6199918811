"""av_seld or the DCASE baseline, by ear alone, trained on a stock of scenes that grows meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import yaml
from torch import Tensor

from avloc_ros.config import to_mapping
from avloc_ros.training.av_seld import make_features, make_network, seld_loss
from avloc_ros.training.bank_batches import Batch
from avloc_ros.training.bank_labels import batched_adpit
from avloc_ros.training.bank_loop import BankRun, BankTime, bank_scaler, train_on_bank
from avloc_ros.training.scene_stock import SceneStock
from avloc_ros.training.seld_recipes import AvSeldRecipe


def train_ear_on_stock(
    recipe: AvSeldRecipe,
    stock: SceneStock,
    held_out: SceneStock,
    out: Path,
    plan: BankTime,
    seed: int,
    tell: Callable[[str], None] = print,
) -> BankRun:
    """Leaves network.best.pt (smallest validation loss), network.last.pt and recipe.yaml."""
    content = {"recipe": "av_seld"} | to_mapping(recipe)
    (out / "recipe.yaml").write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
    network, features = make_network(recipe).to(stock.device), make_features(recipe).to(stock.device)
    size = recipe.optimizer.batch_size
    batches = stock.training(size, seed)
    network.set_scaler(*(values.to(stock.device) for values in bank_scaler(features, batches)))

    def loss_of(batch: Batch) -> Tensor:
        labels = batched_adpit(batch["directions"], batch["classes"], recipe.classes)
        return seld_loss(network, features, recipe, batch, labels)

    return train_on_bank(network, loss_of, batches, held_out.side_by_side(size), out, "network", plan, tell)
