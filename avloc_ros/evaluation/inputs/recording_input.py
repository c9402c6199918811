"""One recording that can be evaluated: its truth, and its sound and pictures frame by frame."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from avloc_ros.geometry import CameraModel
from avloc_ros.microphone_array import MicrophoneArray
from avloc_ros.sources.truth import TruthRow
from avloc_ros.types import AudioWindow, VideoFrame

DEFAULT_FPS = 25.0
SCENE_FACTS = ("condition", "conditions", "dataset", "split", "snr_db", "trouble")  # of scene.json, for the report
Moment = tuple[int, AudioWindow | None, VideoFrame | None]  # frame number, sound, picture


@dataclass(frozen=True)
class EvaluationInput:
    """One recording with its truth. moments: a fresh iterator over frames; extra: facts for the report.

    media: the files that hold sound and pictures.
    """

    name: str
    path: Path
    fps: float
    frames: int
    array: MicrophoneArray | None
    camera: CameraModel | None
    sample_rate_hz: int
    truth: dict[int, tuple[TruthRow, ...]]
    moments: Callable[[], Iterator[Moment]]
    extra: dict[str, Any] = field(default_factory=dict)
    media: tuple[Path, ...] = ()


def window_at(samples: np.ndarray, sample_rate_hz: int, frame: int, fps: float, stamp_ns: int) -> AudioWindow:
    """The samples (frames, channels) of the frame that starts at frame / fps, zeros behind the end."""
    first, end = round(frame * sample_rate_hz / fps), round((frame + 1) * sample_rate_hz / fps)
    part = samples[first:end]
    missing = end - first - len(part)
    if missing:
        part = np.concatenate([part, np.zeros((missing, samples.shape[1]), samples.dtype)])
    return AudioWindow(stamp_ns, part, sample_rate_hz, 1 - missing / (end - first))
