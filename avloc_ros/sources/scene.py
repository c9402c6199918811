"""Scene folders: sound, pictures and exact truth on disk, without ROS.

scene.json names audio.wav, video.mp4 and truth.csv, and holds the geometry.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from avloc_ros.geometry import CameraModel
from avloc_ros.microphone_array import MicrophoneArray
from avloc_ros.sources.audio_file import AudioFileInfo, audio_blocks, audio_file_info, read_audio, write_audio
from avloc_ros.sources.stream import merge_by_stamp, stamp_of
from avloc_ros.sources.truth import TruthRow, parse_truth, read_truth, write_truth
from avloc_ros.sources.video_file import VideoFileInfo, VideoWriter, video_file_info, video_images
from avloc_ros.types import AudioChunk, InputError, VideoFrame

__all__ = [
    "Scene",
    "SceneSource",
    "TruthRow",
    "load_scene",
    "parse_truth",
    "read_truth",
    "write_scene",
    "write_truth",
]

CHUNK_S = 0.02  # half a frame at 25 fps: a window is complete soon after its end


@dataclass(frozen=True)
class Scene:
    """A scene folder that was checked. json: all of scene.json, extra keys too. Paths: None where a sense lacks."""

    folder: Path
    json: dict[str, Any]
    array: MicrophoneArray | None
    camera: CameraModel | None
    truth: tuple[TruthRow, ...]
    audio_path: Path | None
    video_path: Path | None
    audio_info: AudioFileInfo | None
    video_info: VideoFileInfo | None
    fps: float

    @property
    def name(self) -> str:
        return self.folder.resolve().name

    @property
    def sample_rate_hz(self) -> int:
        """0 in a scene without sound."""
        return self.audio_info.sample_rate_hz if self.audio_info else 0

    @property
    def duration_s(self) -> float:
        sound = self.audio_info.duration_s if self.audio_info else 0.0
        return max(sound, self.video_info.frames / self.fps if self.video_info else 0.0)

    def truth_by_frame(self) -> dict[int, tuple[TruthRow, ...]]:
        """Rows of each frame that has any."""
        found: dict[int, list[TruthRow]] = {}
        for row in self.truth:
            found.setdefault(row.frame, []).append(row)
        return {frame: tuple(rows) for frame, rows in found.items()}

    def read_audio(self) -> np.ndarray:
        """All of the sound: float32 (frames, channels). Raises InputError in a scene without sound."""
        if self.audio_path is None:
            raise InputError(f"scene {self.folder} has no sound")
        return read_audio(self.audio_path)[0]


def load_scene(folder: str | Path) -> Scene:
    """Read and check a scene folder. Raises InputError naming the file and what is wrong with it."""
    folder = Path(folder)
    content = _read_json(folder / "scene.json")
    audio_path, video_path = (_file(folder, content, key) for key in ("audio", "video"))
    if audio_path is None and video_path is None:
        raise InputError(f"{folder / 'scene.json'} names neither 'audio' nor 'video'")
    array, camera = _geometry(folder, content)
    truth_path = _file(folder, content, "truth")
    scene = Scene(
        folder,
        content,
        array,
        camera,
        read_truth(truth_path) if truth_path else (),
        audio_path,
        video_path,
        audio_file_info(audio_path) if audio_path else None,
        video_file_info(video_path) if video_path else None,
        _fps(folder, content, video_path),
    )
    _check_agreement(scene)
    return scene


def write_scene(
    folder: str | Path,
    *,
    array: MicrophoneArray | None = None,
    camera: CameraModel | None = None,
    audio: np.ndarray | None = None,
    sample_rate_hz: int = 16000,
    images: Iterable[np.ndarray] | None = None,
    fps: float = 25.0,
    truth: Iterable[TruthRow] = (),
    encoding: str = "S16LE",
    extra: dict[str, Any] | None = None,
) -> Scene:
    """Write a scene folder and return it as read back.

    audio: float (frames, channels), first sample at t = 0. images: BGR uint8 (rows, columns, 3), picture k
    exposed at k / fps. encoding: of the wav (audio_encoding). extra: further keys of scene.json. Sound or
    pictures are needed.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    content: dict[str, Any] = dict(extra or {}) | {"fps": fps}
    if array is not None:
        content["array"] = array.to_mapping()
    if camera is not None:
        content["camera"] = camera.to_mapping()
    if audio is not None:
        write_audio(folder / "audio.wav", audio, sample_rate_hz, encoding)
        content |= {"audio": "audio.wav", "sample_rate": sample_rate_hz}
    if images is not None:
        _write_video(folder / "video.mp4", images, fps)
        content["video"] = "video.mp4"
    rows = list(truth)
    if rows:
        write_truth(folder / "truth.csv", rows)
        content["truth"] = "truth.csv"
    (folder / "scene.json").write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    return load_scene(folder)


