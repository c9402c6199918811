"""The eyes that point, trained alone on a bank of scenes before they are joined to an ear."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from avloc_ros.losses.seen_events import seen_events_loss
from avloc_ros.models.sound_events.seen_events import SeenEvents
from avloc_ros.sources.dcase_csv import FRAME_S
from avloc_ros.sources.event_bank import EventBank
from avloc_ros.training.sound_events.av_seld import PIXEL_RANGE
from avloc_ros.training.sound_events.bank_batches import BankBatches, Batch
from avloc_ros.training.sound_events.bank_loop import BankRun, BankTime, train_on_bank
from avloc_ros.training.sound_events.recipes import AvSeldRecipe

LOOKS_AT_ONCE, CHUNKS_AT_ONCE = 4, 16  # few looks of many scenes: those of one scene are much alike


def train_eyes_on_bank(
    recipe: AvSeldRecipe,
    bank: EventBank,
    held_out: EventBank,
    out: Path,
    seed: int,
    plan: BankTime,
    tell: Callable[[str], None] = print,
) -> BankRun:
    """The recipe's eyes, from nothing; `out` gets eyes.best.pt and eyes.last.pt."""
    torch.manual_seed(seed)
    config = recipe.network.seen
    eyes = SeenEvents(recipe.classes, config)
    chunks = replace(recipe.chunks, chunk_s=LOOKS_AT_ONCE * bank.shape.every * FRAME_S)
    device = torch.device("cpu")
    batches = BankBatches(bank, chunks, device, pictures=True).training(CHUNKS_AT_ONCE, seed)
    kept = BankBatches(held_out, recipe.chunks, device, pictures=True).validation(CHUNKS_AT_ONCE)

    def loss_of(batch: Batch) -> Tensor:
        every = bank.shape.every
        directions, classes = batch["directions"][:, ::every], batch["classes"][:, ::every]
        logits, offsets = eyes(batch["pictures"].float() / PIXEL_RANGE)
        return seen_events_loss(logits, offsets, directions, classes, config)

    return train_on_bank(eyes, loss_of, batches, kept, out, "eyes", plan, tell)
