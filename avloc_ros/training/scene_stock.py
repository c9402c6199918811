"""Chunks of scenes that lie on the device, while more are simulated beside: banks are taken in as they become whole."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch

from avloc_ros.datasets.event_bank import EventBank
from avloc_ros.datasets.event_chunks import FULL_SCALE, SWAPS, ChunkConfig
from avloc_ros.training.bank_batches import BatchedSwaps, Batch

LOOKED_EVERY_S = 5.0


class SceneStock:
    """Scenes of the banks in a folder, in the order of their names; see BankBatches for a batch.

    most: scenes that are taken in. keeps: how many of the first banks stay on disk; the others are removed once they are here.
    """

    def __init__(self, folder: Path, config: ChunkConfig, device: torch.device, most: int, keeps: int = 10**6) -> None:
        self.folder, self.config, self.device, self.most, self.keeps = folder, config, device, most, keeps
        self.scenes = 0
        self._taken: set[str] = set()
        self._arrays: dict[str, torch.Tensor] = {}
        swaps = SWAPS[config.swaps]
        self._swaps = BatchedSwaps(swaps, device) if swaps else None
        self._looked_s = 0.0

    def take_in(self) -> int:
        """Take in the banks that are whole; how many scenes there are."""
        self._looked_s = time.monotonic()
        for number, place in enumerate(sorted(self.folder.iterdir())):
            if place.name in self._taken or self.scenes >= self.most or not _is_whole(place):
                continue
            self._taken.add(place.name)
            self._add(EventBank(place))
            if number >= self.keeps:
                shutil.rmtree(place)
        return self.scenes

    def training(self, batch_size: int, seed: int) -> Iterator[Batch]:
        """Chunks from anywhere, turned and made louder or softer, without an end."""
        chance = torch.Generator(self.device).manual_seed(seed)
        low, high = self.config.lowest_gain, self.config.highest_gain
        while True:
            if time.monotonic() - self._looked_s > LOOKED_EVERY_S:
                self.take_in()
            scenes = torch.randint(self.scenes, (batch_size,), generator=chance, device=self.device)
            last = self._arrays["class"].shape[1] - self.config.frames
            firsts = torch.randint(last + 1, (batch_size,), generator=chance, device=self.device)
            batch = self.chunks(scenes, firsts)
            gains = torch.rand(batch_size, 1, 1, generator=chance, device=self.device)
            batch["samples"] = batch["samples"] * (low + (high - low) * gains)
            if self._swaps is not None:
                chosen = torch.randint(self._swaps.count, (batch_size,), generator=chance, device=self.device)
                batch = self._swaps(batch, chosen)
            yield batch

    def chunks(self, scenes: torch.Tensor, firsts: torch.Tensor) -> Batch:
        """The chunks of scenes (batch,) that begin at label frames (batch,), as they are."""
        frames = firsts[:, None] + torch.arange(self.config.frames, device=self.device)
        found = {name: values[scenes[:, None], frames] for name, values in self._arrays.items()}
        return {
            "samples": found["samples"].flatten(1, 2).transpose(1, 2).float() / FULL_SCALE,
            "directions": found["direction"],
            "classes": found["class"].long(),
            "sources": found["source"].long(),
        }

    def side_by_side(self, batch_size: int) -> list[Batch]:
        """All chunks that do not overlap, as they are."""
        frames = self.config.frames
        firsts = torch.arange(0, self._arrays["class"].shape[1] - frames + 1, frames, device=self.device)
        scenes = torch.arange(self.scenes, device=self.device)
        places = torch.cartesian_prod(scenes, firsts)
        return [self.chunks(part[:, 0], part[:, 1]) for part in places.split(batch_size)]

    def _add(self, bank: EventBank) -> None:
        kept = np.array(bank.shape.kept)[: self.most - self.scenes]
        new = {"samples": np.asarray(bank.samples[kept])}
        truth = np.asarray(bank.truth[kept])
        new |= {name: np.ascontiguousarray(truth[name]) for name in ("direction", "class", "source")}
        for name, values in new.items():
            here = torch.from_numpy(values).to(self.device)
            if name not in self._arrays:  # room for all, of which the first are filled: nothing is copied again
                self._arrays[name] = here.new_zeros(self.most, *here.shape[1:])
            self._arrays[name][self.scenes : self.scenes + len(here)] = here
        self.scenes += len(kept)


def _is_whole(folder: Path) -> bool:
    try:
        return bool(json.loads((folder / "bank.json").read_text(encoding="utf-8"))["kept"])
    except OSError:
        return False
