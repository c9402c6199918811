"""Shuffled frames of many cached recordings, for torch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from avloc_ros.datasets.grids.grid_recordings import GridRecording
from avloc_ros.datasets.grids.targets import TargetConfig, grid_targets, wanted_talkers

Batch = dict[str, Tensor]


class GridFrames(Dataset):
    """Frames of recordings of one grid size; a whole batch is cut at once (`__getitems__`), on the device that `to` named.

    mirror: half of the frames are shown mirrored left to right, drawn anew at every look. shift_cells: each batch is moved
    up or down and to a side by up to so many cells, as if the camera looked elsewhere; who leaves the picture counts no
    more in the target, but still in `count`. Batches hold audio, video, target float32 (batch, rows, cols), reliability
    (batch, 2, rows, cols), count int64 (batch,). every: of each recording only every so manieth frame.
    """

    def __init__(
        self,
        recordings: Sequence[GridRecording],
        target: TargetConfig,
        mirror: bool = False,
        shift_cells: int = 0,
        every: int = 1,
    ) -> None:
        self.mirror, self.shift_cells = mirror, shift_cells
        parts = {
            "audio": [r.audio[::every] for r in recordings],
            "video": [r.video[::every] for r in recordings],
            "reliability": [r.reliability[::every] for r in recordings],
            "target": [_targets(r, target)[::every] for r in recordings],
        }
        self._maps = {name: torch.from_numpy(np.concatenate(of).astype(np.float16)) for name, of in parts.items()}
        self._count = torch.from_numpy(np.concatenate([r.counts[::every] for r in recordings]).astype(np.int64))

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
        if self.shift_cells:
            down, right = torch.randint(-self.shift_cells, self.shift_cells + 1, (2,)).tolist()
            batch = {name: shifted(maps, down, right, name != "reliability") for name, maps in batch.items()}
        return batch | {"count": self._count[chosen]}


def shifted(maps: Tensor, down: int, right: int, empty_border: bool) -> Tensor:
    """Maps (..., rows, cols) moved by cells; what comes in at the border is 0, or repeats the border."""
    sources, inside = [], []
    for size, by in zip(maps.shape[-2:], (down, right), strict=True):
        source = torch.arange(size, device=maps.device) - by
        sources.append(source.clamp(0, size - 1))
        inside.append((source >= 0) & (source < size))
    moved = maps[..., sources[0][:, None], sources[1]]
    return moved * (inside[0][:, None] & inside[1]) if empty_border else moved


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
