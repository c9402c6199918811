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
    """Frames of recordings of one grid size; a whole batch is cut at once (`__getitems__`), which keeps a CPU busy.

    mirror: half of the frames are shown mirrored left to right, drawn anew at every look. Batches hold audio, video,
    target float32 (batch, rows, cols), reliability (batch, 2, rows, cols), count int64 (batch,).
    """

    def __init__(self, recordings: Sequence[GridRecording], target: TargetConfig, mirror: bool = False) -> None:
        self.mirror = mirror
        self._audio = np.concatenate([r.audio for r in recordings])
        self._video = np.concatenate([r.video for r in recordings])
        self._reliability = np.concatenate([r.reliability for r in recordings])
        self._target = np.concatenate([_targets(r, target) for r in recordings]).astype(np.float16)
        self._count = np.concatenate([r.counts for r in recordings]).astype(np.int64)

    def __len__(self) -> int:
        return len(self._count)

    def __getitem__(self, index: int) -> Batch:
        """One frame as a batch of one."""
        return self.__getitems__([index])

    def __getitems__(self, indices: Sequence[int]) -> Batch:
        """One batch."""
        chosen = np.asarray(indices)
        batch = {
            name: torch.from_numpy(values[chosen].astype(np.float32))
            for name, values in (
                ("audio", self._audio),
                ("video", self._video),
                ("reliability", self._reliability),
                ("target", self._target),
            )
        }
        if self.mirror:
            turned = torch.rand(len(chosen)) < 0.5
            for values in batch.values():
                values[turned] = values[turned].flip(-1)
        return batch | {"count": torch.from_numpy(self._count[chosen])}


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
