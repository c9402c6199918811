"""Trains av_seld and the DCASE baseline (docs/papers.md: av_seld)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import lightning
import numpy as np
import torch
import yaml
from torch import Tensor, nn

from avloc_ros.config import to_mapping
from avloc_ros.datasets.events.adpit_labels import adpit_labels
from avloc_ros.datasets.events.event_chunks import EventChunks, PictureSize
from avloc_ros.datasets.events.event_recording import EventRecording
from avloc_ros.decode.multi_accdoa import decode_multi_accdoa
from avloc_ros.losses.adpit import adpit_loss
from avloc_ros.losses.seen_events import events_of_adpit, seen_events_loss
from avloc_ros.models.sound_events.av_seld import AvSeld
from avloc_ros.models.sound_events.crnn import SeldCrnn
from avloc_ros.models.sound_events.resnet50 import load_public_weights
from avloc_ros.models.sound_events.seen_events import seen_directions
from avloc_ros.sources.dcase_csv import FRAME_S, EventRow
from avloc_ros.training.sound_events.batched_features import (
    BatchedFoaFeatures,
    BatchedGccFeatures,
    BatchedSalsaLite,
)
from avloc_ros.training.sound_events.loop import (
    Machine,
    chunk_loader,
    falling_adam,
    fit_scaler,
    gathered,
    run_loop,
)
from avloc_ros.training.sound_events.recipes import AvSeldRecipe
from avloc_ros.training.sound_events.scores import ChunkEvents, chunk_scores
from avloc_ros.types import InputError

PIXEL_RANGE = 255.0
THRESHOLDS = (0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.55, 0.6, 0.7)
PATIENCE = 3
SEEN_WEIGHT = 1e-3  # of what the eyes learn alone: a sum over cells, beside a mean over vectors
ChunkVectors = tuple[int, int, np.ndarray]


@dataclass(frozen=True)
class TrainedSeld:
    """network: the best epoch, on the CPU, evaluating; scores: of the validation recordings.

    micro, macro, classwise, at `threshold`, which was chosen on them.
    """

    network: nn.Module
    scores: dict[str, Any]
    folder: Path


class AvSeldTraining(lightning.LightningModule):
    """One network in training; batches are those of EventChunks with ADPIT labels."""

    def __init__(self, recipe: AvSeldRecipe, validation: EventChunks) -> None:
        super().__init__()
        self.recipe, self.validation = recipe, validation
        self.network, self.features = make_network(recipe), make_features(recipe)
        self._predictions: list[ChunkEvents] = []

    def forward(self, batch: dict[str, Tensor]) -> Tensor:
        """Vectors (batch, frames, tracks * 3 * classes) of a batch."""
        return network_output(self.network, self.features, self.recipe, batch)

    def training_step(self, batch: dict[str, Tensor], index: int) -> Tensor:
        """Loss of one batch."""
        loss = seld_loss(self.network, self.features, self.recipe, batch, batch["labels"])
        self.log("train_loss", loss, on_step=False, on_epoch=True, batch_size=len(batch["labels"]))
        return loss

    def validation_step(self, batch: dict[str, Tensor], index: int) -> None:
        """Loss and events of one batch of validation chunks."""
        output = self(batch)
        self.log("loss", adpit_loss(output, batch["labels"]), sync_dist=True, batch_size=len(output))
        self._predictions += decoded(output, batch, self.recipe)

    def on_validation_epoch_end(self) -> None:
        """Scores of whole recordings."""
        scores = chunk_scores(gathered(self._predictions), self.validation, self.recipe.classes)
        self._predictions = []
        for average in ("macro", "micro"):
            self.log_dict({f"{average}_{name}": value for name, value in scores[average].items()})

    def configure_optimizers(self) -> Any:
        """Adam with the recipe's schedule."""
        return falling_adam(self, self.recipe.optimizer)


