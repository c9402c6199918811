"""Which recordings train, validate and test: by scene, every subset with every number of talkers (docs/papers.md: dsw)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from avloc_ros.config import setting
from avloc_ros.datasets.grids.grid_recordings import GridRecording
from avloc_ros.types import InputError


@dataclass(frozen=True)
class SplitConfig:
    """Shares of the recordings; what is left after training and validation is the test."""

    train: float = setting(0.75, "share that trains", low=0.1, high=0.98)
    validation: float = setting(0.10, "share that stops early and chooses thresholds", low=0.01, high=0.8)
    seed: int = setting(0, "of the draw; the same seed gives the same split", low=0, high=2**31)


@dataclass(frozen=True)
class GridSplit:
    """Recordings of the three subsets."""

    train: tuple[GridRecording, ...]
    validation: tuple[GridRecording, ...]
    test: tuple[GridRecording, ...]


def split_recordings(recordings: Sequence[GridRecording], config: SplitConfig) -> GridSplit:
    """Split by scene, within each number of talkers, so that every subset holds every number that 3 recordings have.

    Raises InputError where nothing would be left to test with, or a subset stays empty.
    """
    if config.train + config.validation >= 1:
        raise InputError(f"shares {config.train} and {config.validation}: their sum must leave some for the test")
    subsets: tuple[list[GridRecording], ...] = ([], [], [])
    rng = np.random.default_rng(config.seed)
    for talkers in sorted({recording.talkers for recording in recordings}):
        group = sorted((r for r in recordings if r.talkers == talkers), key=lambda r: r.name)
        group = [group[index] for index in rng.permutation(len(group))]
        validation = _share(len(group), config.validation)
        test = _share(len(group) - validation, (1 - config.train - config.validation) / (1 - config.validation))
        subsets[1].extend(group[:validation])
        subsets[2].extend(group[validation : validation + test])
        subsets[0].extend(group[validation + test :])
    if not all(subsets):
        raise InputError(
            f"{len(recordings)} recordings with {sorted({r.talkers for r in recordings})} talkers cannot be split into "
            "training, validation and test: need at least 3 with the same number of talkers"
        )
    return GridSplit(*(tuple(sorted(subset, key=lambda r: r.name)) for subset in subsets))


def _share(count: int, share: float) -> int:
    """The share of a count, at least 1 where something is left for the others: 0 where fewer than 2 are there."""
    return 0 if count < 2 else min(max(1, round(count * share)), count - 1)
