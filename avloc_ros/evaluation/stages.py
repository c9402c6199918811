"""The stages that all systems of a table share: faces and audio grids of every frame, computed once."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from avloc_ros.evaluation.inputs import EvaluationInput
from avloc_ros.systems.audio_grids import AudioGrids
from avloc_ros.systems.faces import FaceTracker
from avloc_ros.systems.localizer import LocalizerConfig
from avloc_ros.types import FaceDetections


@dataclass(frozen=True)
class StageFrame:
    """What detector and audio tracker say about one frame, and how long each took."""

    frame: int
    stamp_ns: int
    audio: AudioGrids | None
    faces: FaceDetections | None
    audio_ms: float
    faces_ms: float


def run_stages(
    item: EvaluationInput, config: LocalizerConfig, progress: Callable[[], None] | None = None
) -> list[StageFrame]:
    """Run both front ends over one recording, in the order of its frames."""
    hears = item.array is not None and item.sample_rate_hz > 0
    ear = config.open_ear(item.array, item.camera, item.sample_rate_hz) if hears else None
    faces = FaceTracker(config.faces) if item.camera is not None else None
    frames: list[StageFrame] = []
    try:
        for number, window, picture in item.moments():
            started = time.perf_counter()
            audio = ear.step(window) if ear is not None and window is not None else None
            between = time.perf_counter()
            found = faces.step(picture) if faces is not None and picture is not None else None
            ended = time.perf_counter()
            stamp_ns = (
                picture.stamp_ns if picture is not None else window.stamp_ns if window is not None else 0
            )
            frames.append(
                StageFrame(number, stamp_ns, audio, found, (between - started) * 1e3, (ended - between) * 1e3)
            )
            if progress is not None:
                progress()
    finally:
        if faces is not None:
            faces.close()
    return frames
