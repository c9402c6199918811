"""What a frozen ear says of recordings, computed once: its vectors, the flows beside them, and the events of each chunk."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from avloc_ros.config import from_mapping
from avloc_ros.datasets.events.event_chunks import ChunkConfig, EventChunks
from avloc_ros.datasets.events.event_recording import EventRecording
from avloc_ros.features.directions.flow_features import flow_features_of_spectra
from avloc_ros.runtime.weights import read_weights, shipped_weights
from avloc_ros.sources.dcase_csv import EventRow, directions_of
from avloc_ros.systems.av_seld import AvSeldNetwork

Batch = dict[str, Tensor]
HEARD = ("features", "vectors", "directions", "classes", "sources")


@dataclass(frozen=True)
class HeardChunks:
    """Chunks side by side; chunks: of which recordings they are.

    features: float16 (n, 5, frames, bands) of flow_features; vectors: (n, label frames, tracks * 3 * classes);
    directions (n, label frames, slots, 3), classes and sources (n, label frames, slots), an empty slot is of class `count`.
    """

    chunks: EventChunks
    features: Tensor
    vectors: Tensor
    directions: Tensor
    classes: Tensor
    sources: Tensor

    def __len__(self) -> int:
        return len(self.features)

    def some(self, most: int) -> HeardChunks:
        """The first of them."""
        return replace(self, **{name: getattr(self, name)[:most] for name in HEARD})

    def batch(self, chosen: Tensor) -> Batch:
        """These chunks, as training.sound_events.bank_labels takes them, with what was heard."""
        found = {name: getattr(self, name)[chosen] for name in HEARD}
        return found | {"features": found["features"].float()}


def hear(ear: AvSeldNetwork, recordings: Sequence[EventRecording], slots: int) -> HeardChunks:
    """All chunks of recordings."""
    card = read_weights(shipped_weights()[ear.name]).card
    config = replace(from_mapping(ChunkConfig, card["recipe"]["chunks"], ear.name), swaps="none")

    def labels(rows: list[EventRow], frames: int, random: np.random.Generator) -> dict[str, np.ndarray]:
        return slots_of(rows, frames, slots, len(ear.classes))

    chunks = EventChunks(recordings, config, labels)
    features, vectors, events = [], [], []
    for item in range(len(chunks)):
        chunk = chunks[item]
        spectra = ear.spectra(chunk["samples"].T)
        features.append(torch.from_numpy(flow_features_of_spectra(spectra, ear.features)).half())
        vectors.append(torch.from_numpy(ear.vectors_of_spectra(spectra)))
        events.append([torch.from_numpy(chunk[name]) for name in ("directions", "classes", "sources")])
    directions, classes, sources = (torch.stack(values) for values in zip(*events, strict=True))
    return HeardChunks(chunks, torch.stack(features), torch.stack(vectors), directions, classes, sources)


def slots_of(rows: Sequence[EventRow], frames: int, slots: int, classes_count: int) -> dict[str, np.ndarray]:
    """Events of each frame in slots, as their rows come: directions (frames, slots, 3), classes and sources (frames, slots)."""
    directions = np.zeros((frames, slots, 3), np.float32)
    classes, sources = np.full((frames, slots), classes_count, np.int64), np.zeros((frames, slots), np.int64)
    filled = np.zeros(frames, int)
    for row, direction in zip(rows, directions_of(rows), strict=True):
        slot = filled[row.frame]
        if slot < slots:
            directions[row.frame, slot] = direction
            classes[row.frame, slot], sources[row.frame, slot] = row.class_index, row.source
            filled[row.frame] += 1
    return {"directions": directions, "classes": classes, "sources": sources}
