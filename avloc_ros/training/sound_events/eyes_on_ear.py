"""Eyes joined to an ear that is trained: what ear and eyes say of a bank is kept once, and what joins them learns from it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from avloc_ros.datasets.events.channel_swap import ChannelSwap
from avloc_ros.datasets.events.event_chunks import SWAPS, ChunkConfig
from avloc_ros.models.sound_events.av_seld import AvSeld
from avloc_ros.models.sound_events.seeing_ear import SeeingEar
from avloc_ros.models.sound_events.seen_events import seen_directions
from avloc_ros.sources.event_bank import EventBank
from avloc_ros.training.sound_events.av_seld import PIXEL_RANGE, make_features
from avloc_ros.training.sound_events.bank_batches import BankBatches, Batch
from avloc_ros.training.sound_events.recipes import AvSeldRecipe


@dataclass(frozen=True)
class KeptChunks:
    """What an ear heard in chunks: embeddings float16 (chunks, frames, width), directions (chunks, frames, slots, 3) and classes
    (chunks, frames, slots) of the events, turned as the sound was; and where they are: scenes (counted in a list of the bank's),
    firsts and swaps (chunks,).
    """

    embeddings: Tensor
    scenes: Tensor
    firsts: Tensor
    swaps: Tensor
    directions: Tensor
    classes: Tensor


@torch.no_grad()
def heard_chunks(
    ear: AvSeld, recipe: AvSeldRecipe, bank: EventBank, scenes: Sequence[int], passes: int, seed: int
) -> KeptChunks:
    """Chunks side by side, of an ear that evaluates: each scene `passes` times from random beginnings, turned at random; or, with
    0 passes, once from the beginning and as it is.
    """
    random, features, config = np.random.default_rng([seed, 72]), make_features(recipe), recipe.chunks
    source, count = BankBatches(bank, config, torch.device("cpu")), bank.shape.frames // config.frames
    unchanged = len(SWAPS[config.swaps])
    last = (bank.shape.frames - count * config.frames) // bank.shape.every if passes else 0
    found: dict[str, list[Tensor]] = {}
    for place in np.tile(np.arange(len(scenes)), max(1, passes)):
        firsts = np.arange(count) * config.frames + int(random.integers(last + 1)) * bank.shape.every
        firsts = firsts // bank.shape.every * bank.shape.every
        swaps = torch.from_numpy(random.integers(unchanged, size=count) if passes else np.full(count, unchanged))
        batch = source.turned(np.full(count, scenes[place]), firsts, swaps)
        heard = ear.heard(features(batch["samples"]))
        kept = {
            "embeddings": heard.half(), "scenes": torch.full((count,), int(place)), "firsts": torch.from_numpy(firsts),
            "swaps": swaps, "directions": batch["directions"], "classes": batch["classes"],
        }  # fmt: skip
        for name, value in kept.items():
            found.setdefault(name, []).append(value)
    return KeptChunks(**{name: torch.cat(parts) for name, parts in found.items()})


class KeptMaps:
    """What the eyes see in every look of some scenes of a bank, and the same turned as a chunk is."""

    @torch.no_grad()
    def __init__(self, seeing: SeeingEar, bank: EventBank, scenes: Sequence[int], config: ChunkConfig) -> None:
        logits, offsets = [], []
        for scene in scenes:
            looks = torch.from_numpy(np.array(bank.pictures[scene])).permute(0, 3, 1, 2)[None].float() / PIXEL_RANGE
            told = seeing.eyes(looks)
            logits.append(told[0][0].half())
            offsets.append(told[1][0])
        self.logits = torch.stack(logits)  # (scenes, looks, classes, rows, columns)
        self.directions = seen_directions(torch.stack(offsets), seeing.config).half()  # (scenes, looks, rows, columns, 3)
        swaps = (*SWAPS[config.swaps], ChannelSwap(1, 0, 1))
        cells = np.arange(seeing.config.rows * seeing.config.columns).reshape(seeing.config.rows, seeing.config.columns, 1)
        self.before = torch.from_numpy(np.stack([swap.pictures(cells).ravel() for swap in swaps]))  # (swaps, cells)
        self.matrices = torch.from_numpy(np.stack([swap.matrix() for swap in swaps])).float()
        self.every = bank.shape.every

    def of(self, scenes: Tensor, firsts: Tensor, swaps: Tensor, looks: int) -> tuple[Tensor, Tensor]:
        """(logits, directions) of chunks: see SeeingEar.look."""
        which = firsts[:, None] // self.every + torch.arange(looks)  # (chunks, looks)
        logits, directions = self.logits[scenes[:, None], which].float(), self.directions[scenes[:, None], which].float()
        cells = self.before[swaps][:, None, None]  # (chunks, 1, 1, cells)
        turned = logits.flatten(3).gather(3, cells.expand(*logits.shape[:3], -1)).view(logits.shape)
        places = directions.flatten(2, 3).gather(2, cells[:, :, 0, :, None].expand(-1, looks, -1, 3))
        moved = places @ self.matrices[swaps].transpose(1, 2)[:, None]
        return turned, moved.view(directions.shape)


def kept_batch(chunks: KeptChunks, maps: KeptMaps, chosen: Tensor) -> Batch:
    """Of kept chunks number `chosen`: embeddings, what is seen (logits, places), and the events (directions, classes)."""
    looks = -(-chunks.embeddings.shape[1] // maps.every)
    logits, places = maps.of(chunks.scenes[chosen], chunks.firsts[chosen], chunks.swaps[chosen], looks)
    return {
        "embeddings": chunks.embeddings[chosen].float(),
        "logits": logits,
        "places": places,
        "directions": chunks.directions[chosen],
        "classes": chunks.classes[chosen],
    }


def kept_batches(chunks: KeptChunks, maps: KeptMaps, size: int, seed: int) -> Iterator[Batch]:
    """Batches of kept chunks in random order, without an end."""
    chance = torch.Generator().manual_seed(seed)
    while True:
        for chosen in torch.randperm(len(chunks.scenes), generator=chance).split(size):
            yield kept_batch(chunks, maps, chosen)
