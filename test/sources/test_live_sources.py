"""Live devices, with stand-ins for PortAudio and the camera driver, since a test machine has neither."""

from __future__ import annotations

import sys
import threading
import time
from types import SimpleNamespace
from typing import ClassVar

import cv2
import numpy as np
import pytest

from avloc_ros.geometry import CameraModel
from avloc_ros.microphone_array import MicrophoneArray
from avloc_ros.sources.devices import camera as camera_module
from avloc_ros.sources.devices.live import open_live, parse_devices
from avloc_ros.sources.open_source import open_source
from avloc_ros.sources.stream import Source
from avloc_ros.types import AudioChunk, InputError, VideoFrame

NS = 1_000_000_000
DEVICES = [
    {"name": "Loudspeaker", "max_input_channels": 0, "default_samplerate": 48000.0},
    {"name": "ReSpeaker 4 Mic Array", "max_input_channels": 6, "default_samplerate": 16000.0},
]


class FakeSound:
    """What we use of the module sounddevice; a thread calls back as PortAudio does."""

    class PortAudioError(Exception):
        pass

    def __init__(self, late_s: float = 0.05, overflow_at: int = -1, adc_clock: bool = True) -> None:
        self.late_s, self.overflow_at, self.adc_clock = late_s, overflow_at, adc_clock
        self.fails = False
        self.restarts = 0
        self.opened: list[dict] = []

    def _terminate(self):
        self.restarts += 1

    def _initialize(self):
        self.fails = False

    def query_devices(self, number=None, kind=None):
        if kind is None:
            return DEVICES
        if number is not None and not 0 <= number < len(DEVICES):
            raise ValueError(f"no device {number}")
        found = DEVICES[1 if number is None else number]
        if not found["max_input_channels"]:
            raise ValueError("not an input device")
        return found

    def InputStream(self, **options):  # noqa: N802, the name is sounddevice's
        if self.fails:
            raise self.PortAudioError("Device unavailable")
        self.opened.append(options)
        return FakeStream(self, options)


class FakeStream:
    def __init__(self, sound: FakeSound, options: dict) -> None:
        self.sound, self.options = sound, options
        self.stop = threading.Event()

    def __enter__(self):
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stop.set()
        self.thread.join()

    def run(self):
        frames, rate = self.options["blocksize"], self.options["samplerate"]
        block = np.zeros((frames, self.options["channels"]), np.float32)
        shift = 0.0
        for number in range(60):
            if self.stop.is_set():
                return
            adc = 100.0 + number * frames / rate + shift
            overflow = number == self.sound.overflow_at
            if overflow:
                shift, adc = 0.1, adc + 0.1  # 100 ms were lost
            block[:] = number + np.arange(block.shape[1]) / 10
            times = SimpleNamespace(inputBufferAdcTime=adc, currentTime=adc + self.sound.late_s)
            if not self.sound.adc_clock:
                times = SimpleNamespace(inputBufferAdcTime=0.0, currentTime=0.0)
            self.options["callback"](
                block, frames, times, SimpleNamespace(input_overflow=True) if overflow else None
            )


@pytest.fixture
def sound(monkeypatch):
    fake = FakeSound()
    monkeypatch.setitem(sys.modules, "sounddevice", fake)
    return fake


def take(source, count):
    found = []
    for item in source:
        found.append(item)
        if len(found) == count:
            break
    source.close()
    return found


def test_packets_carry_the_time_of_sampling(sound):
    source = open_source("live:audio=respeaker,camera=none")
    assert isinstance(source, Source)
    assert (source.sample_rate_hz, source.channels, source.name) == (16000, 6, "ReSpeaker 4 Mic Array")
    before = time.time_ns()
    chunks = take(source, 20)
    assert sound.opened[0]["device"] == 1
    assert [c.first_sample_index for c in chunks] == [320 * k for k in range(20)]
    assert [c.samples[0, 0] for c in chunks] == list(range(20))  # copies: the driver uses its block again
    # the callback came 50 ms after sampling
    assert -0.055 * NS < chunks[0].stamp_ns - before < 5 * NS


def test_the_array_says_which_channels_of_the_device_are_microphones(sound):
    positions = np.array([[0.0, 0, 0], [0.1, 0, 0], [0, 0.1, 0], [0, 0, 0.1]])
    array = MicrophoneArray(positions, device_channels=(1, 2, 3, 4))
    source = open_source("live:audio=respeaker,camera=none", array=array)
    chunk = take(source, 1)[0]
    assert sound.opened[0]["channels"] == 5
    np.testing.assert_allclose(chunk.samples[0], [0.1, 0.2, 0.3, 0.4])


def test_without_driver_times_the_block_has_just_been_filled(monkeypatch):
    monkeypatch.setitem(sys.modules, "sounddevice", FakeSound(adc_clock=False))
    before = time.time_ns()
    (chunk,) = take(open_source("live:audio=,camera=none"), 1)
    assert -0.021 * NS < chunk.stamp_ns - before < 5 * NS


def test_an_overflow_shows_as_a_gap(monkeypatch):
    monkeypatch.setitem(sys.modules, "sounddevice", FakeSound(overflow_at=5))
    source = open_source("live:audio=1,camera=none")
    indices = [chunk.first_sample_index for chunk in take(source, 8)]
    assert np.diff(indices).tolist() == [320, 320, 320, 320, 1920, 320, 320]  # 100 ms are 1600 samples
    assert source.overflows == 1


