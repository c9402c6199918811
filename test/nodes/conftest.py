"""Running nodes for the tests: a pipeline in this process, over DDS, and a talker that feeds it, with faults on demand."""

from __future__ import annotations

import os
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
import rclpy
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from rclpy.context import Context
from rclpy.node import Node
from rclpy.signals import SignalHandlerOptions
from sensor_msgs.msg import CameraInfo, Image

from avloc_ros.geometry import CameraModel, angles_from_direction
from avloc_ros.microphone_array import MicrophoneArray
from avloc_ros.msg import AudioFrame, MicrophoneArray as MicrophoneArrayMessage, SpeakerArray, SpeakerGrid
from avloc_ros.nodes.base.compose import make_executor, make_node, shut_down
from avloc_ros.nodes.messages.conversions import (
    array_to_message,
    audio_to_message,
    camera_to_message,
    image_to_message,
    stamp_ns,
)
from avloc_ros.nodes.messages.quality_of_service import (
    audio_quality,
    image_quality,
    latched_quality,
    result_quality,
)
from avloc_ros.types import AudioChunk, VideoFrame

os.environ.setdefault("ROS_AUTOMATIC_DISCOVERY_RANGE", "LOCALHOST")
RATE_HZ, FPS, CHUNKS_PER_FRAME = 16000, 12.5, 4  # half the usual frame rate: tests run beside others
FRAME_S = 1 / FPS
WIDTH, HEIGHT = 320, 200
FACE_PIXEL = (220.0, 100.0)
# Everything waits shorter than in real life, so that a test takes seconds.
FAST = {
    "/**": {"diagnostics_period_s": 0.1, "stale_after_s": 0.4, "startup_s": 0.4, "camera.mount_from": "parameters"},
    "audio_tracker": {"sync.camera_timeout_s": 0.3, "tracker": "srp"},  # the sound is made of pulses, no words
    "visual_detector": {
        "faces.small_faces": "off", "faces.precision": "fp32", "faces.width": 192, "faces.height": 128, "device": "cpu",
    },
    "fusion": {"max_wait_s": 0.15, "kind": "flat"},
    # Pulses are never surely a voice: without a camera they start a track only where less is asked of the first sound.
    "speaker_tracker": {"max_wait_s": 0.3, "tracker.audio.inside_picture": "sphere", "tracker.life.birth_outside": 0.02},
}  # fmt: skip


def array_of_four() -> MicrophoneArray:
    """A square of four microphones, 10 cm wide."""
    return MicrophoneArray(np.array([[0.05, 0.05, 0], [-0.05, 0.05, 0], [-0.05, -0.05, 0], [0.05, -0.05, 0]]), name="square")


def camera_ahead() -> CameraModel:
    """A camera in the array's origin that looks along x."""
    return CameraModel(WIDTH, HEIGHT, 270.0, 270.0, WIDTH / 2, HEIGHT / 2)


@pytest.fixture(scope="session")
def talker_sound() -> np.ndarray:
    """8 s of a buzz with the rhythm of speech from the direction of FACE_PIXEL: float32 (samples, 4)."""
    count = 8 * RATE_HZ
    time_s = np.arange(count) / RATE_HZ
    generator = np.random.default_rng(7)
    phase = 2 * np.pi * np.cumsum(140 + 25 * np.sin(2 * np.pi * 1.3 * time_s)) / RATE_HZ
    voice = sum(np.cos(number * phase) / np.sqrt(number) for number in range(1, 40))
    rhythm = (np.sin(2 * np.pi * 2.1 * time_s) > -0.6) * (0.4 + 0.6 * np.sin(2 * np.pi * 4.2 * time_s) ** 2)
    sound = np.asarray(voice) * rhythm + 0.1 * generator.normal(size=count) * rhythm
    direction = camera_ahead().rays(np.array(FACE_PIXEL))
    delays_s = -(array_of_four().positions_m @ direction) / 343.0  # plane wave
    spectrum, frequency = np.fft.rfft(sound), np.fft.rfftfreq(count, 1 / RATE_HZ)
    channels = np.stack([np.fft.irfft(spectrum * np.exp(-2j * np.pi * frequency * d), count) for d in delays_s], axis=1)
    channels += 0.01 * generator.normal(size=channels.shape)
    return (0.3 * channels / np.abs(channels).max()).astype(np.float32)


