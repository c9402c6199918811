"""Chunks of scenes that lie on the device, while more are simulated beside: banks are taken in as they become whole."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch

from avloc_ros.datasets.events.event_chunks import FULL_SCALE, SWAPS, ChunkConfig
from avloc_ros.sources.event_bank import EventBank
from avloc_ros.training.sound_events.bank_batches import Batch, BatchedSwaps

LOOKED_EVERY_S = 5.0


class SceneStock:
    """Scenes of the banks in a folder, in the order of their names; see BankBatches for a batch.

    most: scenes that are taken in.
    """

    def __init__(self, folder: Path, config: ChunkConfig, device: torch.device, most: int) -> None:
        self.folder, self.config, self.device, self.most = folder, config, device, most
        self._banks: dict[str, dict[str, torch.Tensor]] = {}
        swaps = SWAPS[config.swaps]
        self._swaps = BatchedSwaps(swaps, device) if swaps else None
        self._looked_s = 0.0

    @property
    def scenes(self) -> int:
        """How many there are."""
        return sum(self._counts)

    def take_in(self) -> int:
        """Take in the banks that are whole; how many scenes there are."""
        self._looked_s = time.monotonic()
        for place in sorted(self.folder.iterdir()):
            left = self.most - self.scenes
            if left > 0 and place.name not in self._banks and _is_whole(place):
                self._banks[place.name] = self._of_bank(EventBank(place), left)
        return self.scenes

    def training(self, batch_size: int, seed: int) -> Iterator[Batch]:
        """Chunks from anywhere in one bank, turned and made louder or softer, without an end."""
        chance = torch.Generator(self.device).manual_seed(seed)
        random = np.random.default_rng([seed, 73])
        low, high = self.config.lowest_gain, self.config.highest_gain
        while True:
            if self.scenes < self.most and time.monotonic() - self._looked_s > LOOKED_EVERY_S:
                self.take_in()
            counts = np.array(self._counts)
            bank = list(self._banks.values())[int(random.choice(len(counts), p=counts / counts.sum()))]
            count, length = bank["class"].shape[:2]
            scenes = torch.randint(count, (batch_size,), generator=chance, device=self.device)
            firsts = torch.randint(length - self.config.frames + 1, (batch_size,), generator=chance, device=self.device)
            batch = self._chunks(bank, scenes, firsts)
            gains = torch.rand(batch_size, 1, 1, generator=chance, device=self.device)
            batch["samples"] = batch["samples"] * (low + (high - low) * gains)
            if self._swaps is not None:
                turned = torch.rand(batch_size, generator=chance, device=self.device) < self.config.swap_share
                chosen = torch.randint(self._swaps.count, (batch_size,), generator=chance, device=self.device)
                batch = self._swaps(batch, torch.where(turned, chosen, self._swaps.count))
            yield batch

    def side_by_side(self, batch_size: int) -> list[Batch]:
        """All chunks that do not overlap, as they are."""
        found = []
        for bank in self._banks.values():
            count, length = bank["class"].shape[:2]
            firsts = torch.arange(0, length - self.config.frames + 1, self.config.frames, device=self.device)
            places = torch.cartesian_prod(torch.arange(count, device=self.device), firsts)
            found += [self._chunks(bank, part[:, 0], part[:, 1]) for part in places.split(batch_size)]
        return found

    @property
    def _counts(self) -> list[int]:
        return [len(bank["class"]) for bank in self._banks.values()]

    def _chunks(self, bank: dict[str, torch.Tensor], scenes: torch.Tensor, firsts: torch.Tensor) -> Batch:
        frames = firsts[:, None] + torch.arange(self.config.frames, device=self.device)
        found = {name: values[scenes[:, None], frames] for name, values in bank.items()}
        return {
            "samples": found["samples"].flatten(1, 2).transpose(1, 2).float() / FULL_SCALE,
            "directions": found["direction"],
            "classes": found["class"].long(),
            "sources": found["source"].long(),
        }

    def _of_bank(self, bank: EventBank, most: int) -> dict[str, torch.Tensor]:
        kept = np.array(bank.shape.kept)[:most]
        truth = np.asarray(bank.truth[kept])
        arrays = {"samples": np.asarray(bank.samples[kept])}
        arrays |= {name: np.ascontiguousarray(truth[name]) for name in ("direction", "class", "source")}
        return {name: torch.from_numpy(values).to(self.device) for name, values in arrays.items()}


def _is_whole(folder: Path) -> bool:
    try:
        return bool(json.loads((folder / "bank.json").read_text(encoding="utf-8"))["kept"])
    except OSError:
        return False
