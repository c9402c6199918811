"""Inputs of the benchmarks: plane waves on any array and pictures of any size, made from a seed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from avloc_ros.geometry import CameraModel, direction_from_angles, even_directions
from avloc_ros.microphone_array import MicrophoneArray
from avloc_ros.types import AudioWindow, VideoFrame

FRAME_S = 0.04
SAMPLE_RATE_HZ = 48_000


def sphere_array(channels: int, radius_m: float = 0.09) -> MicrophoneArray:
    """Microphones spread evenly over a head-sized sphere (Fibonacci lattice)."""
    return MicrophoneArray(radius_m * even_directions(channels), name=f"sphere{channels}")


def bench_camera(width: int = 720, height: int = 450) -> CameraModel:
    """The camera of the DSW paper's data: 97 x 80 degrees."""
    fx, fy = width / 2 / np.tan(np.radians(97) / 2), height / 2 / np.tan(np.radians(80) / 2)
    return CameraModel(width, height, fx, fy, width / 2, height / 2)


def plane_waves(
    array: MicrophoneArray, azimuths_rad: Sequence[float], frames: int, noise: float = 0.05, seed: int = 0
) -> list[AudioWindow]:
    """Windows of 40 ms with one independent wide-band source per azimuth (elevation 0) and sensor noise."""
    rng = np.random.default_rng(seed)
    length = int(frames * FRAME_S * SAMPLE_RATE_HZ)
    frequency_hz = np.fft.rfftfreq(length, 1 / SAMPLE_RATE_HZ)
    samples = noise * rng.standard_normal((length, array.channels))
    for azimuth in azimuths_rad:
        source = np.fft.rfft(rng.standard_normal(length))
        lead_s = array.positions_m @ direction_from_angles(azimuth, 0.0) / array.sound_speed_mps
        shifted = source[:, None] * np.exp(2j * np.pi * frequency_hz[:, None] * lead_s)
        samples += np.fft.irfft(shifted, length, axis=0)
    samples = (0.05 * samples).astype(np.float32)
    per_frame = int(FRAME_S * SAMPLE_RATE_HZ)
    return [
        AudioWindow(int(i * FRAME_S * 1e9), samples[i * per_frame : (i + 1) * per_frame], SAMPLE_RATE_HZ)
        for i in range(frames)
    ]


def pictures(camera: CameraModel, frames: int, seed: int = 0) -> list[VideoFrame]:
    """Textured pictures without faces; the detector's cost does not depend on what it sees."""
    rng = np.random.default_rng(seed)
    image = rng.integers(0, 255, (camera.height, camera.width, 3), np.uint8)
    return [VideoFrame(int(i * FRAME_S * 1e9), np.roll(image, i, axis=1)) for i in range(frames)]
