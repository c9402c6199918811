"""av_seld, the DCASE baseline and coloc trained on a bank of scenes: what each asks of a batch, and the stages of each."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch
import yaml
from torch import Tensor, nn

from avloc_ros.config import to_mapping
from avloc_ros.losses.coloc import focal_loss, localizer_loss
from avloc_ros.models.sound_events.coloc import Classifier, Localizer
from avloc_ros.models.sound_events.resnet50 import load_public_weights
from avloc_ros.sources.event_bank import EventBank
from avloc_ros.training.limited_time import Clock, device_name
from avloc_ros.training.sound_events.av_seld import make_features, make_network, seld_loss
from avloc_ros.training.sound_events.bank_batches import BankBatches, Batch
from avloc_ros.training.sound_events.bank_labels import batched_adpit, coloc_labels
from avloc_ros.training.sound_events.bank_loop import BankRun, BankTime, bank_scaler, train_on_bank
from avloc_ros.training.sound_events.batched_features import BatchedColocFeatures
from avloc_ros.training.sound_events.recipes import AvSeldRecipe, ColocRecipe

EAR_FIRST = 0.4  # share of the time of a network with eyes in which its ear learns alone
VALIDATION_BATCH = 32


@dataclass(frozen=True)
class BankPlace:
    """Which banks to learn from and to validate on, where results go, on what, from which random numbers, how long."""

    bank: EventBank
    held_out: EventBank
    out: Path
    device: torch.device
    seed: int
    time: BankTime
    tell: Callable[[str], None] = print


def train_av_seld_on_bank(recipe: AvSeldRecipe, place: BankPlace) -> BankRun:
    """av_seld or the baseline; leaves network.best.pt, network.last.pt, recipe.yaml and run.json in the place's folder.

    A network with eyes first learns its ear alone, as the audio-only network of the same sizes (EAR_FIRST of the time), then
    all of it: in the whole time of the others, not more.
    """
    started = time.monotonic()
    torch.manual_seed(place.seed)
    note_training(recipe, "av_seld", place, {}, 0.0)
    ear = None
    if recipe.looks and recipe.hears:
        deaf_eyes = replace(recipe, network=replace(recipe.network, visual="none"))
        ear, _ = _seld_stage(deaf_eyes, place, "ear", place.time.most_s * EAR_FIRST, None)
    left_s = max(0.0, place.time.most_s - (time.monotonic() - started))
    _, run = _seld_stage(recipe, place, "network", left_s, ear)
    note_training(recipe, "av_seld", place, {"network": run}, time.monotonic() - started)
    return run


def resume_on_bank(recipe: AvSeldRecipe, place: BankPlace) -> BankRun:
    """More time for a network that is trained: from recipe.start_weights on, with the scaler that they hold."""
    started = time.process_time()
    torch.manual_seed(place.seed)
    network = make_network(recipe)
    load_public_weights(network, recipe.start_weights, unused=("no key",))
    _, run = _seld_stage(recipe, place, "network", place.time.most_s, network)
    note_training(recipe, "av_seld", place, {"network": run}, time.process_time() - started)
    return run


def _seld_stage(
    recipe: AvSeldRecipe, place: BankPlace, name: str, most_s: float, ear: nn.Module | None
) -> tuple[nn.Module, BankRun]:
    """ear: whose scaler is taken, and all the weights that it shares with the network."""
    clock = Clock(most_s, of_processor=place.time.of_processor)
    device, size = place.device, recipe.optimizer.batch_size
    network, features = make_network(recipe).to(device), make_features(recipe).to(device)
    source = BankBatches(place.bank, recipe.chunks, device, pictures=recipe.looks)
    batches = source.training(size, place.seed + (1000 if ear is None else 0))
    held_out = BankBatches(place.held_out, recipe.chunks, device, pictures=recipe.looks).validation(VALIDATION_BATCH)
    if ear is None:
        network.set_scaler(*(values.to(device) for values in bank_scaler(features, batches)))
    else:
        take_over(network, ear.state_dict())

    def loss_of(batch: Batch) -> Tensor:
        labels = batched_adpit(batch["directions"], batch["classes"], recipe.classes)
        return seld_loss(network, features, recipe, batch, labels)

    plan = replace(place.time, most_s=max(1e-3, most_s - clock.seconds))
    return network, train_on_bank(network, loss_of, batches, held_out, place.out, name, plan, place.tell)


class ColocPair(nn.Module):
    """Both networks of coloc, which learn from the same features but share no weight."""

    def __init__(self, recipe: ColocRecipe) -> None:
        super().__init__()
        self.localizer, self.classifier = Localizer(recipe.network), Classifier(recipe.network, recipe.classes)


def train_coloc_on_bank(recipe: ColocRecipe, place: BankPlace) -> BankRun:
    """Both networks side by side, in one time; leaves pair.best.pt (smallest sum of losses), pair.last.pt and the rest."""
    started = time.monotonic()
    torch.manual_seed(place.seed)
    note_training(recipe, "coloc", place, {}, 0.0)
    device = place.device
    pair, features = ColocPair(recipe).to(device), BatchedColocFeatures(recipe.features).to(device)
    batches = BankBatches(place.bank, recipe.chunks, device).training(recipe.optimizer.batch_size, place.seed)
    scaler = [values.to(device) for values in bank_scaler(features, batches)]
    pair.localizer.set_scaler(*scaler)
    pair.classifier.set_scaler(*scaler)
    chance = torch.Generator(device).manual_seed(place.seed)
    held_out = BankBatches(place.held_out, recipe.chunks, device).validation(VALIDATION_BATCH)

    def labelled(source: Iterator[Batch] | list[Batch], training: bool) -> Iterator[Batch]:
        for batch in source:
            labels = coloc_labels(batch, recipe.classes, recipe.steps.perturb_deg, chance, training)
            yield {"samples": batch["samples"]} | labels

    def loss_of(batch: Batch) -> Tensor:
        with torch.no_grad():
            heard = features(batch["samples"])
        predicted = pair.localizer(heard, batch["told"], batch["step"])
        found = localizer_loss(predicted, batch["directions"], batch["step"].long())
        return found + focal_loss(pair.classifier(heard, batch["asked"]), batch["asked_classes"], recipe.focal_gamma)

    plan = replace(place.time, most_s=max(1e-3, place.time.most_s - (time.monotonic() - started)))
    kept = list(labelled(held_out, training=False))
    run = train_on_bank(pair, loss_of, labelled(batches, True), kept, place.out, "pair", plan, place.tell)
    note_training(recipe, "coloc", place, {"pair": run}, time.monotonic() - started)
    return run


def take_over(network: nn.Module, weights: Mapping[str, Tensor]) -> None:
    """Those weights of another network that have the name and the shape of one of this network's."""
    own = network.state_dict()
    fitting = {name: value for name, value in weights.items() if name in own and own[name].shape == value.shape}
    network.load_state_dict(own | fitting)


def note_training(
    recipe: AvSeldRecipe | ColocRecipe, kind: str, place: BankPlace, runs: dict[str, BankRun], seconds: float
) -> None:
    """Recipe and facts; written at the start too, so that a training which is stopped leaves them."""
    facts: dict[str, Any] = {name: asdict(run) for name, run in runs.items()}
    facts |= {"seed": place.seed, "seconds": seconds, "scenes": len(place.bank.shape.kept), "device": device_name(place.device)}
    (place.out / "run.json").write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")
    content = {"recipe": kind} | to_mapping(recipe)
    (place.out / "recipe.yaml").write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
