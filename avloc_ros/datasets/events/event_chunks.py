"""Recordings cut into chunks of sound, pictures and events, as torch batches."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from torch.utils.data import Dataset

from avloc_ros.config import setting
from avloc_ros.datasets.events.channel_swap import ALL_SWAPS, AVCS_SWAPS, ChannelSwap
from avloc_ros.datasets.events.event_pictures import cached_pictures
from avloc_ros.datasets.events.event_recording import EventRecording
from avloc_ros.sources.dcase_csv import FRAME_S, EventRow
from avloc_ros.types import InputError

SWAPS: dict[str, tuple[ChannelSwap, ...]] = {"none": (), "avcs": AVCS_SWAPS, "rotations": ALL_SWAPS}
FULL_SCALE = 32767.0
Labels = Callable[[list[EventRow], int, np.random.Generator], dict[str, np.ndarray]]


@dataclass(frozen=True)
class ChunkConfig:
    """How recordings are cut, and how a training chunk is varied."""

    sample_rate_hz: int = setting(24000, "sample rate that sound is brought to", low=4000, high=192000)
    channels: int = setting(4, "channels of the sound", low=2, high=64)
    chunk_s: float = setting(3.0, "length of a chunk", low=0.1, high=600.0)
    step_s: float = setting(
        0.5, "from one training chunk to the next; validation does not overlap", low=0.1, high=600.0
    )
    swaps: str = setting("avcs", "turns and mirrors of training scenes (FOA only)", choices=tuple(SWAPS))
    swap_share: float = setting(
        1.0, "share of the training chunks that are turned or mirrored", low=0.0, high=1.0
    )
    lowest_gain: float = setting(
        1.0, "training chunks are made louder or softer, from this factor ...", low=0.01, high=1.0
    )
    highest_gain: float = setting(1.0, "... to this one", low=1.0, high=100.0)

    @property
    def frames(self) -> int:
        """Label frames of a chunk."""
        return round(self.chunk_s / FRAME_S)

    @property
    def samples(self) -> int:
        """Samples of a chunk."""
        return round(self.chunk_s * self.sample_rate_hz)


@dataclass(frozen=True)
class PictureSize:
    """Where pictures are kept, how large they are, and of how many label frames a chunk brings one: the first of `every`."""

    cache: Path
    width: int
    height: int
    every: int = 1


class _Loaded:
    """One recording in memory: int16 samples (n, channels), rows by frame, pictures (frames, height, width, 3) or None."""

    def __init__(self, recording: EventRecording, config: ChunkConfig, pictures: PictureSize | None) -> None:
        samples = recording.samples(config.sample_rate_hz, config.channels)
        self.name = recording.name
        self.samples = np.clip(np.round(samples * FULL_SCALE), -FULL_SCALE, FULL_SCALE).astype(np.int16)
        self.frames = recording.label_frames(config.sample_rate_hz, len(samples))
        self.rows = tuple(row for row in recording.rows() if row.frame < self.frames)
        self.pictures = None
        if pictures is not None:
            self.pictures = cached_pictures(
                recording, pictures.cache, self.frames, pictures.width, pictures.height
            )


class EventChunks(Dataset):
    """Chunks as dicts: samples float32 (channels, n), pictures uint8 (frames / every, 3, height, width) where
    wanted, what `labels` makes of the events, and recording, first_frame.

    labels: (rows with frames counted from the chunk, frames, random) -> arrays. training: overlapping and varied by `seed`
    and epoch; else side by side to the end, the last one filled with silence.
    Raises InputError where there is no recording, or none as long as a chunk to train on.
    """

    def __init__(
        self,
        recordings: Sequence[EventRecording],
        config: ChunkConfig,
        labels: Labels,
        *,
        pictures: PictureSize | None = None,
        training: bool = False,
        seed: int = 0,
    ) -> None:
        self.config, self.labels, self.training, self.seed = config, labels, training, seed
        self.epoch, self.every = 0, 1 if pictures is None else pictures.every
        self.recordings = [_Loaded(recording, config, pictures) for recording in recordings]
        step = max(1, round(config.step_s / FRAME_S)) if training else config.frames
        self.starts = [
            (index, first)
            for index, loaded in enumerate(self.recordings)
            for first in range(0, loaded.frames - (config.frames - 1 if training else 0), step)
        ]
        if not self.starts:
            raise InputError(
                f"no recording of {len(recordings)} is as long as a chunk of {config.chunk_s:g} s"
            )

    def __len__(self) -> int:
        return len(self.starts)

    def __getitem__(self, item: int) -> dict[str, Any]:
        index, first = self.starts[item]
        loaded, config = self.recordings[index], self.config
        random = np.random.default_rng((self.seed, self.epoch, item))
        samples = self._samples(loaded, first)
        rows = [
            _counted_from(row, first) for row in loaded.rows if first <= row.frame < first + config.frames
        ]
        pictures = (
            None
            if loaded.pictures is None
            else _filled(loaded.pictures[first : first + config.frames : self.every], -(-config.frames // self.every))
        )
        if self.training:
            samples, rows, pictures = self._varied(samples, rows, pictures, random)
        chunk: dict[str, Any] = {
            "samples": np.ascontiguousarray(samples.T),
            "recording": index,
            "first_frame": first,
        }
        if pictures is not None:
            chunk["pictures"] = np.ascontiguousarray(pictures.transpose(0, 3, 1, 2))
        return chunk | self.labels(rows, config.frames, random)

    def _samples(self, loaded: _Loaded, first: int) -> np.ndarray:
        start = round(first * FRAME_S * self.config.sample_rate_hz)
        return _filled(loaded.samples[start : start + self.config.samples], self.config.samples) / np.float32(
            FULL_SCALE
        )

    def _varied(
        self,
        samples: np.ndarray,
        rows: list[EventRow],
        pictures: np.ndarray | None,
        random: np.random.Generator,
    ) -> tuple[np.ndarray, list[EventRow], np.ndarray | None]:
        config = self.config
        samples = samples * np.float32(random.uniform(config.lowest_gain, config.highest_gain))
        swaps = SWAPS[config.swaps]
        if swaps and random.random() < config.swap_share:
            swap = swaps[int(random.integers(len(swaps)))]
            samples, rows = swap.samples(samples), swap.rows(rows)
            pictures = None if pictures is None else swap.pictures(pictures)
        return samples, rows, pictures


def _counted_from(row: EventRow, first: int) -> EventRow:
    return EventRow(
        row.frame - first, row.class_index, row.source, row.azimuth_deg, row.elevation_deg, row.distance_m
    )


def _filled(values: np.ndarray, length: int) -> np.ndarray:
    missing = length - len(values)
    return (
        values
        if missing <= 0
        else np.concatenate([values, np.zeros((missing, *values.shape[1:]), values.dtype)])
    )