@pytest.fixture(scope="session")
def talker_picture() -> np.ndarray:
    """A face (public domain, in scikit-image) at FACE_PIXEL: uint8 (HEIGHT, WIDTH, 3) BGR."""
    data = pytest.importorskip("skimage.data", reason="needs scikit-image for a photograph of a face")
    cv2 = pytest.importorskip("cv2")
    face = cv2.resize(data.astronaut()[20:200, 150:300, ::-1], (75, 90))
    picture = np.full((HEIGHT, WIDTH, 3), 96, np.uint8)
    left, top = int(FACE_PIXEL[0]) - 37, int(FACE_PIXEL[1]) - 45
    picture[top : top + 90, left : left + 75] = face
    return picture


@dataclass
class Faults:
    """What goes wrong with what the talker sends; hooks see the message before it goes, None drops it."""

    on_audio: Callable[[AudioFrame, int], AudioFrame | None] = lambda message, number: message
    on_image: Callable[[Image, int], Image | None] = lambda message, number: message
    audio: bool = True
    camera: bool = True
    stamp_shift_ns: int = 0


@dataclass
class Seen:
    """What came out, in the order of arrival."""

    speakers: list[SpeakerArray] = field(default_factory=list)
    grids: list[SpeakerGrid] = field(default_factory=list)
    words: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    values: dict[str, dict[str, str]] = field(default_factory=dict)
    complaints: dict[str, str] = field(default_factory=dict)  # the newest word of each node that is not OK now

    def clear(self) -> None:
        self.speakers.clear()
        self.grids.clear()
        self.words.clear()

    def said(self, node: str, text: str) -> bool:
        return any(text in words for words in self.words[node])

    def has_speaker(self) -> bool:
        return bool(self.speakers) and bool(self.speakers[-1].speakers)

    def modalities(self) -> list[int]:
        return [grid.modality for grid in self.grids]

    def stamps_ns(self) -> list[int]:
        return [stamp_ns(message.header.stamp) for message in self.speakers]

    def azimuths_deg(self) -> list[float]:
        directions = [s.direction for message in self.speakers for s in message.speakers]
        return [float(np.degrees(angles_from_direction(np.array([d.x, d.y, d.z]))[0])) for d in directions]


