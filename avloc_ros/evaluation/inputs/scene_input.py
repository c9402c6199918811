"""Scene folders as inputs of an evaluation."""

from __future__ import annotations

from collections.abc import Iterator

from avloc_ros.evaluation.inputs.recording_input import (
    DEFAULT_FPS,
    SCENE_FACTS,
    EvaluationInput,
    Moment,
    window_at,
)
from avloc_ros.sources.scene import Scene, SceneSource
from avloc_ros.sources.stream import stamp_of
from avloc_ros.types import InputError


def scene_input(scene: Scene) -> EvaluationInput:
    """A scene folder as an input. Raises InputError where it has no truth."""
    if not scene.truth:
        raise InputError(f"{scene.folder} has no truth.csv: there is nothing to compare with")
    frames = _frame_count(scene)
    return EvaluationInput(
        scene.name,
        scene.folder,
        scene.fps or DEFAULT_FPS,
        frames,
        scene.array if scene.audio_path else None,
        scene.camera,
        scene.sample_rate_hz,
        scene.truth_by_frame(),
        lambda: _scene_moments(scene, frames),
        {key: scene.json[key] for key in SCENE_FACTS if key in scene.json},
        tuple(path for path in (scene.audio_path, scene.video_path) if path is not None),
    )


def _frame_count(scene: Scene) -> int:
    if scene.video_info is not None:
        return scene.video_info.frames
    return int(scene.duration_s * (scene.fps or DEFAULT_FPS) + 1e-6)


def _scene_moments(scene: Scene, frames: int) -> Iterator[Moment]:
    fps = scene.fps or DEFAULT_FPS
    samples = scene.read_audio() if scene.audio_path else None
    pictures = SceneSource(scene).frames() if scene.video_path else None
    for frame in range(frames):
        stamp_ns = stamp_of(0, frame, fps)
        window = None
        if samples is not None:
            window = window_at(samples, scene.sample_rate_hz, frame, fps, stamp_ns)
        yield frame, window, next(pictures, None) if pictures is not None else None
