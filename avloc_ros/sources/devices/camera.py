"""A live camera through OpenCV."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any

import cv2

from avloc_ros.geometry import CameraModel
from avloc_ros.microphone_array import MicrophoneArray
from avloc_ros.types import InputError, VideoFrame

RETRY_S = 1.0
DEFAULT_FPS = 25.0  # where the driver does not say


class CameraSource:
    """Pictures of a camera, stamped with the system clock at the moment they are grabbed.

    device: number, device path or URL. size: (width, height) to ask the driver for. A camera that disappears is
    opened again. Raises InputError where it is not there at first.
    """

    def __init__(
        self,
        device: str | int = 0,
        *,
        camera: CameraModel | None = None,
        size: tuple[int, int] | None = None,
        fps: float | None = None,
    ) -> None:
        self.device: str | int = int(device) if str(device).isdigit() else str(device)
        self._size, self._fps = size, fps
        self._closed = threading.Event()
        self.problem = ""  # what is wrong at present, in words
        self.reconnections = 0
        self._capture: Any = self._open()
        if self._capture is None:
            raise InputError(f"{self.problem}; `avloc doctor` lists the cameras")
        width, height = (
            int(self._capture.get(key)) for key in (cv2.CAP_PROP_FRAME_WIDTH, cv2.CAP_PROP_FRAME_HEIGHT)
        )
        self.camera = camera.scaled_to(width, height) if camera is not None and width and height else camera
        self.fps = float(self._capture.get(cv2.CAP_PROP_FPS)) or fps or DEFAULT_FPS
        self.name = f"camera {device}"
        self.array: MicrophoneArray | None = None
        self.sample_rate_hz = 0
        self.duration_s: float | None = None

    def __iter__(self) -> Iterator[VideoFrame]:
        while not self._closed.is_set():
            if self._capture is None:
                self._capture = self._open()
            # grab() returns when the picture has been exposed and sent; decoding comes after the stamp
            if self._capture is None or not self._capture.grab():
                self._lose()
                self._closed.wait(RETRY_S)
                continue
            stamp_ns = time.time_ns()
            decoded, image = self._capture.retrieve()
            if decoded:
                self.problem = ""
                yield VideoFrame(stamp_ns, image)
        self._release()

    def close(self) -> None:
        """Stop; iteration ends with the next picture."""
        self._closed.set()

    def _open(self) -> Any:
        capture = cv2.VideoCapture(self.device)
        if not capture.isOpened():
            capture.release()
            self.problem = f"camera {self.device} cannot be opened"
            return None
        capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)  # a queue in the driver would make stamps late
        if self._size is not None:
            capture.set(cv2.CAP_PROP_FRAME_WIDTH, self._size[0])
            capture.set(cv2.CAP_PROP_FRAME_HEIGHT, self._size[1])
        if self._fps is not None:
            capture.set(cv2.CAP_PROP_FPS, self._fps)
        return capture

    def _lose(self) -> None:
        if self._capture is not None:
            self.reconnections += 1
            self.problem = f"camera {self.device} gives no pictures: trying to open it again"
        self._release()

    def _release(self) -> None:
        if self._capture is not None:
            self._capture.release()
            self._capture = None
