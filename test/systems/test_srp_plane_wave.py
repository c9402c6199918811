"""A plane wave from a known angle must give that angle: the delays are analytic, not ours."""

from __future__ import annotations

import numpy as np
import pytest
from far_field import plane_wave

from avloc_ros.config import shipped_folder
from avloc_ros.decode.peaks import find_peaks
from avloc_ros.geometry import CameraModel, wrap_angle
from avloc_ros.microphone_array import MicrophoneArray
from avloc_ros.systems.audio_grids import AudioGrids
from avloc_ros.systems.srp import SrpConfig, SrpTracker
from avloc_ros.types import AudioWindow, InputError

FAR_M = 50.0
ARRAYS = ("respeaker_usb_4mic", "respeaker_6mic_circular", "seven_mic_10cm", "head_6mic", "square_4mic_10cm")


def shipped_array(name: str) -> MicrophoneArray:
    return MicrophoneArray.load(shipped_folder() / "config" / "arrays" / f"{name}.yaml")


def voice_like(seconds: float, sample_rate_hz: int, seed: int = 0) -> np.ndarray:
    """A pulse train of 120 Hz that comes and goes four times a second, over a little noise: (samples,)."""
    time_s = np.arange(round(seconds * sample_rate_hz)) / sample_rate_hz
    harmonics = np.arange(1, int(min(6500, 0.45 * sample_rate_hz) / 120))
    tone = np.cos(2 * np.pi * 120 * harmonics[:, None] * time_s + harmonics[:, None] ** 2).sum(0)
    envelope = (np.sin(2 * np.pi * 2 * time_s) > -0.3).astype(float)
    noise = np.random.default_rng(seed).normal(size=len(time_s))
    return 0.01 * tone * envelope + 1e-4 * noise


def windows(samples: np.ndarray, rate: int, window_s: float = 0.04) -> list[AudioWindow]:
    length = round(window_s * rate)
    return [
        AudioWindow(round(k * window_s * 1e9), samples[k * length : (k + 1) * length], rate)
        for k in range(len(samples) // length)
    ]


def run(tracker: SrpTracker, samples: np.ndarray, rate: int) -> list[AudioGrids]:
    return [tracker.step(window) for window in windows(samples, rate)]


@pytest.mark.parametrize("name", ARRAYS)
@pytest.mark.parametrize("rate", [16000, 44100, 48000])
def test_azimuth_within_one_degree(name: str, rate: int) -> None:
    array = shipped_array(name)
    for azimuth in (-152.3, 33.0):
        tracker = SrpTracker(SrpConfig(assumed_range_m=FAR_M), array, None, rate)
        grids = run(tracker, plane_wave(voice_like(0.6, rate), array, azimuth, 21.0, rate, 0.0), rate)
        peak = find_peaks(grids[-1].sphere)[0]
        assert abs(np.degrees(wrap_angle(peak.u - np.radians(azimuth)))) < 1.0
        assert abs(np.degrees(peak.v) - 21.0) < 3.0


@pytest.mark.parametrize("pixel", [(100.0, 80.0), (361.0, 226.0), (655.0, 300.0)])
def test_image_grid_shows_the_pixel_of_the_talker(pixel: tuple[float, float]) -> None:
    camera = CameraModel(720, 450, 318.5, 318.5, 360, 225, position_m=np.array([0.1, 0.0, 0.15]))
    array = shipped_array("seven_mic_10cm")
    # Far away the parallax is nothing; the camera's ray and the array's are one direction.
    azimuth, elevation = np.degrees([float(a) for a in _angles(camera.directions(np.array(pixel), FAR_M))])
    tracker = SrpTracker(SrpConfig(assumed_range_m=FAR_M), array, camera, 16000)
    grids = run(tracker, plane_wave(voice_like(0.6, 16000), array, azimuth, elevation, 16000, 0.0), 16000)
    image = grids[-1].image
    assert image is not None
    peak = find_peaks(image)[0]
    assert np.hypot(peak.u - pixel[0], peak.v - pixel[1]) < 10.0  # a third of a cell


def test_rotated_channels_turn_the_direction() -> None:
    array = shipped_array("respeaker_usb_4mic")
    samples = plane_wave(voice_like(0.6, 16000), array, 20.0, 15.0, 16000, 0.0)
    for turns in range(4):
        tracker = SrpTracker(SrpConfig(assumed_range_m=FAR_M), array, None, 16000)
        peak = find_peaks(run(tracker, np.roll(samples, turns, axis=1), 16000)[-1].sphere)[0]
        assert abs(np.degrees(wrap_angle(peak.u - np.radians(20.0 + 90 * turns)))) < 1.0


def test_silence_and_a_wrong_channel_count() -> None:
    array = shipped_array("head_6mic")
    tracker = SrpTracker(SrpConfig(), array, None, 48000)
    for grids in run(tracker, np.zeros((48000, 6), np.float32), 48000):
        assert grids.sphere.probability.max() < 0.01
        assert grids.voice_probability < 0.1
    with pytest.raises(InputError, match="4.*6 microphones"):
        tracker.step(AudioWindow(0, np.zeros((1920, 4), np.float32), 48000))


@pytest.mark.parametrize("broken", [0.0, np.nan])
def test_a_dead_channel_is_left_out_and_named(broken: float) -> None:
    array = shipped_array("head_6mic")
    samples = plane_wave(voice_like(0.6, 16000), array, -60.0, 10.0, 16000, 0.0)
    samples[:, 2] = broken
    tracker = SrpTracker(SrpConfig(assumed_range_m=FAR_M), array, None, 16000)
    grids = run(tracker, samples, 16000)[-1]
    peak = find_peaks(grids.sphere)[0]
    assert abs(np.degrees(wrap_angle(peak.u - np.radians(-60.0)))) < 1.0
    assert any("front_left" in reason for reason in grids.reasons)


def _angles(direction: np.ndarray) -> tuple[float, float]:
    return float(np.arctan2(direction[1], direction[0])), float(np.arcsin(direction[2]))
