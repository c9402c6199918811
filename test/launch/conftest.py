"""A short scene for the launch files to play, and the way to their folder."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from avloc_ros.config import shipped_folder
from avloc_ros.geometry import CameraModel, MicrophoneArray, angles_from_direction
from avloc_ros.sources.scene import write_scene

RATE_HZ, DURATION_S = 16000, 8.0


@pytest.fixture(scope="session")
def launch_folder() -> Path:
    return shipped_folder() / "launch"


@pytest.fixture(scope="session")
def buzzing_scene(tmp_path_factory) -> tuple[Path, float]:
    """A scene folder whose only talker, a buzz with the rhythm of speech, is heard; and its azimuth in degrees."""
    array = MicrophoneArray(np.array([[0.05, 0.05, 0], [-0.05, 0.05, 0], [-0.05, -0.05, 0], [0.05, -0.05, 0]]))
    camera = CameraModel(320, 200, 270.0, 270.0, 160.0, 100.0)
    direction = np.array([1.0, 0.4, 0.0]) / np.hypot(1.0, 0.4)
    count = int(RATE_HZ * DURATION_S)
    time_s = np.arange(count) / RATE_HZ
    phase = 2 * np.pi * np.cumsum(140 + 25 * np.sin(2 * np.pi * 1.3 * time_s)) / RATE_HZ
    voice = sum(np.cos(number * phase) / np.sqrt(number) for number in range(1, 40))
    sound = voice * (np.sin(2 * np.pi * 2.1 * time_s) > -0.6)
    spectrum, frequency = np.fft.rfft(sound), np.fft.rfftfreq(count, 1 / RATE_HZ)
    delays_s = -(array.positions_m @ direction) / 343.0
    channels = np.stack([np.fft.irfft(spectrum * np.exp(-2j * np.pi * frequency * d), count) for d in delays_s], axis=1)
    channels += 0.02 * np.random.default_rng(1).normal(size=channels.shape)
    pictures = (np.full((200, 320, 3), 90 + number % 8, np.uint8) for number in range(int(DURATION_S * 25)))
    folder = tmp_path_factory.mktemp("scenes") / "buzz"
    write_scene(
        folder, array=array, camera=camera, audio=0.3 * channels / np.abs(channels).max(), sample_rate_hz=RATE_HZ,
        images=pictures, fps=25.0,
    )  # fmt: skip
    return folder, float(np.degrees(angles_from_direction(direction)[0]))


@pytest.fixture
def ears():
    """Collects messages of a topic in this process until there are enough: ears(type, topic, is_enough, timeout_s)."""
    import time

    import rclpy

    rclpy.init()
    node = rclpy.create_node("ears")

    def listen(message_type, topic, is_enough, timeout_s=60.0) -> list:
        heard: list = []
        subscription = node.create_subscription(message_type, topic, heard.append, 50)
        end = time.monotonic() + timeout_s
        while not is_enough(heard) and time.monotonic() < end:
            rclpy.spin_once(node, timeout_sec=0.1)
        node.destroy_subscription(subscription)
        return heard

    yield listen
    node.destroy_node()
    rclpy.try_shutdown()
