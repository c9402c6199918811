"""Segments of moving sources as training data: features and truth, drawn once and kept on disk."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from avloc_ros.config import setting, to_mapping
from avloc_ros.datasets.events.channel_swap import ALL_SWAPS, ChannelSwap
from avloc_ros.features.inputs.direction_features import DirectionFeaturesConfig, direction_features
from avloc_ros.features.inputs.foa_encoder import FoaEncoder
from avloc_ros.microphone_array import MicrophoneArray
from avloc_ros.simulation.sound.moving_sources import (
    MovingSegment,
    MovingSource,
    MovingSourcesConfig,
    VoiceDraw,
    draw_segment,
    synthetic_voice,
)
from avloc_ros.simulation.sound.recorded_voices import RecordedVoices
from avloc_ros.sources.arrays import named_array
from avloc_ros.types import InputError

YZX = (1, 2, 0)  # axes in the order of FOA's channels
FIRST_INTENSITY = 4  # feature channels before it are spectra


@dataclass(frozen=True)
class TrackedSegmentsConfig:
    """What a data set of moving sources is made of."""

    array: str = setting("square_4mic_10cm", "name of a microphone array of config/arrays, or the path of one")
    other_arrays: tuple[str, ...] = setting((), "more arrays, which the rooms take in turn (features.kind: foa)")
    voices: str = setting("", "folder of speech, its talkers split in three; empty: synthetic voices")
    sources: MovingSourcesConfig = field(default_factory=MovingSourcesConfig)
    features: DirectionFeaturesConfig = field(default_factory=DirectionFeaturesConfig)
    train_segments: int = setting(600, "segments to learn from", low=1)
    val_segments: int = setting(100, "segments that choose the best epoch", low=1)
    test_segments: int = setting(100, "segments of the final score", low=1)
    swaps: bool = setting(
        False, "turn and mirror each training segment anew, one of 16 ways (features.kind: foa)"
    )
    seed: int = setting(0, "of the data; the seed of a training run is its own", low=0)

    def segments_of(self, split: str) -> int:
        """How many a split has."""
        return int(getattr(self, f"{split}_segments"))

    def __post_init__(self) -> None:
        if self.swaps and self.features.kind != "foa":
            raise InputError("swaps need features.kind: foa: no other sound can be turned")
        if self.other_arrays and self.features.kind != "foa":
            raise InputError("other_arrays need features.kind: foa: the features of microphones are one array's own")

    def load_arrays(self) -> list[MicrophoneArray]:
        """The arrays, room k takes number k modulo how many. Raises InputError where there is none of a name."""
        return [named_array(name) for name in (self.array, *self.other_arrays)]

    def load_encoder(self, array: MicrophoneArray) -> FoaEncoder | None:
        """What makes FOA of the array's sound, for such features. Raises InputError where its shape does not allow it."""
        if self.features.kind != "foa":
            return None
        return FoaEncoder(array, self.features.sample_rate_hz, self.features.fft_length)


@dataclass(frozen=True)
class TrackedSegment:
    """features float32 (channels, feature frames, bands); directions (frames, sources, 3); active (frames, sources)."""

    features: np.ndarray
    directions: np.ndarray
    active: np.ndarray


class TrackedSegments(Dataset):
    """Segments as tensors: features, directions float32, active bool.

    swaps: each time it is asked for, a segment is turned and mirrored in one of 16 ways (FOA features), by torch's seed.
    """

    def __init__(self, segments: Sequence[TrackedSegment], *, swaps: bool = False) -> None:
        self.segments, self.swaps = segments, swaps

    def __len__(self) -> int:
        return len(self.segments)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor, Tensor]:
        segment = self.segments[index]
        if self.swaps:
            segment = turned(segment, ALL_SWAPS[int(torch.randint(len(ALL_SWAPS), ()))])
        return (
            torch.from_numpy(segment.features.astype(np.float32)),
            torch.from_numpy(segment.directions.astype(np.float32)),
            torch.from_numpy(segment.active),
        )

    def feature_scale(self) -> tuple[Tensor, Tensor]:
        """Mean and deviation (channels, 1, bands) over all segments and frames."""
        total, squares, count = 0.0, 0.0, 0
        for segment in self.segments:
            values = segment.features.astype(np.float64)
            total = total + values.sum(axis=1, keepdims=True)
            squares = squares + (values**2).sum(axis=1, keepdims=True)
            count += values.shape[1]
        mean = np.asarray(total / count)
        deviation = np.sqrt(np.maximum(np.asarray(squares / count) - mean**2, 1e-8))
        return torch.from_numpy(mean.astype(np.float32)), torch.from_numpy(deviation.astype(np.float32))


