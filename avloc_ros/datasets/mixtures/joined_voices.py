"""Many voices in one tensor, from which the excerpts of a whole batch are cut at once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from avloc_ros.datasets.mixtures.voices import BLOCKS_PER_S, Voice


class JoinedVoices:
    """Voices one after the other. Excerpts may begin before a voice and end after it; there is silence."""

    def __init__(self, voices: Sequence[Voice]) -> None:
        self._lengths = np.array([len(voice.samples) for voice in voices])
        self._first = np.concatenate([[0], np.cumsum(self._lengths)[:-1]])
        self._samples = torch.from_numpy(np.concatenate([voice.samples for voice in voices]))
        self._blocks = np.array([len(voice.active) for voice in voices])
        self._first_block = np.concatenate([[0], np.cumsum(self._blocks + 1)[:-1]])
        # Active blocks before each block of a voice, and before its end.
        self._before = np.concatenate([np.concatenate([[0], np.cumsum(voice.active)]) for voice in voices])

    def __len__(self) -> int:
        return len(self._lengths)

    def to(self, device: torch.device) -> None:
        """Keep the samples on a device."""
        self._samples = self._samples.to(device)

    def starts(self, rng: np.random.Generator, voice: np.ndarray, length: int) -> np.ndarray:
        """Where excerpts of `length` samples may begin, drawn for each of `voice`: half of an excerpt may be silence."""
        return rng.integers(-length // 2, np.maximum(1, self._lengths[voice] - length // 2))

    def excerpts(self, voice: np.ndarray, start: np.ndarray, length: int) -> Tensor:
        """Samples float32 (..., length) of voice and start (...)."""
        device = self._samples.device
        first, begin, end = (
            torch.from_numpy(np.asarray(v, np.int64)).to(device)[..., None]
            for v in (self._first[voice], start, self._lengths[voice])
        )
        at = begin + torch.arange(length, device=device)  # (..., length)
        inside = (at >= 0) & (at < end)
        return self._samples[first + torch.where(inside, at, 0)] * inside

    def is_active(self, voice: np.ndarray, edges_s: np.ndarray) -> np.ndarray:
        """Whether a voice speaks half of the time between edges: bool (..., n) of voice (...) and edges_s (..., n + 1)."""
        blocks = np.floor(edges_s * BLOCKS_PER_S).astype(int)
        inside = np.clip(blocks, 0, self._blocks[voice][..., None])
        counts = self._before[self._first_block[voice][..., None] + inside]
        return np.diff(counts) >= 0.5 * np.maximum(np.diff(blocks), 1)
