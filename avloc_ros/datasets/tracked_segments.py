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

from avloc_ros.config import setting, shipped_folder, to_mapping
from avloc_ros.evaluation.direction_tracks import DirectionFrame
from avloc_ros.features.direction_features import DirectionFeaturesConfig, direction_features
from avloc_ros.geometry import MicrophoneArray
from avloc_ros.simulation.moving_sources import MovingSourcesConfig, VoiceDraw, draw_segment, synthetic_voice
from avloc_ros.simulation.recorded_voices import RecordedVoices


@dataclass(frozen=True)
class TrackedSegmentsConfig:
    """What a data set of moving sources is made of."""

    array: str = setting("square_4mic_10cm", "name of a microphone array of config/arrays, or the path of one")
    voices: str = setting("", "folder of speech, its talkers split in three; empty: synthetic voices")
    sources: MovingSourcesConfig = field(default_factory=MovingSourcesConfig)
    features: DirectionFeaturesConfig = field(default_factory=DirectionFeaturesConfig)
    train_segments: int = setting(600, "segments to learn from", low=1)
    val_segments: int = setting(100, "segments that choose the best epoch", low=1)
    test_segments: int = setting(100, "segments of the final score", low=1)
    seed: int = setting(0, "of the data; the seed of a training run is its own", low=0)

    def segments_of(self, split: str) -> int:
        """How many a split has."""
        return int(getattr(self, f"{split}_segments"))

    def load_array(self) -> MicrophoneArray:
        """The array. Raises InputError where there is none of that name."""
        path = Path(self.array)
        return MicrophoneArray.load(
            path if path.suffix else shipped_folder() / "config" / "arrays" / f"{self.array}.yaml"
        )


@dataclass(frozen=True)
class TrackedSegment:
    """features float32 (channels, feature frames, bands); directions (frames, sources, 3); active (frames, sources)."""

    features: np.ndarray
    directions: np.ndarray
    active: np.ndarray


class TrackedSegments(Dataset):
    """Segments as tensors: features, directions float32, active bool."""

    def __init__(self, segments: Sequence[TrackedSegment]) -> None:
        self.segments = segments

    def __len__(self) -> int:
        return len(self.segments)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor, Tensor]:
        segment = self.segments[index]
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
    array = config.load_array()
    voice: VoiceDraw = RecordedVoices(config.voices, split) if config.voices else synthetic_voice
    kept = folder / f"{split}_{_fingerprint(config)}"
    kept.mkdir(parents=True, exist_ok=True)
    found = []
    for index in range(config.segments_of(split)):
        path = kept / f"{index:05d}.npz"
        if not path.is_file():
            _draw(config, array, voice, split, index, path)
        with np.load(path) as content:
            found.append(TrackedSegment(content["features"], content["directions"], content["active"]))
    return TrackedSegments(found)


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


def direction_frames(
    segment: TrackedSegment, directions: np.ndarray, probability: np.ndarray, threshold: float = 0.5
) -> list[DirectionFrame]:
    """Truth beside what a network says: directions (frames, tracks, 3), probability (frames, tracks)."""
    pairs = zip(true_frames(segment), reported_frames(directions, probability, threshold), strict=True)
    return [DirectionFrame(*true, *found) for true, found in pairs]


def _draw(
    config: TrackedSegmentsConfig, array: MicrophoneArray, voice: VoiceDraw, split: str, index: int, path: Path
) -> None:
    segment = draw_segment(config.sources, array, voice, split=split, index=index, seed=config.seed)
    features = direction_features(segment.samples, config.features)
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
    for name in ("train_segments", "val_segments", "test_segments"):
        settings.pop(name)
    return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()[:12]
