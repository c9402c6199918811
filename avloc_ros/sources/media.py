"""Sound and video files as a stream: a wav and an mp4, either alone, or the sound track of the mp4."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from avloc_ros.geometry import CameraModel
from avloc_ros.microphone_array import MicrophoneArray
from avloc_ros.sources.audio_file import audio_blocks, audio_file_info
from avloc_ros.sources.stream import merge_by_stamp, stamp_of
from avloc_ros.sources.video_file import video_file_info, video_images, video_sound
from avloc_ros.types import AudioChunk, InputError, VideoFrame

CHUNK_S = 0.02


class MediaSource:
    """Files that start at the same time: sample n is captured at n / rate, picture k at k / fps, from start_ns on.

    Without a sound file the video's own sound track is taken, if it has one. Raises InputError where a file cannot be
    read or the array has another number of channels.
    """

    def __init__(
        self,
        audio_path: str | Path | None,
        video_path: str | Path | None,
        *,
        array: MicrophoneArray | None = None,
        camera: CameraModel | None = None,
        start_ns: int = 0,
        chunk_s: float = CHUNK_S,
    ) -> None:
        if audio_path is None and video_path is None:
            raise InputError("a media source needs a sound file, a video file or both")
        self.array, self.camera, self.start_ns = array, camera, start_ns
        self._audio_path = Path(audio_path) if audio_path is not None else None
        self._video_path = Path(video_path) if video_path is not None else None
        self.name = (self._video_path or self._audio_path or Path()).stem
        self._track: np.ndarray | None = None  # (frames, channels), the video's own sound
        self.fps, self.sample_rate_hz = 0.0, 0
        lengths_s, channels = [], 0
        if self._video_path is not None:
            video = video_file_info(self._video_path)
            self.fps = video.fps or 25.0  # a container may not say
            lengths_s.append(video.duration_s)
            if self._audio_path is None and video.has_audio:
                self._track, self.sample_rate_hz = video_sound(self._video_path)
                lengths_s.append(len(self._track) / self.sample_rate_hz)
                channels = self._track.shape[1]
            if camera is not None:
                self.camera = camera.scaled_to(video.width, video.height)
        if self._audio_path is not None:
            audio = audio_file_info(self._audio_path)
            self.sample_rate_hz, channels = audio.sample_rate_hz, audio.channels
            lengths_s.append(audio.duration_s)
        if array is not None and channels and array.channels != channels:
            raise InputError(
                f"{self._audio_path or self._video_path} has {channels} channels, "
                f"the array '{array.name}' has {array.channels} microphones"
            )
        self.duration_s: float | None = max(lengths_s)
        self._chunk_frames = max(1, round(chunk_s * self.sample_rate_hz))

    def __iter__(self) -> Iterator[AudioChunk | VideoFrame]:
        return merge_by_stamp(self.chunks(), self.frames())

    def chunks(self) -> Iterator[AudioChunk]:
        """The sound alone."""
        first, rate = 0, self.sample_rate_hz
        for block in self._blocks():
            yield AudioChunk(stamp_of(self.start_ns, first, rate), first, block, rate)
            first += len(block)

    def frames(self) -> Iterator[VideoFrame]:
        """The pictures alone."""
        if self._video_path is not None:
            for number, image in enumerate(video_images(self._video_path)):
                yield VideoFrame(stamp_of(self.start_ns, number, self.fps), image)

    def close(self) -> None:
        """Nothing stays open between iterations."""

    def _blocks(self) -> Iterator[np.ndarray]:
        size = self._chunk_frames
        if self._audio_path is not None:
            yield from audio_blocks(self._audio_path, size)
        elif self._track is not None:
            for first in range(0, len(self._track), size):
                yield self._track[first : first + size]
