"""Shuffled frames of many cached recordings, for torch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from avloc_ros.datasets.grid_recordings import GridRecording
from avloc_ros.datasets.targets import TargetConfig, grid_targets, wanted_talkers

Batch = dict[str, Tensor]


class GridFrames(Dataset):
    """Frames of recordings of one grid size; a whole batch is cut at once (`__getitems__`), on the device that `to` named.

    mirror: half of the frames are shown mirrored left to right, drawn anew at every look. Batches hold audio, video,
    target float32 (batch, rows, cols), reliability (batch, 2, rows, cols), count int64 (batch,).
    """

    def __init__(self, recordings: Sequence[GridRecording], target: TargetConfig, mirror: bool = False) -> None:
        self.mirror = mirror
        parts = {
            "audio": [r.audio for r in recordings],
            "video": [r.video for r in recordings],
            "reliability": [r.reliability for r in recordings],
            "target": [_targets(r, target) for r in recordings],
        }
        self._maps = {name: torch.from_numpy(np.concatenate(of).astype(np.float16)) for name, of in parts.items()}
        self._count = torch.from_numpy(np.concatenate([r.counts for r in recordings]).astype(np.int64))

    def to(self, device: torch.device) -> GridFrames:
        """The same, kept on a device."""
        self._maps = {name: maps.to(device) for name, maps in self._maps.items()}
        self._count = self._count.to(device)
        return self

    def __len__(self) -> int:
        return len(self._count)

    def __getitem__(self, index: int) -> Batch:
        """One frame as a batch of one."""
        return self.__getitems__([index])

    def __getitems__(self, indices: Sequence[int]) -> Batch:
        """One batch."""
        chosen = torch.as_tensor(indices).to(self._count.device)
        batch = {name: maps[chosen].float() for name, maps in self._maps.items()}
        if self.mirror:
            turned = (torch.rand(len(chosen)) < 0.5).to(self._count.device)
            batch = {
                name: torch.where(turned.view(-1, *[1] * (maps.ndim - 1)), maps.flip(-1), maps)
                for name, maps in batch.items()
            }
        return batch | {"count": self._count[chosen]}


def as_batch(batch: Any) -> Any:
    """The collate function of a DataLoader whose dataset cuts whole batches."""
    return batch


def _targets(recording: GridRecording, config: TargetConfig) -> np.ndarray:
    wanted = wanted_talkers(recording.speaking, recording.visible, config.kind)
    return grid_targets(
        recording.u_px,
        recording.v_px,
        wanted,
        recording.image_size,
        *recording.grid_shape,
        config.spread_cells,
    )
