"""Short scenes for the launch files to play, and the way to their folder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from scipy.signal import resample_poly

from avloc_ros.config import shipped_folder
from avloc_ros.geometry import CameraModel, angles_from_direction
from avloc_ros.microphone_array import MicrophoneArray
from avloc_ros.sources.scene import write_scene

RATE_HZ, DURATION_S, FPS = 16000, 8.0, 25.0
COUNT = int(RATE_HZ * DURATION_S)


@pytest.fixture(scope="session")
def launch_folder() -> Path:
    return shipped_folder() / "launch"


@pytest.fixture(scope="session")
def buzzing_scene(tmp_path_factory) -> tuple[Path, float]:
    """A scene folder whose only talker, a buzz with the rhythm of speech, is heard; and its azimuth in degrees."""
    array = MicrophoneArray(np.array([[0.05, 0.05, 0], [-0.05, 0.05, 0], [-0.05, -0.05, 0], [0.05, -0.05, 0]]))
    time_s = np.arange(COUNT) / RATE_HZ
    phase = 2 * np.pi * np.cumsum(140 + 25 * np.sin(2 * np.pi * 1.3 * time_s)) / RATE_HZ
    voice = sum(np.cos(number * phase) / np.sqrt(number) for number in range(1, 40))
    sound = voice * (np.sin(2 * np.pi * 2.1 * time_s) > -0.6)
    camera = CameraModel(320, 200, 270.0, 270.0, 160.0, 100.0)
    picture = np.full((200, 320, 3), 90, np.uint8)
    direction = np.array([1.0, 0.4, 0.0]) / np.hypot(1.0, 0.4)
    return played(tmp_path_factory.mktemp("scenes") / "buzz", array, camera, sound, direction, picture)


@pytest.fixture(scope="session")
def spoken_scene(tmp_path_factory) -> tuple[Path, float]:
    """A scene folder with words that come from where a face is seen; and the azimuth in degrees."""
    photographs = pytest.importorskip("skimage.data", reason="the photograph of a face comes with scikit-image")
    pytest.importorskip("espeakng_loader", reason="the voice comes with espeakng-loader")
    from avloc_ros.simulation.sound.espeak import SyntheticVoice, speak

    text = "good evening, could you bring me some water please, and tell me where my newspaper and my shoes are"
    words, own_rate = speak(text, SyntheticVoice("en-us+m4", 44, 150))
    sound = np.resize(resample_poly(words, RATE_HZ // 50, own_rate // 50), COUNT)
    array = MicrophoneArray.load(shipped_folder() / "config" / "arrays" / "head_6mic.yaml")
    camera = CameraModel(720, 450, 318.5, 268.1, 360.0, 225.0)
    picture = np.full((450, 720, 3), 120, np.uint8)
    picture[90:390, 380:660] = photographs.astronaut()[:, :, ::-1][0:300, 90:370]
    mouth = camera.rays(np.array([497.0, 225.0]))
    return played(tmp_path_factory.mktemp("scenes") / "words", array, camera, sound, mouth, picture)


def played(
    folder: Path, array: MicrophoneArray, camera: CameraModel, sound: np.ndarray, direction: np.ndarray, picture: np.ndarray
) -> tuple[Path, float]:
    """The folder, written with `sound` (COUNT,) as a plane wave from `direction` (3,), and its azimuth in degrees."""
    spectrum, frequency = np.fft.rfft(sound), np.fft.rfftfreq(COUNT, 1 / RATE_HZ)
    early_s = array.positions_m @ direction / 343.0
    channels = np.stack([np.fft.irfft(spectrum * np.exp(2j * np.pi * frequency * s), COUNT) for s in early_s], axis=1)
    channels += 0.003 * np.abs(channels).max() * np.random.default_rng(1).normal(size=channels.shape)
    write_scene(
        folder, array=array, camera=camera, audio=0.3 * channels / np.abs(channels).max(), sample_rate_hz=RATE_HZ,
        images=alive(picture), fps=FPS,
    )  # fmt: skip
    return folder, float(np.degrees(angles_from_direction(direction)[0]))


def alive(picture: np.ndarray) -> Iterator[np.ndarray]:
    """The picture as a camera shows it, never quite still."""
    for number in range(int(DURATION_S * FPS)):
        shown = picture.copy()
        shown[:8] += np.uint8(number % 8)
        yield shown


@pytest.fixture
def ears():
    """Collects messages of a topic in this process until there are enough: ears(type, topic, is_enough, timeout_s).

    beside: they count from when so many others listen to the topic as well.
    """
    import time

    import rclpy

    rclpy.init()
    node = rclpy.create_node("ears")

    def listen(message_type, topic, is_enough, timeout_s=60.0, beside=0) -> list:
        end = time.monotonic() + timeout_s
        while node.count_subscribers(topic) < beside and time.monotonic() < end:
            rclpy.spin_once(node, timeout_sec=0.1)
        heard: list = []
        subscription = node.create_subscription(message_type, topic, heard.append, 50)
        while not is_enough(heard) and time.monotonic() < end:
            rclpy.spin_once(node, timeout_sec=0.1)
        node.destroy_subscription(subscription)
        return heard

    yield listen
    node.destroy_node()
    rclpy.try_shutdown()
