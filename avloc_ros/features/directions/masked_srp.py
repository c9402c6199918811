"""Steered response power under masks: for each mask over time and frequency, one map of where its sound comes from.

A mask that lets voices through turns SRP-PHAT into a voice localiser (P. Pertilä, E. Cakir, "Robust direction
estimation with convolutional neural networks based steered response power", ICASSP 2017; Z.-Q. Wang, X. Zhang, D. Wang,
"Robust speaker localization guided by deep learning-based time-frequency masking", TASLP 2019). Masks are applied to
the whitened pair spectra of each hop; what is summed under one mask is then taken to the delay space and to the cells
as in `SrpPhat`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from avloc_ros.features.directions.srp_phat import SrpPhat


def pair_phases(spectra: np.ndarray, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Whitened cross spectra of all pairs, float32 (hops, pairs, 2 bins): real parts, then imaginary ones.

    spectra: complex64 (hops, channels, bins); first, second (pairs,): the channels of each pair.
    """
    phase = spectra / (np.abs(spectra) + 1e-20)
    cross = phase[:, first] * phase[:, second].conj()  # (hops, pairs, bins)
    return np.concatenate([cross.real, cross.imag], axis=-1).astype(np.float32)


def sum_under_masks(phases: Any, masks: Any) -> Any:
    """Sum over the hops of each frame: (frames, masks, pairs, 2 bins); numpy arrays or torch tensors.

    phases: (frames, hops, pairs, 2 bins); masks: (frames, hops, masks, bins).
    """
    total = None
    for hop in range(phases.shape[1]):
        twice = _twice(masks[:, hop])  # (frames, masks, 2 bins)
        part = twice[:, :, None] * phases[:, hop, None]
        total = part if total is None else total + part
    return total


class MaskMemory:
    """Leaky sums over hops, one time constant per map: what each mask let through lately, and how much that was."""

    def __init__(self, memory_s: np.ndarray, hop_s: float) -> None:
        """memory_s (maps,): time constants."""
        self._memory_s, self._hop_s = np.maximum(np.asarray(memory_s, float), 1e-3), hop_s
        self.reset()

    def reset(self) -> None:
        """Forget everything."""
        self._vectors: np.ndarray | None = None  # (maps, values)
        self._weights = np.zeros(len(self._memory_s), np.float32)

    def fade(self, duration_s: float) -> None:
        """Let what was heard count less, as after `duration_s`."""
        keep = np.exp(-duration_s / self._memory_s).astype(np.float32)
        self._weights = keep * self._weights
        if self._vectors is not None:
            self._vectors = keep[:, None] * self._vectors

    def add(self, vectors: np.ndarray, weights: np.ndarray | float, hops: int) -> tuple[np.ndarray, np.ndarray]:
        """Take in the sums of `hops` hops: vectors (maps, values), weights (maps,); returns both sums over time."""
        if self._vectors is None or self._vectors.shape != vectors.shape:
            self.reset()
            self._vectors = np.zeros_like(vectors)
        self.fade(hops * self._hop_s)
        self._vectors = self._vectors + vectors
        self._weights = self._weights + np.asarray(weights, np.float32)
        return self._vectors, self._weights


def project_masked(steering: SrpPhat, summed: np.ndarray) -> np.ndarray:
    """Masked sums (masks, pairs, 2 bins) in the delay space: float32 (masks, pairs * rank)."""
    return (summed @ steering.projection).reshape(len(summed), steering.pairs * steering.rank)


def _twice(masks: Any) -> Any:
    """The same mask for real and imaginary parts: last axis repeated."""
    if isinstance(masks, np.ndarray):
        return np.concatenate([masks, masks], axis=-1)
    import torch

    return torch.cat([masks, masks], dim=-1)
