"""Video files: pictures in BGR order, read and written through PyAV, or OpenCV where PyAV is missing.

OpenCV's wheel neither reads nor writes every codec (H.264 encoding, mp2 sound), so PyAV is preferred.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from avloc_ros.types import InputError


@dataclass(frozen=True)
class VideoFileInfo:
    """What a video file holds; frames is an estimate of the container, 0 where it does not say."""

    width: int
    height: int
    fps: float
    frames: int
    has_audio: bool = False

    @property
    def duration_s(self) -> float:
        return self.frames / self.fps if self.fps else 0.0


def video_file_info(path: str | Path) -> VideoFileInfo:
    """Size, rate and length. Raises InputError where the file has no pictures that can be read."""
    path = _existing(path)
    if not _has_av():
        return _info_by_opencv(path)
    with _open_av(path) as container:
        stream = _video_stream(container, path)
        fps = float(stream.average_rate or stream.guessed_rate or 0)
        frames = stream.frames
        if not frames and container.duration:
            frames = round(container.duration / 1e6 * fps)  # the container counts microseconds
        return VideoFileInfo(stream.width, stream.height, fps, frames, bool(container.streams.audio))


def video_images(path: str | Path) -> Iterator[np.ndarray]:
    """The pictures of a file in order: uint8 (rows, columns, 3), BGR."""
    path = _existing(path)
    if not _has_av():
        yield from _images_by_opencv(path)
        return
    import av

    with _open_av(path) as container:
        stream = _video_stream(container, path)
        try:
            for frame in container.decode(stream):
                yield frame.to_ndarray(format="bgr24")
        except av.error.FFmpegError as error:
            raise InputError(f"{path}: the video breaks off: {error}") from error


def video_sound(path: str | Path) -> tuple[np.ndarray, int]:
    """The sound track of a video file from the first picture on: float32 (frames, channels), and its rate in hertz.

    Silence stands before a track that begins later. Needs PyAV.
    """
    path = _existing(path)
    if not _has_av():
        raise InputError(f"{path}: reading the sound of a video needs PyAV: pip install av")
    import av

    with _open_av(path) as container:
        if not container.streams.audio:
            raise InputError(f"{path} has no sound track")
        stream = container.streams.audio[0]
        resampler = av.AudioResampler(format="fltp")
        decoded = [part for frame in container.decode(stream) for part in resampler.resample(frame)]
        if not decoded:
            raise InputError(f"{path}: the sound track is empty")
        sound = np.concatenate([part.to_ndarray() for part in decoded], axis=1).T  # (frames, channels)
        late = round(((decoded[0].time or 0.0) - _pictures_start_s(container)) * stream.sample_rate)
        if late > 0:
            sound = np.concatenate([np.zeros((late, sound.shape[1]), np.float32), sound])
        return np.ascontiguousarray(sound[max(0, -late) :], np.float32), int(stream.sample_rate)


def _pictures_start_s(container: Any) -> float:
    """Container time of the first picture, which is t = 0 of a media source."""
    if not container.streams.video or container.streams.video[0].start_time is None:
        return 0.0
    stream = container.streams.video[0]
    return float(stream.start_time * stream.time_base)


class VideoWriter:
    """Writes BGR pictures and sound to an mp4: H.264 by PyAV, else mpeg4 without sound by OpenCV.

    size is (width, height); without sample_rate_hz the file has no sound. Use as a context manager; `codec`
    says what was taken.
    """

    def __init__(
        self,
        path: str | Path,
        size: tuple[int, int],
        fps: float,
        *,
        sample_rate_hz: int | None = None,
        quality: int = 18,
    ) -> None:
        self.path, self.size, self.fps = Path(path), size, fps
        self.codec = "h264" if _has_h264() else "mpeg4"
        self._audio: Any = None
        if self.codec == "h264":
            self._open_av(sample_rate_hz, quality)
        else:
            self._opencv = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), fps, size)
            if not self._opencv.isOpened():
                raise InputError(
                    f"{path}: OpenCV cannot write mp4 here; `pip install av` brings PyAV"
                )

    def write(self, image: np.ndarray) -> None:
        """Append one picture: uint8 (rows, columns, 3), BGR. Raises InputError where the size differs."""
        if image.shape[:2] != self.size[::-1]:
            raise InputError(
                f"{self.path}: picture of {image.shape[1]}x{image.shape[0]} in a video of {self.size}"
            )
        if self.codec != "h264":
            self._opencv.write(image)
            return
        import av

        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format="bgr24")
        self._container.mux(self._video.encode(frame))

    def write_sound(self, samples: np.ndarray) -> None:
        """Append sound: float (frames, channels); channels are mixed to one. Dropped without H.264."""
        if self._audio is None:
            return
        import av

        mono = np.asarray(samples, np.float32).mean(axis=1, dtype=np.float32)
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(mono[None]), format="fltp", layout="mono")
        frame.sample_rate = self._audio.sample_rate
        frame.pts = self._sound_written
        self._sound_written += len(mono)
        self._container.mux(self._audio.encode(frame))

    def close(self) -> None:
        """Flush and finish the file."""
        if self.codec != "h264":
            self._opencv.release()
            return
        for stream in filter(None, (self._video, self._audio)):
            self._container.mux(stream.encode(None))
        self._container.close()

    def __enter__(self) -> VideoWriter:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _open_av(self, sample_rate_hz: int | None, quality: int) -> None:
        import av

        self._container = av.open(str(self.path), "w")
        self._video: Any = self._container.add_stream(
            "libx264", rate=Fraction(self.fps).limit_denominator(1001)
        )
        self._video.width, self._video.height = self.size
        # 4:2:0 halves both directions, so odd sizes need full colour resolution
        self._video.pix_fmt = "yuv444p" if self.size[0] % 2 or self.size[1] % 2 else "yuv420p"
        self._video.options = {"crf": str(quality), "preset": "veryfast"}
        self._sound_written = 0
        if sample_rate_hz is not None:
            self._audio = self._container.add_stream("aac", rate=sample_rate_hz, layout="mono")


def _has_av() -> bool:
    return find_spec("av") is not None


def _has_h264() -> bool:
    if not _has_av():
        return False
    import av

    return "libx264" in av.codecs_available


def _existing(path: str | Path) -> Path:
    if not Path(path).is_file():
        raise InputError(f"no video file at {path}")
    return Path(path)


def _open_av(path: Path) -> Any:
    import av

    try:
        return av.open(str(path))
    except (av.error.FFmpegError, OSError) as error:
        raise InputError(f"{path} is not a video file that can be read: {error}") from error


def _video_stream(container: Any, path: Path) -> Any:
    if not container.streams.video:
        raise InputError(f"{path} has no pictures")
    stream = container.streams.video[0]
    stream.thread_type = "AUTO"
    return stream


def _info_by_opencv(path: Path) -> VideoFileInfo:
    capture = _open_opencv(path)
    numbers = [capture.get(key) for key in (cv2.CAP_PROP_FRAME_WIDTH, cv2.CAP_PROP_FRAME_HEIGHT)]
    fps, frames = capture.get(cv2.CAP_PROP_FPS), capture.get(cv2.CAP_PROP_FRAME_COUNT)
    capture.release()
    return VideoFileInfo(int(numbers[0]), int(numbers[1]), float(fps), max(0, int(frames)))


def _images_by_opencv(path: Path) -> Iterator[np.ndarray]:
    capture = _open_opencv(path)
    try:
        while True:
            there, image = capture.read()
            if not there:
                return
            yield image
    finally:
        capture.release()


def _open_opencv(path: Path) -> cv2.VideoCapture:
    capture = cv2.VideoCapture(str(path))
    if not capture.isOpened():
        raise InputError(
            f"OpenCV cannot read {path}; `pip install av` brings PyAV, which reads more"
        )
    return capture
