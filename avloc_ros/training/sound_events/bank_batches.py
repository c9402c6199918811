"""Batches of chunks out of a bank of scenes, cut and varied on the GPU: only whole numbers of 8 and 16 bits travel there.

What a batch holds is what datasets.events.event_chunks gives, and is varied as its ChunkConfig says.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch
from torch import Tensor

from avloc_ros.datasets.events.channel_swap import XYZ_COLUMNS, ChannelSwap
from avloc_ros.datasets.events.event_chunks import FULL_SCALE, SWAPS, ChunkConfig
from avloc_ros.sources.event_bank import EventBank

Batch = dict[str, Tensor]
AHEAD = 2  # batches that are read while one is learnt from


class BankBatches:
    """Chunks of a bank on a device.

    A batch: samples float32 (batch, 4, n); pictures uint8 (batch, looks, 3, height, width) where wanted; directions (batch,
    frames, slots, 3), classes and sources int64 (batch, frames, slots) of up to slots events per label frame.
    """

    def __init__(self, bank: EventBank, config: ChunkConfig, device: torch.device, *, pictures: bool = False) -> None:
        self.bank, self.config, self.device, self.pictures = bank, config, device, pictures
        shape, swaps = bank.shape, SWAPS[config.swaps]
        self.swaps = BatchedSwaps(swaps, device, shape.picture_height, shape.picture_width) if swaps else None
        self._samples = np.asarray(bank.samples).reshape(shape.room * shape.frames, -1)
        self._truth = np.asarray(bank.truth).reshape(-1)
        self._pictures = np.asarray(bank.pictures).reshape(shape.room * shape.looks, -1) if pictures else None

    def training(self, batch_size: int, seed: int) -> Iterator[Batch]:
        """Chunks from anywhere, varied, without an end."""
        random = np.random.default_rng([seed, 71])
        chance = torch.Generator(self.device).manual_seed(seed)
        shape, kept = self.bank.shape, np.array(self.bank.shape.kept)
        last = (shape.frames - self.config.frames) // shape.every  # a chunk begins where a picture is taken

        def draw() -> dict[str, Tensor]:
            scenes = kept[random.integers(len(kept), size=batch_size)]
            return self._read(scenes, random.integers(last + 1, size=batch_size) * shape.every)

        with ThreadPoolExecutor(1) as reader:
            coming = [reader.submit(draw) for _ in range(AHEAD)]
            while True:
                read = coming.pop(0).result()
                coming.append(reader.submit(draw))
                yield self._varied(self._on_device(read), chance)

    def validation(self, batch_size: int) -> list[Batch]:
        """Whole chunks side by side, as they are."""
        shape, frames = self.bank.shape, self.config.frames
        firsts = range(0, shape.frames - frames + 1, frames)
        places = np.array([(scene, first // shape.every * shape.every) for scene in shape.kept for first in firsts])
        parts = [places[start : start + batch_size] for start in range(0, len(places), batch_size)]
        return [self._on_device(self._read(part[:, 0], part[:, 1])) for part in parts]

    def turned(self, scenes: np.ndarray, firsts: np.ndarray, swaps: Tensor) -> Batch:
        """The chunks of scenes (batch,) that begin at label frames (batch,), with swap number `swaps` (batch,) of each."""
        batch = self._on_device(self._read(scenes, firsts))
        return batch if self.swaps is None else self.swaps(batch, swaps)

    def _read(self, scenes: np.ndarray, firsts: np.ndarray) -> dict[str, Tensor]:
        shape = self.bank.shape
        frames = (scenes * shape.frames + firsts)[:, None] + np.arange(self.config.frames)
        truth = self._truth[frames]
        read = {
            "samples": self._samples[frames].reshape(len(scenes), -1, 4),
            "directions": np.ascontiguousarray(truth["direction"]),
            "classes": np.ascontiguousarray(truth["class"]),
            "sources": np.ascontiguousarray(truth["source"]),
        }
        if self._pictures is not None:
            looks = (scenes * shape.looks + firsts // shape.every)[:, None] + np.arange(-(-self.config.frames // shape.every))
            size = (len(scenes), -1, shape.picture_height, shape.picture_width, 3)
            read["pictures"] = self._pictures[looks].reshape(size)
        tensors = {name: torch.from_numpy(values) for name, values in read.items()}
        return {name: value.pin_memory() for name, value in tensors.items()} if self.device.type == "cuda" else tensors

    def _on_device(self, read: dict[str, Tensor]) -> Batch:
        batch = {name: value.to(self.device, non_blocking=True) for name, value in read.items()}
        batch["samples"] = batch["samples"].transpose(1, 2).float() / FULL_SCALE
        batch |= {name: batch[name].long() for name in ("classes", "sources")}
        if "pictures" in batch:
            batch["pictures"] = batch["pictures"].permute(0, 1, 4, 2, 3)
        return batch

    def _varied(self, batch: Batch, chance: torch.Generator) -> Batch:
        config, size = self.config, len(batch["samples"])
        low, high = config.lowest_gain, config.highest_gain
        if high > low:
            gains = torch.rand(size, 1, 1, generator=chance, device=self.device)
            batch["samples"] = batch["samples"] * (low + (high - low) * gains)
        if self.swaps is None:
            return batch
        chosen = torch.randint(self.swaps.count, (size,), generator=chance, device=self.device)
        if config.swap_share < 1.0:
            turned = torch.rand(size, generator=chance, device=self.device) < config.swap_share
            chosen = torch.where(turned, chosen, self.swaps.count)  # the last one leaves all as it is
        return self.swaps(batch, chosen)


class BatchedSwaps:
    """The transforms of datasets.events.channel_swap as tables, and behind them the one that changes nothing."""

    def __init__(self, swaps: tuple[ChannelSwap, ...], device: torch.device, height: int = 0, width: int = 0) -> None:
        """height, width: of the pictures, if there are any."""
        self.count = len(swaps)
        every = (*swaps, ChannelSwap(1, 0, 1))
        matrices = np.stack([swap.matrix() for swap in every])  # (swaps, 3, 3), of x, y, z
        sources, signs = np.zeros((len(every), 4), int), np.ones((len(every), 4), np.float32)
        for column, turns in zip(XYZ_COLUMNS, matrices.transpose(1, 0, 2), strict=True):
            axes = np.abs(turns).argmax(1)
            sources[:, column] = np.array(XYZ_COLUMNS)[axes]
            signs[:, column] = np.take_along_axis(turns, axes[:, None], 1)[:, 0]
        pixels = np.arange(height * width).reshape(height, width, 1)
        before = [(swap.pictures(pixels) if width else pixels).ravel() for swap in every]
        self.sources, self.signs = torch.from_numpy(sources).to(device), torch.from_numpy(signs).to(device)
        self.matrices = torch.from_numpy(matrices).float().to(device)
        self.pixels = torch.from_numpy(np.stack(before)).to(device)  # (swaps, pixels): from where each pixel comes

    def __call__(self, batch: Batch, chosen: Tensor) -> Batch:
        """The batch with transform `chosen` (batch,) of each chunk."""
        samples, sources = batch["samples"], self.sources[chosen][..., None]
        turned = samples.gather(1, sources.expand_as(samples)) * self.signs[chosen][..., None]
        directions = (self.matrices[chosen][:, None, None] * batch["directions"][..., None, :]).sum(-1)
        batch = batch | {"samples": turned, "directions": directions}
        if "pictures" in batch:
            flat = batch["pictures"].flatten(3)  # (batch, looks, 3, pixels)
            pixels = self.pixels[chosen][:, None, None].expand(-1, *flat.shape[1:3], -1)
            batch["pictures"] = flat.gather(3, pixels).view(batch["pictures"].shape)
        return batch