def train_av_seld(
    recipe: AvSeldRecipe,
    training: Sequence[EventRecording],
    validation: Sequence[EventRecording],
    out: Path,
    *,
    seed: int = 0,
    machine: Machine | None = None,
) -> TrainedSeld:
    """Train and leave in `out`: network.pt, audio_encoder.pt, recipe.yaml, scores.json and log/metrics.csv.

    The scaler is fitted on the training recordings only. Raises InputError where recordings lack what the network takes.
    """
    machine = machine or Machine()
    torch.manual_seed(seed)
    pictures = pictures_of(recipe, out / "pictures")
    chunks = EventChunks(
        training, recipe.chunks, labels_of(recipe), pictures=pictures, training=True, seed=seed
    )
    held_out = EventChunks(validation, recipe.chunks, labels_of(recipe), pictures=pictures)
    module = AvSeldTraining(recipe, held_out)
    if recipe.hears:
        module.network.set_scaler(*fit_scaler(module.features, chunks, recipe.optimizer.scaler_chunks))
    if recipe.start_weights:  # with the scaler of that training
        load_public_weights(module.network, recipe.start_weights, unused=("no key",))
    loaders = chunk_loader(chunks, recipe.optimizer), chunk_loader(held_out, recipe.optimizer)
    result = run_loop(module, *loaders, recipe.best_by, out, recipe.optimizer, machine, seed)
    network = module.network.cpu().eval()
    vectors = chunk_vectors(network, recipe, held_out)
    threshold = choose_threshold(vectors, recipe, held_out)
    scores = scores_at(vectors, recipe, held_out, threshold) | {
        "threshold": threshold,
        "epochs": result.epochs,
        "seconds": result.seconds,
        "seed": seed,
    }
    _write(out, recipe, network, scores)
    return TrainedSeld(network, scores, out)


def make_network(recipe: AvSeldRecipe) -> AvSeld | SeldCrnn:
    """The recipe's network, with the audio encoder of an earlier training where one is named."""
    if recipe.system == "seld_crnn":
        return SeldCrnn(recipe.crnn)
    _check_frames(recipe)
    try:
        network = AvSeld(recipe.network)
    except ValueError as error:
        raise InputError(f"recipe '{recipe.name}': {error}") from error
    if recipe.audio_encoder_weights and network.audio_encoder is not None:
        load_public_weights(network.audio_encoder, recipe.audio_encoder_weights, unused=("no key",))
    return network


def _check_frames(recipe: AvSeldRecipe) -> None:
    """Raises InputError where looks, or the encoder's halvings of analysis frames or bands, do not come out even."""
    if recipe.network.visual == "seen" and recipe.chunks.frames % recipe.looks_at_every:
        raise InputError(
            f"recipe '{recipe.name}': a chunk of {recipe.chunks.frames} label frames is no multiple of the "
            f"{recipe.looks_at_every} from look to look: change chunks.chunk_s or network.seen.every"
        )
    encoder, hop = recipe.network.audio_encoder, recipe.features.hop_length
    kept_bands, halvings = recipe.network.bands // encoder.hops_per_frame, len(encoder.channels)
    if not recipe.network.audio or recipe.input != "foa":
        return
    if hop * encoder.hops_per_frame != round(FRAME_S * recipe.features.sample_rate_hz):
        raise InputError(
            f"recipe '{recipe.name}': {halvings} halvings of spectra every {hop} samples make no label frame of {FRAME_S:g} s"
        )
    if kept_bands % encoder.bands_kept:
        raise InputError(
            f"recipe '{recipe.name}': bands_kept {encoder.bands_kept} does not divide the {kept_bands} bands behind the blocks"
        )


def make_features(recipe: AvSeldRecipe) -> nn.Module:
    """What turns samples (batch, channels, n) into the network's features."""
    if recipe.input == "foa":
        return BatchedFoaFeatures(recipe.features)
    kinds = {"gcc": BatchedGccFeatures, "salsa_lite": BatchedSalsaLite}
    return kinds[recipe.input](recipe.array_features)


def pictures_of(recipe: AvSeldRecipe, folder: Path) -> PictureSize | None:
    """What its chunks bring to be looked at, and nothing more: decoded once, kept in `folder`; None: it does not look."""
    return PictureSize(folder, *recipe.picture_size, recipe.looks_at_every) if recipe.looks else None


def labels_of(recipe: AvSeldRecipe) -> Any:
    """The label maker of EventChunks: ADPIT labels under the key `labels`."""

    def labels(rows: list[EventRow], frames: int, random: np.random.Generator) -> dict[str, np.ndarray]:
        return {"labels": adpit_labels(rows, frames, recipe.classes)}

    return labels


def network_output(
    network: nn.Module, features: nn.Module, recipe: AvSeldRecipe, batch: dict[str, Tensor]
) -> Tensor:
    """What the network says to a batch of chunks."""
    heard = features(batch["samples"]) if recipe.hears else None
    if recipe.system == "seld_crnn":
        return network(heard)
    if not recipe.looks:
        return network(heard)
    frames = recipe.chunks.frames if recipe.looks_at_every > 1 else 0
    return network(heard, batch["pictures"].float() / PIXEL_RANGE, frames)


