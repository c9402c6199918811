"""Trains CoLoC: the localizer and the classifier, each for itself (docs/papers.md: coloc; report Sec. 3)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lightning
import numpy as np
import torch
import yaml
from torch import Tensor

from avloc_ros.config import to_mapping
from avloc_ros.datasets.events.event_chunks import EventChunks
from avloc_ros.datasets.events.event_recording import EventRecording
from avloc_ros.datasets.events.stacked_tracks import stack_tracks
from avloc_ros.decode.coloc_steps import shaken
from avloc_ros.losses.coloc import focal_loss, localizer_loss
from avloc_ros.models.sound_events.coloc import Classifier, ConditionedNetwork, Localizer
from avloc_ros.sources.dcase_csv import EventRow
from avloc_ros.training.sound_events.batched_features import BatchedColocFeatures
from avloc_ros.training.sound_events.coloc_evaluation import choose_event_threshold, evaluate_coloc
from avloc_ros.training.sound_events.loop import Machine, chunk_loader, falling_adam, fit_scaler, run_loop
from avloc_ros.training.sound_events.recipes import ColocRecipe

Batch = dict[str, Tensor]


@dataclass(frozen=True)
class TrainedColoc:
    """Both networks of their best epochs, on the CPU, evaluating; scores of the validation recordings."""

    localizer: Localizer
    classifier: Classifier
    scores: dict[str, Any]
    folder: Path


class _Part(lightning.LightningModule):
    """What both trainings share: features, steps, rate."""

    network: ConditionedNetwork

    def __init__(self, recipe: ColocRecipe) -> None:
        super().__init__()
        self.recipe = recipe
        self.features = BatchedColocFeatures(recipe.features)

    def batch_loss(self, batch: Batch) -> Tensor:
        """The loss of one batch."""
        raise TypeError(f"{type(self).__name__} trains nothing by itself")

    def training_step(self, batch: Batch, index: int) -> Tensor:
        """The loss of one training batch."""
        loss = self.batch_loss(batch)
        self.log("train_loss", loss, on_step=False, on_epoch=True, batch_size=len(batch["samples"]))
        return loss

    def validation_step(self, batch: Batch, index: int) -> None:
        """The loss of one validation batch."""
        self.log("loss", self.batch_loss(batch), sync_dist=True, batch_size=len(batch["samples"]))

    def configure_optimizers(self) -> Any:
        """Adam with the recipe's schedule."""
        return falling_adam(self, self.recipe.optimizer)


class LocalizerTraining(_Part):
    """Tells the localizer of a random number of events and asks for one more."""

    def __init__(self, recipe: ColocRecipe) -> None:
        super().__init__(recipe)
        self.network = Localizer(recipe.network)

    def batch_loss(self, batch: Batch) -> Tensor:
        """Distance to the nearest event that was hidden."""
        predicted = self.network(self.features(batch["samples"]), batch["told"], batch["step"])
        return localizer_loss(predicted, batch["directions"], batch["step"].long())


class ClassifierTraining(_Part):
    """Tells the classifier one direction and asks what sounds there."""

    def __init__(self, recipe: ColocRecipe) -> None:
        super().__init__(recipe)
        self.network = Classifier(recipe.network, recipe.classes)

    def batch_loss(self, batch: Batch) -> Tensor:
        """Focal loss of the row that was told."""
        logits = self.network(self.features(batch["samples"]), batch["asked"])
        return focal_loss(logits, batch["asked_classes"], self.recipe.focal_gamma)


def train_coloc(
    recipe: ColocRecipe,
    training: Sequence[EventRecording],
    validation: Sequence[EventRecording],
    out: Path,
    *,
    synthetic: Sequence[EventRecording] = (),
    seed: int = 0,
    machine: Machine | None = None,
) -> TrainedColoc:
    """Train both networks and leave in `out`: localizer.pt, classifier.pt, recipe.yaml, scores.json and the logs.

    synthetic: further training recordings, drawn for `recipe.synthetic_share` of the chunks. The scaler is fitted on the
    training recordings only.
    """
    machine = machine or Machine()
    torch.manual_seed(seed)
    label_maker = labels_of(recipe)
    chunks = EventChunks([*training, *synthetic], recipe.chunks, label_maker, training=True, seed=seed)
    held_out = EventChunks(validation, recipe.chunks, label_maker, seed=seed)
    weights = _shares(chunks, len(training), recipe.synthetic_share) if synthetic else None
    scaler = fit_scaler(BatchedColocFeatures(recipe.features), chunks, recipe.optimizer.scaler_chunks)
    parts: dict[str, _Part] = {
        "localizer": LocalizerTraining(recipe),
        "classifier": ClassifierTraining(recipe),
    }
    facts: dict[str, Any] = {"seed": seed}
    for name, part in parts.items():
        part.network.set_scaler(*scaler)
        loaders = chunk_loader(chunks, recipe.optimizer, weights), chunk_loader(held_out, recipe.optimizer)
        result = run_loop(part, *loaders, "loss", out / name, recipe.optimizer, machine, seed)
        facts[name] = {"loss": result.best, "epochs": result.epochs, "seconds": result.seconds}
        part.network.cpu().eval()
        torch.save(part.network.state_dict(), out / f"{name}.pt")
    localizer, classifier = parts["localizer"].network, parts["classifier"].network
    assert isinstance(localizer, Localizer) and isinstance(classifier, Classifier)
    facts["threshold"] = choose_event_threshold(localizer, classifier, recipe, held_out)
    scores = evaluate_coloc(localizer, classifier, recipe, held_out, facts["threshold"]) | facts
    content = {"recipe": "coloc"} | to_mapping(recipe)
    (out / "recipe.yaml").write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
    (out / "scores.json").write_text(json.dumps(scores, indent=1) + "\n", encoding="utf-8")
    return TrainedColoc(localizer, classifier, scores, out)


def labels_of(recipe: ColocRecipe) -> Any:
    """The label maker of EventChunks.

    directions (rows, frames, 3) and classes (rows, frames) of the stacked tracks; told (rows - 1, frames, 3), shaken, what
    the localizer knows, and step, how many rows that are; asked (frames, 3), shaken, and asked_classes (frames,).
    """
    shake_deg = recipe.steps.perturb_deg

    def labels(rows: list[EventRow], frames: int, random: np.random.Generator) -> dict[str, np.ndarray]:
        stacked = stack_tracks(rows, frames, recipe.height, recipe.classes, order=random)
        step, row = int(random.integers(recipe.height)), int(random.integers(recipe.height))
        told = np.zeros((max(1, recipe.height - 1), frames, 3), np.float32)
        told[:step] = shaken(stacked.directions[:step], shake_deg, random)
        return {
            "directions": stacked.directions,
            "classes": stacked.classes,
            "told": told,
            "step": np.float32(step),
            "asked": shaken(stacked.directions[row], shake_deg, random),
            "asked_classes": stacked.classes[row],
        }

    return labels


def _shares(chunks: EventChunks, real: int, synthetic_share: float) -> list[float]:
    """Weights of the chunks so that `synthetic_share` of what is drawn comes from the recordings after the first `real`."""
    synthetic = [index >= real for index, _ in chunks.starts]
    made, recorded = sum(synthetic), len(synthetic) - sum(synthetic)
    return [synthetic_share / made if s else (1 - synthetic_share) / recorded for s in synthetic]
