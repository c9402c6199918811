"""Trains models.direction_query on a stock of scenes: every question has an answer of its own."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from avloc_ros.datasets.event_chunks import ChunkConfig
from avloc_ros.decode.event_classes import STARSS_CLASSES
from avloc_ros.features.foa_features import FoaFeatureConfig
from avloc_ros.models.direction_query import DirectionQuery, DirectionQueryConfig
from avloc_ros.systems.event_network import FRAME_S
from avloc_ros.training.bank_batches import Batch
from avloc_ros.training.bank_loop import SMALLEST_DEVIATION, BankRun, BankTime, train_on_bank
from avloc_ros.training.batched_features import BatchedStft
from avloc_ros.training.query_draws import drawn_questions
from avloc_ros.training.scene_stock import SceneStock

CHUNKS = ChunkConfig(chunk_s=5.0, swaps="rotations", lowest_gain=0.3, highest_gain=1.6)
FEATURES = FoaFeatureConfig(fft_length=1024, window_length=960, hop_length=480, mel_bands=64)
SCALER_BATCHES = 4


def make_query(config: DirectionQueryConfig) -> DirectionQuery:
    """A network that has learnt nothing, of the chunks and bands above."""
    per_label = round(FRAME_S * FEATURES.sample_rate_hz / FEATURES.hop_length)
    return DirectionQuery(config, FEATURES, len(STARSS_CLASSES), per_label)


def train_direction_query(
    network: DirectionQuery,
    stock: SceneStock,
    held_out: SceneStock,
    out: Path,
    plan: BankTime,
    batch_size: int,
    seed: int,
    tell: Callable[[str], None] = print,
) -> BankRun:
    """Leaves query.best.pt (smallest validation loss) and query.last.pt."""
    device, classes = stock.device, len(STARSS_CLASSES)
    network.to(device)
    stft = BatchedStft(FEATURES.fft_length, FEATURES.window_length, FEATURES.hop_length).to(device)
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