def tracked_segments(config: TrackedSegmentsConfig, split: str, folder: Path) -> TrackedSegments:
    """The segments of a split, drawn where `folder` does not have them yet (one .npz each, named by the settings)."""
    kept = folder / f"{split}_{_fingerprint(config)}"
    kept.mkdir(parents=True, exist_ok=True)
    paths = [kept / f"{index:05d}.npz" for index in range(config.segments_of(split))]
    if not all(path.is_file() for path in paths):
        _draw_missing(config, split, paths)
    found = []
    for path in paths:
        with np.load(path) as content:
            found.append(TrackedSegment(content["features"], content["directions"], content["active"]))
    return TrackedSegments(found, swaps=config.swaps and split == "train")


def turned(segment: TrackedSegment, swap: ChannelSwap) -> TrackedSegment:
    """The segment of the turned scene; features are those of FOA: log-mel of W, Y, Z, X, then intensity along x, y, z."""
    turn = swap.matrix()  # (3, 3)
    source, sign = np.abs(turn).argmax(axis=1), turn.sum(axis=1)  # axis k of the new scene is an old one, or its reverse
    log_mel = [0, *(1 + YZX.index(source[axis]) for axis in YZX)]
    features = segment.features[[*log_mel, *(FIRST_INTENSITY + source)]]
    features[FIRST_INTENSITY:] *= sign[:, None, None].astype(features.dtype)
    return TrackedSegment(features, segment.directions @ turn.T.astype(np.float32), segment.active)


def true_frames(segment: TrackedSegment) -> list[tuple[tuple[int, ...], np.ndarray]]:
    """Per label frame who is active, and their directions (n, 3)."""
    return [
        (tuple(int(k) for k in np.flatnonzero(active)), directions[active])
        for directions, active in zip(segment.directions, segment.active, strict=True)
    ]


def reported_frames(directions: np.ndarray, probability: np.ndarray, threshold: float) -> list:
    """Per label frame which tracks (frames, tracks) are above the threshold, and their directions (n, 3)."""
    return [
        (tuple(int(k) for k in np.flatnonzero(now >= threshold)), vectors[now >= threshold])
        for vectors, now in zip(directions, probability, strict=True)
    ]


def _draw_missing(config: TrackedSegmentsConfig, split: str, paths: Sequence[Path]) -> None:
    """Room by room, so that the stock of one room at a time is in memory."""
    voice: VoiceDraw = RecordedVoices(config.voices, split) if config.voices else synthetic_voice
    arrays = config.load_arrays()
    encoders = [config.load_encoder(array) for array in arrays]
    for room in range(config.sources.rooms):
        stock: dict[int, MovingSource] = {}
        array, encoder = arrays[room % len(arrays)], encoders[room % len(arrays)]
        for index in range(room, len(paths), config.sources.rooms):
            if not paths[index].is_file():
                segment = draw_segment(
                    config.sources, array, voice, split=split, index=index, seed=config.seed, stock=stock
                )
                _keep(segment, direction_features(segment.samples, config.features, encoder), paths[index])


def _keep(segment: MovingSegment, features: np.ndarray, path: Path) -> None:
    part = path.with_suffix(".part.npz")
    np.savez(
        part,
        features=features.astype(np.float16),
        directions=segment.directions.astype(np.float32),
        active=segment.active,
    )
    part.replace(path)


def _fingerprint(config: TrackedSegmentsConfig) -> str:
    settings = to_mapping(config)
    for name in ("train_segments", "val_segments", "test_segments", "swaps"):
        settings.pop(name)
    return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()[:12]
