"""Trains CoLoC's two networks on a frozen ear: minutes of a CPU core, since what the ear says is computed once."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
import yaml
from torch import Tensor, nn

from avloc_ros.config import to_mapping
from avloc_ros.datasets.events.event_recording import EventRecording
from avloc_ros.losses.coloc import focal_loss, localizer_loss
from avloc_ros.models.sound_events.coloc_ear import EarClassifier, EarLocalizer
from avloc_ros.systems.coloc_ear import open_ear
from avloc_ros.systems.event_network import EventNetworkConfig
from avloc_ros.training.sound_events.bank_labels import batched_shaken, coloc_labels
from avloc_ros.training.sound_events.bank_loop import BankRun, BankTime, train_on_bank
from avloc_ros.training.sound_events.coloc_ear_evaluation import (
    choose_thresholds,
    evaluate_coloc_ear,
    found_of,
)
from avloc_ros.training.sound_events.heard_chunks import Batch, HeardChunks, hear
from avloc_ros.training.sound_events.recipes import ColocEarRecipe

NEAR_DEG = 25.0  # a direction that was found and is this near to an event is the event's
TRUE_SHAKE_DEG = 5.0  # what the classifier is asked for is off by up to this, as in the report
SEARCHED_FROM, SEARCHED_TO = 0.15, 0.6  # lengths from which a direction counts while the classifier learns
VALIDATION_BATCH, VALIDATIONS = 32, 4
SEARCHED_CHUNKS = 1000  # that the classifier learns from: a search of all would take longer than the learning


@dataclass(frozen=True)
class TrainedColocEar:
    """Both networks, evaluating; thresholds and scores of the validation recordings."""

    localizer: EarLocalizer
    classifier: EarClassifier
    scores: dict[str, Any]


def train_coloc_ear(
    recipe: ColocEarRecipe,
    training: Sequence[EventRecording],
    validation: Sequence[EventRecording],
    out: Path,
    *,
    seed: int = 0,
    tell: Callable[[str], None] = print,
) -> TrainedColocEar:
    """Leaves localizer.pt, classifier.pt, recipe.yaml and scores.json in `out`."""
    ear = open_ear(recipe.ear, EventNetworkConfig(device="cpu"))
    heard, held_out = (hear(ear, recordings, recipe.height) for recordings in (training, validation))
    return learn(recipe, heard, held_out, out, seed, tell)


def learn(
    recipe: ColocEarRecipe, heard: HeardChunks, held_out: HeardChunks, out: Path, seed: int, tell: Callable[[str], None] = print
) -> TrainedColocEar:
    """The same of chunks that were heard."""
    torch.manual_seed(seed)
    localizer = EarLocalizer(recipe.network, recipe.classes, max(1, recipe.height - 1))
    classifier = EarClassifier(recipe.network, recipe.classes)
    runs: dict[str, BankRun] = {}
    if recipe.localizer_s:
        runs["localizer"] = _learn_localizer(localizer, recipe, heard, held_out, out, seed, tell)
    if recipe.classifier_s:
        runs["classifier"] = _learn_classifier(localizer, classifier, recipe, heard, held_out, out, seed, tell)
    for name, network in (("localizer", localizer), ("classifier", classifier)):
        torch.save(network.eval().state_dict(), out / f"{name}.pt")
    scores: dict[str, Any] = {"seed": seed} | {name: asdict(run) for name, run in runs.items()}
    scores |= choose_thresholds(localizer, classifier, recipe, held_out)
    scores |= evaluate_coloc_ear(localizer, classifier, recipe, held_out, scores["threshold"], scores["class_threshold"])
    content = {"recipe": "coloc_ear"} | to_mapping(recipe)
    (out / "recipe.yaml").write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
    (out / "scores.json").write_text(json.dumps(scores, indent=1) + "\n", encoding="utf-8")
    return TrainedColocEar(localizer, classifier, scores)


def _learn_localizer(
    network: EarLocalizer, recipe: ColocEarRecipe, heard: HeardChunks, held_out: HeardChunks, out: Path, seed: int, tell: Any
) -> BankRun:
    """By the report's loss: the nearest direction that was not told."""
    chance = torch.Generator().manual_seed(seed)

    def labelled(source: HeardChunks, chosen: Tensor, training: bool) -> Batch:
        batch = source.batch(chosen)
        return batch | coloc_labels(batch, recipe.classes, recipe.told_shake_deg, chance, training)

    def loss_of(batch: Batch) -> Tensor:
        predicted = network(batch["features"], batch["vectors"], batch["told"], batch["step"])
        return localizer_loss(predicted, batch["directions"], batch["step"].long())

    batches = (labelled(heard, chosen, True) for chosen in _drawn(len(heard), recipe.batch_size, chance))
    kept = [labelled(held_out, part, False) for part in _parts(held_out)]
    return _run(network, "localizer", loss_of, batches, kept, recipe.localizer_s, recipe.localizer_rate, out, tell)


