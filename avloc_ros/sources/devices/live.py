"""Microphone array and camera of this machine as one stream; both stamp with the system clock."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator

from avloc_ros.geometry import CameraModel
from avloc_ros.microphone_array import MicrophoneArray
from avloc_ros.sources.devices.camera import CameraSource
from avloc_ros.sources.devices.microphone import MicrophoneSource
from avloc_ros.sources.stream import Source
from avloc_ros.types import AudioChunk, InputError, VideoFrame

NONE = "none"
QUEUED = 500


class LiveSource:
    """Several live sources at once, each in a thread of its own; items come as they arrive, nearly in stamp order.

    An error in one of them ends the iteration with that error.
    """

    def __init__(self, microphone: Source | None, camera: Source | None) -> None:
        self._sources = [source for source in (microphone, camera) if source is not None]
        if not self._sources:
            raise InputError("live needs a microphone or a camera: 'live:audio=NAME,camera=0'")
        self.array: MicrophoneArray | None = microphone.array if microphone else None
        self.camera: CameraModel | None = camera.camera if camera else None
        self.sample_rate_hz = microphone.sample_rate_hz if microphone else 0
        self.fps = camera.fps if camera else 0.0
        self.duration_s: float | None = None
        self.name = " and ".join(source.name for source in self._sources)
        self._queue: queue.Queue[AudioChunk | VideoFrame | Exception | None] = queue.Queue(QUEUED)
        self._closed = threading.Event()

    def __iter__(self) -> Iterator[AudioChunk | VideoFrame]:
        threads = [
            threading.Thread(target=self._run, args=(source,), name=source.name, daemon=True)
            for source in self._sources
        ]
        for thread in threads:
            thread.start()
        running = len(threads)
        while running and not self._closed.is_set():
            try:
                item = self._queue.get(timeout=0.1)
            except queue.Empty:
                continue
            if item is None:
                running -= 1
            elif isinstance(item, Exception):
                self.close()
                raise item
            else:
                yield item

    def close(self) -> None:
        """Stop all devices."""
        self._closed.set()
        for source in self._sources:
            source.close()

    def _run(self, source: Source) -> None:
        end: Exception | None = None
        try:
            for item in source:
                if self._closed.is_set():
                    break
                self._offer(item)
        except Exception as error:  # handed to the thread that iterates
            end = error
        self._offer(end)

    def _offer(self, item: AudioChunk | VideoFrame | Exception | None) -> None:
        while not self._closed.is_set():
            try:
                self._queue.put(item, timeout=0.1)
                return
            except queue.Full:
                continue


def open_live(
    devices: str = "", array: MicrophoneArray | None = None, camera: CameraModel | None = None
) -> Source:
    """`audio=NAME,camera=0`: either may be left out (its default) or be `none`. A camera URL may hold commas."""
    audio_device, camera_device = parse_devices(devices)
    if audio_device == NONE and camera_device == NONE:
        raise InputError("live with neither audio nor camera: 'live:audio=NAME,camera=0'")
    microphone = MicrophoneSource(audio_device, array=array) if audio_device != NONE else None
    pictures = CameraSource(camera_device, camera=camera) if camera_device != NONE else None
    if microphone is not None and pictures is None:
        return microphone
    if pictures is not None and microphone is None:
        return pictures
    return LiveSource(microphone, pictures)


def parse_devices(devices: str) -> tuple[str, str]:
    """(sound device, camera) of `audio=NAME,camera=0`. Raises InputError on anything else."""
    sound, camera, rest = "", "0", devices
    if "camera=" in rest:
        rest, camera = rest.split("camera=", 1)
        rest = rest.rstrip(",")
    if rest:
        if not rest.startswith("audio="):
            raise InputError(f"'{devices}': live takes audio=NAME and camera=NUMBER, in this order")
        sound = rest[len("audio=") :]
    return sound.strip(), camera.strip() or "0"
