"""Trains models.sound_events.direction_query on a stock of scenes: every question has an answer of its own."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import torch
import yaml
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from avloc_ros.config import setting, to_mapping
from avloc_ros.datasets.events.event_chunks import ChunkConfig
from avloc_ros.decode.asked_paths import AskedPathsConfig
from avloc_ros.decode.direction_paths import PathsConfig
from avloc_ros.decode.event_classes import STARSS_CLASSES
from avloc_ros.features.directions.flow_map import FlowMapConfig
from avloc_ros.features.inputs.foa_features import FoaFeatureConfig
from avloc_ros.models.sound_events.direction_query import DirectionQuery, DirectionQueryConfig
from avloc_ros.systems.asked_paths import SYSTEM
from avloc_ros.systems.event_network import FRAME_S
from avloc_ros.training.sound_events.bank_batches import Batch
from avloc_ros.training.sound_events.bank_loop import SMALLEST_DEVIATION, BankRun, BankTime, train_on_bank
from avloc_ros.training.sound_events.batched_features import BatchedStft
from avloc_ros.training.sound_events.query_draws import drawn_questions
from avloc_ros.training.sound_events.scene_stock import SceneStock

SCALER_BATCHES = 4


@dataclass(frozen=True)
class DirectionQueryRecipe:
    """Every number of a training, and of how its network is asked."""

    name: str = setting("direction_query", "name of the weights")
    features: FoaFeatureConfig = field(
        default_factory=lambda: FoaFeatureConfig(fft_length=1024, window_length=960, hop_length=480, mel_bands=64)
    )
    network: DirectionQueryConfig = field(default_factory=DirectionQueryConfig)
    chunks: ChunkConfig = field(
        default_factory=lambda: ChunkConfig(chunk_s=5.0, swaps="rotations", lowest_gain=0.3, highest_gain=1.6)
    )
    batch_size: int = setting(48, "chunks of a step, six questions each", low=1, high=65536)
    learning_rate: float = setting(1.5e-3, "of Adam", low=1e-7, high=1.0)
    map: FlowMapConfig = field(default_factory=FlowMapConfig)
    paths: PathsConfig = field(default_factory=PathsConfig)
    asked: AskedPathsConfig = field(default_factory=AskedPathsConfig)

    @property
    def analysis_frames(self) -> int:
        """Of one label frame."""
        return round(FRAME_S * self.features.sample_rate_hz / self.features.hop_length)


def make_query(recipe: DirectionQueryRecipe) -> DirectionQuery:
    """A network that has learnt nothing."""
    return DirectionQuery(recipe.network, recipe.features, len(STARSS_CLASSES), recipe.analysis_frames)


def train_direction_query(
    recipe: DirectionQueryRecipe,
    stock: SceneStock,
    held_out: SceneStock,
    out: Path,
    plan: BankTime,
    seed: int,
    tell: Callable[[str], None] = print,
) -> BankRun:
    """Leaves query.best.pt (smallest validation loss), query.last.pt and recipe.yaml."""
    content = {"recipe": SYSTEM} | to_mapping(recipe)
    (out / "recipe.yaml").write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
    device, classes, foa, batch_size = stock.device, len(STARSS_CLASSES), recipe.features, recipe.batch_size
    network = make_query(recipe).to(device)
    stft = BatchedStft(foa.fft_length, foa.window_length, foa.hop_length).to(device)
    chance = torch.Generator(device).manual_seed(seed)

    def spectra(batch: Batch) -> Tensor:
        found = stft(batch["samples"])
        return torch.cat([found.real, found.imag], 1)

    def loss_of(batch: Batch) -> Tensor:
        with torch.no_grad():
            evidence = network.evidence(spectra(batch), batch["asked"], batch["rivals"])
        with torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda"):
            logits = network.of_evidence(evidence)
        losses = binary_cross_entropy_with_logits(logits.float(), batch["heard"], reduction="none")
        return (losses * batch["counts"]).sum() / batch["counts"].sum()

    batches = asked(stock.training(batch_size, seed), classes, chance)
    found = []
    with torch.no_grad():
        for batch in itertools.islice(batches, SCALER_BATCHES):
            evidence = network.evidence(spectra(batch), batch["asked"], batch["rivals"])
            found.append(evidence.permute(2, 0, 1, 3, 4).flatten(1, 3))
    values = torch.cat(found, 1)  # (channels, n, bands)
    network.set_scaler(values.mean(1), values.std(1).clamp_min(SMALLEST_DEVIATION))
    del values, found
    kept = list(asked(iter(held_out.side_by_side(batch_size)), classes, torch.Generator(device).manual_seed(0)))
    return train_on_bank(network, loss_of, batches, kept, out, "query", plan, tell)


def asked(batches: Iterator[Batch], classes: int, chance: torch.Generator) -> Iterator[Batch]:
    """Batches with questions in place of their events."""
    for batch in batches:
        yield drawn_questions(batch, classes, chance)