def seld_loss(
    network: nn.Module, features: nn.Module, recipe: AvSeldRecipe, batch: dict[str, Tensor], labels: Tensor
) -> Tensor:
    """ADPIT loss of a batch; with eyes that point, what they learn alone is added, and ADPIT teaches all but them."""
    if recipe.network.visual != "seen" or not isinstance(network, AvSeld):
        return adpit_loss(network_output(network, features, recipe, batch), labels)
    assert network.seeing is not None
    logits, offsets = network.seeing.eyes(batch["pictures"].float() / PIXEL_RANGE)
    seen = logits.detach(), seen_directions(offsets.detach(), recipe.network.seen)
    vectors = network.told_seeing(network.heard(features(batch["samples"])), *seen)
    events = events_of_adpit(labels[:, :: recipe.looks_at_every])
    return adpit_loss(vectors, labels) + SEEN_WEIGHT * seen_events_loss(logits, offsets, *events, recipe.network.seen)


def decoded(output: Tensor, batch: dict[str, Tensor], recipe: AvSeldRecipe) -> list[ChunkEvents]:
    """Events of each chunk of a batch."""
    vectors = output.detach().float().cpu().numpy()
    return [
        (int(recording), int(first), decode_multi_accdoa(chunk, recipe.classes, recipe.decode))
        for recording, first, chunk in zip(batch["recording"], batch["first_frame"], vectors, strict=True)
    ]


@torch.no_grad()
def chunk_vectors(network: nn.Module, recipe: AvSeldRecipe, chunks: EventChunks) -> list[ChunkVectors]:
    """(recording, first frame, vectors (frames, tracks * 3 * classes)) of all validation chunks."""
    features, found = make_features(recipe), []
    for batch in chunk_loader(chunks, recipe.optimizer):
        output = network_output(network, features, recipe, batch).float().cpu().numpy()
        rows = zip(batch["recording"], batch["first_frame"], output, strict=True)
        found += [(int(recording), int(first), vectors) for recording, first, vectors in rows]
    return found


def scores_at(
    vectors: list[ChunkVectors], recipe: AvSeldRecipe, chunks: EventChunks, threshold: float | None = None
) -> dict[str, Any]:
    """micro, macro and classwise scores where a vector longer than `threshold` is an event; None: as the recipe says."""
    decode = recipe.decode if threshold is None else replace(recipe.decode, activity_threshold=threshold)
    events = [(name, first, decode_multi_accdoa(values, recipe.classes, decode)) for name, first, values in vectors]
    return chunk_scores(events, chunks, recipe.classes)


def choose_threshold(vectors: list[ChunkVectors], recipe: AvSeldRecipe, chunks: EventChunks) -> float:
    """The length of a vector from which it is an event, of THRESHOLDS, that gives validation the smallest micro SELD score.

    Not macro: there a class that was never found has an error of 180 degrees, which rewards false events of every class.
    Tried from the longest on, until PATIENCE in a row were no better: short ones give many events, and take long.
    """
    best, smallest, worse = THRESHOLDS[-1], np.inf, 0
    for threshold in reversed(THRESHOLDS):
        score = scores_at(vectors, recipe, chunks, threshold)["micro"]["seld"]
        best, smallest, worse = (threshold, score, 0) if score < smallest else (best, smallest, worse + 1)
        if worse == PATIENCE:
            break
    return best


def evaluate_av_seld(
    network: nn.Module, recipe: AvSeldRecipe, chunks: EventChunks, threshold: float | None = None
) -> dict[str, Any]:
    """micro, macro and classwise scores of a trained network on validation chunks."""
    return scores_at(chunk_vectors(network, recipe, chunks), recipe, chunks, threshold)


def _write(out: Path, recipe: AvSeldRecipe, network: nn.Module, scores: dict[str, Any]) -> None:
    torch.save(network.state_dict(), out / "network.pt")
    encoder = getattr(network, "audio_encoder", None)
    if encoder is not None:
        torch.save(encoder.state_dict(), out / "audio_encoder.pt")
    content = {"recipe": "av_seld"} | to_mapping(recipe)
    (out / "recipe.yaml").write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
    (out / "scores.json").write_text(json.dumps(scores, indent=1) + "\n", encoding="utf-8")