def _learn_classifier(
    localizer: EarLocalizer,
    network: EarClassifier,
    recipe: ColocEarRecipe,
    heard: HeardChunks,
    held_out: HeardChunks,
    out: Path,
    seed: int,
    tell: Any,
) -> BankRun:
    """By the report's focal loss: half of the chunks with true directions, half with those that the localizer finds.

    What was found and is an event's has its class; what is no event's is `nothing`.
    """
    chance = torch.Generator().manual_seed(seed + 1)
    some = heard.some(SEARCHED_CHUNKS)
    found = {id(source): found_of(localizer, source, recipe, SEARCHED_FROM) for source in (some, held_out)}

    def labelled(source: HeardChunks, chosen: Tensor, training: bool) -> Batch:
        batch = source.batch(chosen)
        labels = coloc_labels(batch, recipe.classes, recipe.steps.perturb_deg, chance, training)
        vectors = found[id(source)][chosen]  # (batch, rows, frames, 3)
        length = SEARCHED_FROM + (SEARCHED_TO - SEARCHED_FROM) * torch.rand(len(vectors), 1, 1, 1, generator=chance)
        norm = vectors.square().sum(3, keepdim=True).sqrt()
        kept = (norm > length).to(vectors.dtype).cumprod(1)
        directions = kept * vectors / norm.clamp_min(1e-6)
        classes = classes_of_found(directions, batch["directions"], batch["classes"], recipe.classes)
        asks_true = (torch.rand(len(vectors), 1, 1, generator=chance) < 0.5) & torch.tensor(training)
        asked = torch.where(asks_true[..., None], batched_shaken(labels["directions"], TRUE_SHAKE_DEG, chance), directions)
        return {"vectors": batch["vectors"], "asked": asked, "asked_classes": torch.where(asks_true, labels["classes"], classes)}

    def loss_of(batch: Batch) -> Tensor:
        there = batch["asked"].abs().sum(3) > 0
        logits = network(batch["vectors"], batch["asked"])
        return focal_loss(logits[there][None], batch["asked_classes"][there][None], recipe.focal_gamma)

    batches = (labelled(some, chosen, True) for chosen in _drawn(len(some), recipe.batch_size, chance))
    kept = [labelled(held_out, part, False) for part in _parts(held_out)]
    return _run(network, "classifier", loss_of, batches, kept, recipe.classifier_s, recipe.classifier_rate, out, tell)


def classes_of_found(found: Tensor, directions: Tensor, classes: Tensor, count: int) -> Tensor:
    """Classes (batch, rows, frames) of directions that were found (batch, rows, frames, 3); `count` where one is no event's.

    directions: (batch, frames, slots, 3), classes: (batch, frames, slots), what is true. The nearest pair is taken first, and
    each event and each direction once.
    """
    rows, slots = found.shape[1], classes.shape[2]
    cosines = found.transpose(1, 2) @ directions.transpose(2, 3)  # (batch, frames, rows, slots)
    there = (found.abs().sum(3) > 0).transpose(1, 2)[..., None] & (classes < count)[:, :, None]
    cosines = cosines.masked_fill(~there, -2.0)
    named = torch.full(cosines.shape[:3], count)
    limit = torch.tensor(NEAR_DEG).deg2rad().cos()
    for _ in range(min(rows, slots)):
        nearest, place = cosines.flatten(2).max(2)  # (batch, frames)
        row = nn.functional.one_hot(place // slots, rows).bool() & (nearest > limit)[..., None]
        slot = nn.functional.one_hot(place % slots, slots).bool()
        value = classes.gather(2, (place % slots)[..., None])
        named = torch.where(row, value.expand_as(named), named)
        cosines = cosines.masked_fill(row[..., None] | (slot & row.any(2, keepdim=True))[:, :, None], -2.0)
    return named.transpose(1, 2)


def _drawn(count: int, size: int, chance: torch.Generator) -> Iterator[Tensor]:
    while True:
        yield torch.randint(count, (size,), generator=chance)


def _parts(heard: HeardChunks) -> tuple[Tensor, ...]:
    return torch.arange(len(heard)).split(VALIDATION_BATCH)


def _run(
    network: nn.Module, name: str, loss_of: Callable[[Batch], Tensor], batches: Iterator[Batch], kept: list[Batch],
    seconds: float, rate: float, out: Path, tell: Any,
) -> BankRun:  # fmt: skip
    """Learn for so many processor seconds; the network keeps its last weights, evaluating."""
    plan = BankTime(seconds, rate, validations=VALIDATIONS, told_every_s=30.0, of_processor=True)
    run = train_on_bank(network, loss_of, batches, kept, out, name, plan, tell)
    network.load_state_dict(torch.load(out / f"{name}.last.pt", weights_only=True))
    network.eval()
    return run
