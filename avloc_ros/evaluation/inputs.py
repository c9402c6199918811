"""What can be evaluated: scene folders, folders of them, bags with truth, labelled clips, the AVDIAR corpus."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from avloc_ros.geometry import CameraModel, MicrophoneArray
from avloc_ros.sources.scene import Scene, SceneSource, load_scene
from avloc_ros.sources.stream import stamp_of
from avloc_ros.sources.truth import TruthRow
from avloc_ros.types import AudioWindow, InputError, VideoFrame

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


def find_inputs(
    paths: Sequence[str | Path], array: MicrophoneArray | None = None, rotate_channels: int = 0
) -> list[EvaluationInput]:
    """All inputs under `paths`, sorted by name within a folder.

    array: geometry for recordings that carry none. rotate_channels: rolls the channels of labelled clips of a square
    array by this many, which turns the truth by 90 degrees each. Raises InputError where nothing can be evaluated.
    """
    found: list[EvaluationInput] = []
    for path in map(Path, paths):
        found += _inputs_at(path, array, rotate_channels)
    if not found:
        raise InputError(
            "nothing to evaluate: give scene folders, a folder of them, a bag with truth, or labelled clips"
        )
    return _with_unique_names(found)


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


def window_at(samples: np.ndarray, sample_rate_hz: int, frame: int, fps: float, stamp_ns: int) -> AudioWindow:
    """The samples (frames, channels) of the frame that starts at frame / fps, zeros behind the end."""
    first, end = round(frame * sample_rate_hz / fps), round((frame + 1) * sample_rate_hz / fps)
    part = samples[first:end]
    missing = end - first - len(part)
    if missing:
        part = np.concatenate([part, np.zeros((missing, samples.shape[1]), samples.dtype)])
    return AudioWindow(stamp_ns, part, sample_rate_hz, 1 - missing / (end - first))


def _inputs_at(path: Path, array: MicrophoneArray | None, rotate_channels: int) -> list[EvaluationInput]:
    if not path.exists():
        raise InputError(f"{path}: no such file or folder")
    if (path / "scene.json").is_file():
        return [scene_input(load_scene(path))]
    if (path / "labels.csv").is_file():
        from avloc_ros.evaluation.labelled_clips import clip_inputs

        return clip_inputs(path, array, rotate_channels)
    if path.suffix in (".mcap", ".db3") or (path / "metadata.yaml").is_file():
        from avloc_ros.evaluation.bag_input import bag_input

        return [bag_input(path)]
    if path.is_dir():
        from avloc_ros.evaluation.avdiar_input import avdiar_inputs

        sequences = avdiar_inputs(path, array)
        if sequences:
            return sequences
        inside = sorted(
            child for child in path.iterdir() if child.is_dir() or child.suffix in (".mcap", ".db3")
        )
        return [
            item
            for child in inside
            if _holds_recording(child)
            for item in _inputs_at(child, array, rotate_channels)
        ]
    raise InputError(
        f"{path} is neither a scene folder, nor a bag (.mcap, .db3), nor a folder with labels.csv"
    )


def _holds_recording(path: Path) -> bool:
    names = ("scene.json", "labels.csv", "metadata.yaml")
    return path.is_file() or any((path / name).is_file() for name in names)


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


def _with_unique_names(found: list[EvaluationInput]) -> list[EvaluationInput]:
    from dataclasses import replace

    seen: dict[str, int] = {}
    unique = []
    for item in found:
        seen[item.name] = seen.get(item.name, 0) + 1
        unique.append(item if seen[item.name] == 1 else replace(item, name=f"{item.name}-{seen[item.name]}"))
    return unique