class SceneSource:
    """A scene as a Source: chunks of `chunk_s` and frames, stamped from start_ns on."""

    def __init__(
        self,
        folder: str | Path | Scene,
        *,
        start_ns: int = 0,
        chunk_s: float = CHUNK_S,
        array: MicrophoneArray | None = None,
        camera: CameraModel | None = None,
    ) -> None:
        self.scene = folder if isinstance(folder, Scene) else load_scene(folder)
        self.start_ns = start_ns
        self.array = array or self.scene.array
        self.camera = camera or self.scene.camera
        self.name = self.scene.name
        self.sample_rate_hz = self.scene.sample_rate_hz
        self.fps = self.scene.fps if self.scene.video_path else 0.0
        self.duration_s: float | None = self.scene.duration_s
        self._chunk_frames = max(1, round(chunk_s * self.sample_rate_hz))

    def __iter__(self) -> Iterator[AudioChunk | VideoFrame]:
        return merge_by_stamp(self.chunks(), self.frames())

    def chunks(self) -> Iterator[AudioChunk]:
        """The sound alone."""
        if self.scene.audio_path is None:
            return
        rate, first = self.sample_rate_hz, 0
        for block in audio_blocks(self.scene.audio_path, self._chunk_frames):
            yield AudioChunk(stamp_of(self.start_ns, first, rate), first, block, rate)
            first += len(block)

    def frames(self) -> Iterator[VideoFrame]:
        """The pictures alone."""
        if self.scene.video_path is None:
            return
        for number, image in enumerate(video_images(self.scene.video_path)):
            yield VideoFrame(stamp_of(self.start_ns, number, self.fps), image)

    def close(self) -> None:
        """Nothing stays open between iterations."""


def _read_json(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise InputError(f"no scene at {path.parent}: {path.name} is missing")
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise InputError(f"{path} is not JSON: {error}") from error
    if not isinstance(content, dict):
        raise InputError(f"{path}: need one object with the keys of a scene")
    return content


def _file(folder: Path, content: dict[str, Any], key: str) -> Path | None:
    name = content.get(key)
    if not name:
        return None
    path = folder / str(name)
    if not path.is_file():
        raise InputError(f"{folder / 'scene.json'}: '{key}' names {name}, which is not there")
    return path


def _geometry(folder: Path, content: dict[str, Any]) -> tuple[MicrophoneArray | None, CameraModel | None]:
    try:
        array = MicrophoneArray.from_mapping(content["array"], folder.name) if content.get("array") else None
        camera = CameraModel.from_mapping(content["camera"]) if content.get("camera") else None
    except InputError:
        raise
    except (TypeError, ValueError, AttributeError) as error:
        raise InputError(
            f"{folder / 'scene.json'}: array.positions_m or camera is not made of numbers: {error}"
        ) from error
    return array, camera


def _fps(folder: Path, content: dict[str, Any], video_path: Path | None) -> float:
    fps = content.get("fps", 25.0 if video_path is None else None)
    if not isinstance(fps, (int, float)) or not 0 < fps < 1000:
        raise InputError(f"{folder / 'scene.json'}: 'fps' is {fps!r}, need pictures per second")
    return float(fps)


def _check_agreement(scene: Scene) -> None:
    where = scene.folder / "scene.json"
    sound, picture = scene.audio_info, scene.video_info
    if sound and scene.array and sound.channels != scene.array.channels:
        raise InputError(
            f"{where}: {scene.array.channels} microphone positions for {sound.channels} channels of sound"
        )
    stated = scene.json.get("sample_rate")
    if sound and stated and int(stated) != sound.sample_rate_hz:
        raise InputError(f"{where}: sample_rate {stated}, but {scene.audio_path} has {sound.sample_rate_hz}")
    if (
        picture
        and scene.camera
        and (picture.width, picture.height) != (scene.camera.width, scene.camera.height)
    ):
        raise InputError(
            f"{where}: camera of {scene.camera.width}x{scene.camera.height}, "
            f"but {scene.video_path} has {picture.width}x{picture.height}"
        )


def _write_video(path: Path, images: Iterable[np.ndarray], fps: float) -> None:
    iterator = iter(images)
    first = next(iterator, None)
    if first is None:
        raise InputError(f"{path}: no pictures to write")
    with VideoWriter(path, (first.shape[1], first.shape[0]), fps) as writer:
        writer.write(first)
        for image in iterator:
            writer.write(image)
