"""One stream for every source: stamped audio chunks and video frames in capture order."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Protocol, runtime_checkable

from avloc_ros.geometry import CameraModel, MicrophoneArray
from avloc_ros.types import AudioChunk, InputError, VideoFrame

NANOSECONDS_PER_SECOND = 1_000_000_000
AUDIO_SUFFIXES = (".wav", ".flac", ".ogg", ".aiff")
VIDEO_SUFFIXES = (".mp4", ".mkv", ".avi", ".mov", ".webm", ".mpg", ".mpeg", ".m4v")
BAG_SUFFIXES = (".mcap", ".db3")


@runtime_checkable
class Source(Protocol):
    """A stream of sound and pictures; iterating it yields them in the order of their capture stamps.

    array, camera: known geometry or None. sample_rate_hz, fps: 0 where there is no sound or no pictures.
    duration_s: None where it is unknown (live).
    """

    @property
    def name(self) -> str: ...
    @property
    def array(self) -> MicrophoneArray | None: ...
    @property
    def camera(self) -> CameraModel | None: ...
    @property
    def sample_rate_hz(self) -> int: ...
    @property
    def fps(self) -> float: ...
    @property
    def duration_s(self) -> float | None: ...
    def __iter__(self) -> Iterator[AudioChunk | VideoFrame]: ...
    def close(self) -> None: ...


def stamp_of(start_ns: int, count: int, rate_hz: float) -> int:
    """Nanoseconds at which item `count` of a steady stream is captured, without adding up rounding errors."""
    return start_ns + round(count * NANOSECONDS_PER_SECOND / rate_hz)


def merge_by_stamp(
    audio: Iterable[AudioChunk], video: Iterable[VideoFrame]
) -> Iterator[AudioChunk | VideoFrame]:
    """Interleave two ordered streams by stamp; at the same stamp sound comes first."""
    chunks, frames = iter(audio), iter(video)
    chunk, frame = next(chunks, None), next(frames, None)
    while chunk is not None and frame is not None:
        if chunk.stamp_ns <= frame.stamp_ns:
            yield chunk
            chunk = next(chunks, None)
        else:
            yield frame
            frame = next(frames, None)
    if chunk is not None:
        yield chunk
        yield from chunks
    if frame is not None:
        yield frame
        yield from frames


def open_source(
    spec: str | Path,
    *,
    array: MicrophoneArray | None = None,
    camera: CameraModel | None = None,
    start_ns: int = 0,
) -> Source:
    """Open what `spec` names: a scene folder, a bag, media files (`sound.wav,clip.mp4` or one of them), `live`.

    `live` takes devices as `live:audio=NAME,camera=0` (`none` leaves one out). array, camera: geometry that
    overrides what the source knows. start_ns: capture time of t = 0 for scenes and files. Raises InputError.
    """
    text = str(spec)
    if text == "live" or text.startswith("live:"):
        from avloc_ros.sources.live import open_live

        return open_live(text[5:], array, camera)
    parts = [Path(part) for part in text.split(",")] if not Path(text).exists() else [Path(text)]
    missing = [str(part) for part in parts if not part.exists()]
    if missing:
        raise InputError(
            f"{' and '.join(missing)}: no such file or folder; "
            "give a scene folder, a bag, a wav, an mp4, or 'live'"
        )
    path = parts[0]
    if path.is_dir() and (path / "scene.json").is_file():
        from avloc_ros.sources.scene import SceneSource

        return SceneSource(path, start_ns=start_ns, array=array, camera=camera)
    if path.suffix.lower() in BAG_SUFFIXES or (path.is_dir() and _looks_like_bag(path)):
        from avloc_ros.sources.bag import BagSource

        return BagSource(path, array=array, camera=camera)
    if path.is_dir():
        raise InputError(f"{path} holds neither scene.json nor a bag (metadata.yaml, *.mcap, *.db3)")
    audio = [part for part in parts if part.suffix.lower() in AUDIO_SUFFIXES]
    video = [part for part in parts if part.suffix.lower() in VIDEO_SUFFIXES]
    if len(audio) + len(video) != len(parts) or len(audio) > 1 or len(video) > 1:
        raise InputError(
            f"{text}: give one sound file ({', '.join(AUDIO_SUFFIXES)}) "
            f"and/or one video file ({', '.join(VIDEO_SUFFIXES)})"
        )
    from avloc_ros.sources.media import MediaSource

    return MediaSource(
        audio[0] if audio else None,
        video[0] if video else None,
        array=array,
        camera=camera,
        start_ns=start_ns,
    )


def _looks_like_bag(folder: Path) -> bool:
    return (folder / "metadata.yaml").is_file() or any(p.suffix in BAG_SUFFIXES for p in folder.iterdir())
