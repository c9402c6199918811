"""One stream for every source: stamped audio chunks and video frames in capture order."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Protocol, runtime_checkable

from avloc_ros.geometry import CameraModel
from avloc_ros.microphone_array import MicrophoneArray
from avloc_ros.types import AudioChunk, VideoFrame

NANOSECONDS_PER_SECOND = 1_000_000_000


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
