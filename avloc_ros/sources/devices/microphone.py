"""A live microphone array through PortAudio (package sounddevice)."""

from __future__ import annotations

import contextlib
import queue
import threading
import time
from collections.abc import Iterator
from typing import Any

import numpy as np

from avloc_ros.geometry import CameraModel
from avloc_ros.microphone_array import MicrophoneArray
from avloc_ros.types import AudioChunk, InputError

NS = 1_000_000_000
BLOCK_S = 0.02
QUEUED_BLOCKS = 250  # 5 s; a reader slower than that loses the oldest, which shows as a gap in the index
SILENCE_PATIENCE_S = 2.0  # without a block for so long the device is taken as gone
RETRY_S = 1.0


class MicrophoneSource:
    """Packets of a sound device, stamped with the system clock at the time PortAudio says they were sampled.

    device: number, part of the name, or empty for the default one. Without an array all channels are taken, with one its
    device_channels, else the first ones. Iterating
    starts the device; it is opened again where it disappears. Raises InputError, listing the devices.
    """

    def __init__(
        self,
        device: str | int = "",
        *,
        array: MicrophoneArray | None = None,
        sample_rate_hz: int | None = None,
        block_s: float = BLOCK_S,
    ) -> None:
        self._sounddevice = _sounddevice()
        self._device, found = find_device(self._sounddevice, device)
        self.name = str(found["name"])
        self.array = array
        self.camera: CameraModel | None = None
        there = int(found["max_input_channels"])
        self._chosen = list(array.device_channels) if array is not None else []
        self.channels = array.channels if array is not None else there
        self._opened_channels = max(self._chosen) + 1 if self._chosen else self.channels
        if self._opened_channels > there:
            raise InputError(
                f"'{self.name}' has {there} channels, the array '{array.name if array else ''}' "
                f"needs {self._opened_channels}; {_listed(self._sounddevice)}"
            )
        self.sample_rate_hz = int(sample_rate_hz or found["default_samplerate"])
        self.fps = 0.0
        self.duration_s: float | None = None
        self.problem = ""  # what is wrong at present, in words
        self.overflows = 0
        self._block_frames = round(block_s * self.sample_rate_hz)
        self._queue: queue.Queue[AudioChunk] = queue.Queue(QUEUED_BLOCKS)
        self._closed = threading.Event()
        self._next_index = 0
        self._next_adc_s: float | None = None  # stream time at which the next block should begin

    def __iter__(self) -> Iterator[AudioChunk]:
        while not self._closed.is_set():
            try:
                stream = self._open()
            except InputError:
                if not self._next_index:
                    raise  # it never worked: say so at once
                self._closed.wait(RETRY_S)
                self._look_again()
                continue
            with stream:
                yield from self._while_alive()

    def close(self) -> None:
        """Stop; iteration ends within a fraction of a second."""
        self._closed.set()

    def _while_alive(self) -> Iterator[AudioChunk]:
        last_s = time.monotonic()
        while not self._closed.is_set():
            try:
                chunk = self._queue.get(timeout=0.1)
            except queue.Empty:
                if time.monotonic() - last_s > SILENCE_PATIENCE_S:
                    self.problem = f"'{self.name}' gives no sound: is it still plugged in?"
                    return
                continue
            last_s, self.problem = time.monotonic(), ""
            yield chunk

    def _look_again(self) -> None:
        """PortAudio lists the devices once; only a restart of it sees one that was plugged in again."""
        self._sounddevice._terminate()
        self._sounddevice._initialize()
        try:
            self._device, _ = find_device(self._sounddevice, self.name)  # its number may have changed
        except InputError as error:
            self.problem = str(error)

    def _open(self) -> Any:
        self._next_adc_s = None
        try:
            return self._sounddevice.InputStream(
                device=self._device,
                channels=self._opened_channels,
                samplerate=self.sample_rate_hz,
                blocksize=self._block_frames,
                dtype="float32",
                callback=self._take,
            )
        except (self._sounddevice.PortAudioError, ValueError) as error:
            self.problem = f"'{self.name}' cannot be opened: {error}"
            raise InputError(
                f"{self.problem}; asked for {self._opened_channels} channels at {self.sample_rate_hz} Hz; "
                f"{_listed(self._sounddevice)}"
            ) from error

    def _take(self, samples: np.ndarray, frames: int, times: Any, status: Any) -> None:
        """PortAudio's callback, in its own thread: must neither block nor raise."""
        age_s = times.currentTime - times.inputBufferAdcTime
        if times.inputBufferAdcTime <= 0 or not 0 <= age_s < 10:
            age_s = frames / self.sample_rate_hz  # some drivers give no times: the block has just been filled
        stamp_ns = time.time_ns() - round(age_s * NS)
        if status and status.input_overflow:
            self.overflows += 1
            self._skip_lost(times.inputBufferAdcTime)
        self._next_adc_s = times.inputBufferAdcTime + frames / self.sample_rate_hz
        heard = samples[:, self._chosen] if self._chosen else samples.copy()  # copies: the driver uses its block again
        chunk = AudioChunk(stamp_ns, self._next_index, heard, self.sample_rate_hz)
        self._next_index += frames
        try:
            self._queue.put_nowait(chunk)
        except queue.Full:
            self.problem = "sound is read too slowly: packets are lost"
            with contextlib.suppress(queue.Empty):  # the reader may have been quicker
                self._queue.get_nowait()
            self._queue.put_nowait(chunk)

    def _skip_lost(self, adc_s: float) -> None:
        """After an overflow the index jumps by what PortAudio's clock says was lost."""
        if self._next_adc_s is not None and adc_s > self._next_adc_s:
            self._next_index += round((adc_s - self._next_adc_s) * self.sample_rate_hz)


def find_device(sounddevice: Any, device: str | int) -> tuple[int | None, Any]:
    """(index or None for the default, description) of an input device. Raises InputError, listing them."""
    try:
        number = int(device) if str(device).strip() else None
    except ValueError:
        wanted = str(device).lower()
        for number, found in enumerate(sounddevice.query_devices()):
            if wanted in str(found["name"]).lower() and found["max_input_channels"] > 0:
                return number, found
        raise InputError(f"no sound device is named '{device}'; {_listed(sounddevice)}") from None
    try:
        found = sounddevice.query_devices(number, "input")
    except (sounddevice.PortAudioError, ValueError) as error:
        which = "default sound device" if number is None else f"sound device {number}"
        raise InputError(f"there is no {which} that records: {error}; {_listed(sounddevice)}") from error
    return number, found


def _listed(sounddevice: Any) -> str:
    inputs = [
        f"{number}: {found['name']} ({found['max_input_channels']} channels)"
        for number, found in enumerate(sounddevice.query_devices())
        if found["max_input_channels"] > 0
    ]
    return f"devices that record: {'; '.join(inputs)}" if inputs else "no device here records sound"


def _sounddevice() -> Any:
    try:
        import sounddevice
    except ImportError as error:
        raise InputError(
            f"a live microphone needs sounddevice: pip install sounddevice ({error})"
        ) from error
    except OSError as error:  # the package is there, the C library is not
        raise InputError(f"sounddevice needs PortAudio: sudo apt install libportaudio2 ({error})") from error
    return sounddevice