@pytest.mark.parametrize(
    ("device", "words"),
    [
        (
            "nobody",
            r"no sound device is named 'nobody'; devices that record: 1: ReSpeaker 4 Mic Array \(6 channels\)",
        ),
        ("0", "no sound device 0 that records"),
        ("7", "no sound device 7 that records"),
    ],
)
def test_a_missing_device_is_named_with_the_list(sound, device, words):
    with pytest.raises(InputError, match=words):
        open_live(f"audio={device},camera=none")


def test_an_array_larger_than_the_device_and_one_that_will_not_open(sound):
    large = MicrophoneArray(np.random.default_rng(0).normal(size=(8, 3)) * 0.1, name="eight")
    with pytest.raises(InputError, match=r"6 channels, the array 'eight' needs 8"):
        open_live("audio=,camera=none", array=large)
    sound.fails = True
    with pytest.raises(InputError, match="Device unavailable; asked for 6 channels at 16000 Hz"):
        list(open_live("audio=,camera=none"))


def test_a_device_that_is_pulled_out_and_put_in_again(sound, monkeypatch):
    from avloc_ros.sources.devices import microphone

    monkeypatch.setattr(microphone, "SILENCE_PATIENCE_S", 0.5)
    monkeypatch.setattr(microphone, "RETRY_S", 0.01)
    source = open_live("audio=respeaker,camera=none")
    indices = []
    for chunk in source:
        indices.append(chunk.first_sample_index)
        if len(indices) == 60:  # the stand-in gives no more; the next attempt to open it fails as well
            sound.fails = True
        if len(indices) == 70:
            break
    source.close()
    assert indices == [320 * number for number in range(70)]
    assert sound.restarts == 1
    assert len(sound.opened) == 2


def test_missing_packages_are_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "sounddevice", None)
    with pytest.raises(InputError, match="sounddevice"):
        open_live("audio=,camera=none")


class FakeCamera:
    """cv2.VideoCapture that fails now and then."""

    pictures: ClassVar[list[bool]] = []
    made = 0

    def __init__(self, device):
        type(self).made += 1
        self.device = device

    def isOpened(self):  # noqa: N802, the name is OpenCV's
        return self.device != 9

    def set(self, *_):
        return True

    def get(self, key):
        return {cv2.CAP_PROP_FRAME_WIDTH: 64.0, cv2.CAP_PROP_FRAME_HEIGHT: 48.0, cv2.CAP_PROP_FPS: 30.0}.get(
            key, 0.0
        )

    def grab(self):
        time.sleep(0.001)
        return self.pictures.pop(0) if self.pictures else True

    def retrieve(self):
        return True, np.zeros((48, 64, 3), np.uint8)

    def release(self):
        pass


@pytest.fixture
def fake_camera(monkeypatch):
    monkeypatch.setattr(camera_module.cv2, "VideoCapture", FakeCamera)
    monkeypatch.setattr(camera_module, "RETRY_S", 0.01)
    FakeCamera.made, FakeCamera.pictures = 0, []
    return FakeCamera


def test_a_camera_that_disappears_is_opened_again(fake_camera):
    fake_camera.pictures = [True, True, False, False, True]
    source = open_live("audio=none,camera=0", camera=CameraModel(128, 96, 100.0, 100.0, 64.0, 48.0))
    assert source.fps == 30.0
    assert (source.camera.width, source.camera.fx) == (64, 50.0)  # calibration at another size
    frames = take(source, 5)
    stamps = [frame.stamp_ns for frame in frames]
    assert stamps == sorted(stamps)
    assert abs(stamps[-1] - time.time_ns()) < 5 * NS
    assert source.reconnections == 2
    assert fake_camera.made == 3


def test_a_missing_camera_is_named(fake_camera):
    with pytest.raises(InputError, match="camera 9 cannot be opened"):
        open_live("audio=none,camera=9")


def test_both_devices_make_one_stream(sound, fake_camera):
    source = open_live("audio=,camera=0")
    assert isinstance(source, Source)
    items = take(source, 80)  # the fake device gives its 60 packets at once
    assert {type(item) for item in items} == {AudioChunk, VideoFrame}
    assert (source.sample_rate_hz, source.fps) == (16000, 30.0)


def test_an_error_in_one_device_ends_the_stream_with_it(sound, fake_camera):
    source = open_live("audio=,camera=0")
    sound.fails = True
    with pytest.raises(InputError, match="Device unavailable"):
        list(source)


@pytest.mark.parametrize(
    ("text", "devices"),
    [
        ("", ("", "0")),
        ("audio=hw:1,0,camera=2", ("hw:1,0", "2")),
        ("camera=rtsp://host/a,b", ("", "rtsp://host/a,b")),
        ("audio=none,camera=/dev/video1", ("none", "/dev/video1")),
    ],
)
def test_device_names(text, devices):
    assert parse_devices(text) == devices


def test_odd_device_names_are_refused():
    with pytest.raises(InputError, match="live takes audio=NAME"):
        open_source("live:microphone=3")
    with pytest.raises(InputError, match="neither audio nor camera"):
        open_source("live:audio=none,camera=none")