class Rig:
    """Nodes on an executor thread, a talker that feeds them in real time, and ears for what they publish."""

    def __init__(self, sound: np.ndarray, picture: np.ndarray) -> None:
        self.context = Context()
        rclpy.init(context=self.context, signal_handler_options=SignalHandlerOptions.NO)
        self.executor = make_executor(self.context)
        self.nodes: list[Any] = []
        self.sound, self.picture = sound, picture
        self.seen = Seen()
        self.node = Node("talker", context=self.context)
        self._audio = self.node.create_publisher(AudioFrame, "audio", audio_quality("reliable"))
        self._image = self.node.create_publisher(Image, "image", image_quality("reliable"))
        self._info = self.node.create_publisher(CameraInfo, "camera_info", image_quality("reliable"))
        self._array = self.node.create_publisher(MicrophoneArrayMessage, "microphone_array", latched_quality())
        self.node.create_subscription(SpeakerArray, "speakers", self.seen.speakers.append, result_quality())
        self.node.create_subscription(SpeakerGrid, "speaker_grid", self.seen.grids.append, result_quality())
        self.node.create_subscription(DiagnosticArray, "/diagnostics", self._on_diagnostics, 50)
        self.executor.add_node(self.node)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._spin, daemon=True)
        self._thread.start()
        self.frame = 0
        self.start_ns = time.time_ns()

    def add(
        self, *node_classes: type[Any], parameters: dict[str, dict[str, Any]] | None = None, waits: bool = True
    ) -> list[Any]:
        merged = {name: {**FAST.get(name, {}), **(parameters or {}).get(name, {})} for name in {*FAST, *(parameters or {})}}
        new = [make_node(node_class, self.context, merged) for node_class in node_classes]
        for node in new:
            self.executor.add_node(node)
        self.nodes += new
        is_active = lambda: all(node._state_machine.current_state[1] == "active" for node in new)  # noqa: E731 - and done with it
        assert not waits or self.wait(is_active, 15), "nodes do not become active"
        return new

    def tell_array(self, array: MicrophoneArray | None = None) -> None:
        self._array.publish(array_to_message(array or array_of_four()))

    def talk(self, seconds: float, faults: Faults | None = None) -> None:
        """Feed in real time; stamps go on where they stopped, so that a pause of the streams is a pause in time."""
        faults = faults or Faults()
        begin_s, begin_frame = time.monotonic(), self.frame
        if begin_frame == 0:
            self.start_ns = time.time_ns()
        for _ in range(round(seconds * FPS)):
            self._send_frame(self.frame, faults)
            self.frame += 1
            due_s = begin_s + (self.frame - begin_frame) * FRAME_S
            time.sleep(max(0.0, due_s - time.monotonic()))

    def wait(self, is_so: Callable[[], bool], timeout_s: float = 5.0) -> bool:
        end = time.monotonic() + timeout_s
        while time.monotonic() < end:
            if is_so():
                return True
            time.sleep(0.02)
        return is_so()

    def talk_until(self, is_so: Callable[[], bool], timeout_s: float = 8.0, faults: Faults | None = None) -> bool:
        end = time.monotonic() + timeout_s
        while time.monotonic() < end and not is_so():
            self.talk(0.2, faults)
        return is_so()

    def close(self) -> None:
        self._stop.set()
        self._thread.join(5)
        shut_down([*self.nodes, self.node], self.executor, self.context)

    def _send_frame(self, number: int, faults: Faults) -> None:
        stamp = self.start_ns + round(number * FRAME_S * 1e9) + faults.stamp_shift_ns
        if faults.camera:
            image = faults.on_image(image_to_message(VideoFrame(stamp, self._live_picture(number))), number)
            if image is not None:
                camera = camera_ahead().scaled_to(max(image.width, 1), max(image.height, 1))
                self._info.publish(camera_to_message(camera, stamp_ns(image.header.stamp)))
                self._image.publish(image)
        size = round(RATE_HZ / FPS) // CHUNKS_PER_FRAME
        for part in range(CHUNKS_PER_FRAME if faults.audio else 0):
            first = (number * CHUNKS_PER_FRAME + part) * size
            samples = np.take(self.sound, np.arange(first, first + size), axis=0, mode="wrap")
            chunk = AudioChunk(stamp + round(part * size / RATE_HZ * 1e9), first, samples, RATE_HZ)
            message = faults.on_audio(audio_to_message(chunk, "F32LE"), number * CHUNKS_PER_FRAME + part)
            if message is not None:
                self._audio.publish(message)

    def _live_picture(self, number: int) -> np.ndarray:
        picture = self.picture.copy()
        picture[:8] = number % 256  # a camera is never quite still
        return picture

    def _on_diagnostics(self, message: DiagnosticArray) -> None:
        for status in message.status:
            self.seen.words[status.name].append(status.message)
            self.seen.values[status.name] = {pair.key: pair.value for pair in status.values}
            self.seen.complaints.pop(status.name, None)
            if status.level != DiagnosticStatus.OK:
                self.seen.complaints[status.name] = status.message

    def _spin(self) -> None:
        while not self._stop.is_set():
            self.executor.spin_once(timeout_sec=0.02)


@pytest.fixture
def rig(talker_sound: np.ndarray, talker_picture: np.ndarray) -> Iterator[Rig]:
    made = Rig(talker_sound, talker_picture)
    yield made
    made.close()


@pytest.fixture
def pipeline(rig: Rig) -> Rig:
    """The four nodes, fed until fused speakers come, with nothing noted yet."""
    from avloc_ros.nodes.audio_tracker import AudioTrackerNode
    from avloc_ros.nodes.fusion import FusionNode
    from avloc_ros.nodes.speaker_tracker import SpeakerTrackerNode
    from avloc_ros.nodes.visual_detector import VisualDetectorNode

    rig.add(AudioTrackerNode, VisualDetectorNode, FusionNode, SpeakerTrackerNode)
    rig.tell_array()
    ready = rig.talk_until(lambda: rig.seen.has_speaker() and rig.seen.modalities()[-1:] == [2])
    assert ready, f"no speakers in undisturbed running: { {node: words[-1] for node, words in rig.seen.words.items()} }"
    rig.seen.clear()
    return rig


@pytest.fixture
def faults() -> type[Faults]:
    return Faults
