"""The mixture tracker with its shipped weights: two voices at once, sounds that are no words, gaps and bad input."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from far_field import plane_wave
from scipy.signal import resample_poly

from avloc_ros.bench.inputs import bench_camera
from avloc_ros.config import shipped_folder
from avloc_ros.decode.peaks import find_peaks
from avloc_ros.geometry import wrap_angle
from avloc_ros.microphone_array import MicrophoneArray
from avloc_ros.runtime.mixture_network import mixture_weights
from avloc_ros.systems.any_array import AnyArrayConfig
from avloc_ros.systems.audio_grids import AudioGrids
from avloc_ros.systems.mixture import MixtureConfig, MixtureTracker
from avloc_ros.types import AudioWindow, InputError

RATE_HZ = 16000
WINDOW = RATE_HZ // 25


def shipped_array(name: str) -> MicrophoneArray:
    return MicrophoneArray.load(shipped_folder() / "config" / "arrays" / f"{name}.yaml")


def tracker(array: MicrophoneArray, **more) -> MixtureTracker:
    return MixtureTracker(MixtureConfig(), AnyArrayConfig(), array, more.pop("camera", None), RATE_HZ, **more)


@pytest.fixture(scope="module")
def voices() -> list[np.ndarray]:
    """Two espeak-ng voices that no training used, without pauses between the words."""
    pytest.importorskip("espeakng_loader")
    from avloc_ros.simulation.sound.espeak import SyntheticVoice, speak

    found = []
    for text, voice, pitch in (
        ("good morning robot please come over here and bring me the newspaper", "en-us+f4", 47),
        ("nobody knows where the old keys of the garden door have gone again", "en-us+m3", 41),
    ):
        samples, own_rate = speak(text, SyntheticVoice(voice, pitch, 165))
        samples = resample_poly(samples, RATE_HZ // 50, own_rate // 50)[: int(2.6 * RATE_HZ)]
        found.append(0.05 * samples / np.sqrt(np.mean(samples**2)))
    return found


def from_far(sound: np.ndarray, array: MicrophoneArray, azimuth_deg: float) -> np.ndarray:
    """(samples, channels) from 5 degrees up."""
    return plane_wave(sound, array, azimuth_deg, 5.0, RATE_HZ)


def run(ear: MixtureTracker, samples: np.ndarray) -> list[AudioGrids]:
    return [
        ear.step(AudioWindow(k * 40_000_000, samples[k * WINDOW : (k + 1) * WINDOW], RATE_HZ))
        for k in range(len(samples) // WINDOW)
    ]


def found_near(grids: list[AudioGrids], azimuth_deg: float) -> np.ndarray:
    """In which grids a peak above the threshold is within 10 degrees."""
    off = [
        [abs(float(wrap_angle(peak.u - np.radians(azimuth_deg)))) for peak in find_peaks(grid.sphere)] for grid in grids
    ]
    return np.array([min(angles, default=np.pi) < np.radians(10) for angles in off])


@pytest.mark.parametrize("name", ["respeaker_usb_4mic", "head_6mic", "seven_mic_10cm"])
def test_two_voices_at_once_are_both_heard(voices, name) -> None:
    array = shipped_array(name)
    samples = sum(from_far(voice, array, azimuth) for voice, azimuth in zip(voices, (-20.0, 40.0), strict=True))
    grids = run(tracker(array), samples)[12:]
    both = found_near(grids, -20.0) & found_near(grids, 40.0)
    assert both.mean() > 0.5
    assert (found_near(grids, -20.0) | found_near(grids, 40.0)).mean() > 0.9
    assert found_near(grids, 180.0).mean() < 0.05


def test_one_voice_is_one_talker(voices) -> None:
    array = shipped_array("head_6mic")
    grids = run(tracker(array), from_far(voices[0], array, 75.0))[12:]
    assert found_near(grids, 75.0).mean() > 0.85
    assert np.mean([len(find_peaks(grid.sphere)) > 1 for grid in grids]) < 0.1


def test_silence_and_noise_hold_nobody() -> None:
    array, rng = shipped_array("head_6mic"), np.random.default_rng(1)
    for sound in (np.zeros(RATE_HZ), 0.05 * rng.normal(size=RATE_HZ)):
        grids = run(tracker(array), from_far(sound, array, 25.0))
        assert np.mean([len(find_peaks(grid.sphere)) > 0 for grid in grids[3:]]) < 0.1


def test_time_that_goes_back_starts_anew_and_a_gap_is_bridged(voices) -> None:
    array = shipped_array("head_6mic")
    ear, samples = tracker(array), from_far(voices[0], array, 60.0)
    first = [grid.sphere.probability for grid in run(ear, samples)]
    again = [grid.sphere.probability for grid in run(ear, samples)]  # stamps begin at 0 again
    np.testing.assert_allclose(again, first, atol=1e-6)
    late = [
        ear.step(AudioWindow(k * 40_000_000 + 3_000_000_000, samples[k * WINDOW : (k + 1) * WINDOW], RATE_HZ))
        for k in range(len(samples) // WINDOW)
    ]
    assert found_near(late[12:], 60.0).mean() > 0.85


@pytest.mark.parametrize("broken", [0.0, np.nan])
def test_a_dead_channel_is_left_out_and_named(voices, broken) -> None:
    array = shipped_array("head_6mic")
    samples = from_far(voices[0], array, -60.0)
    samples[:, 2] = broken
    grids = run(tracker(array), samples)
    assert found_near(grids[12:], -60.0).mean() > 0.8
    assert any("front_left" in reason for reason in grids[-1].reasons)


def test_only_one_channel_left_is_deaf_and_says_so(voices) -> None:
    array = shipped_array("head_6mic")
    samples = from_far(voices[0], array, 0.0)
    samples[:, 1:] = np.nan
    for grid in run(tracker(array), samples[: 20 * WINDOW]):
        assert grid.sphere.probability.max() == 0 and grid.reasons


def test_the_picture_is_the_sphere_as_the_camera_sees_it(voices) -> None:
    array, camera = shipped_array("head_6mic"), bench_camera()
    ear = tracker(array, camera=camera)
    grids = run(ear, from_far(voices[0], array, 0.0))
    assert all(grid.image.probability.max() <= grid.sphere.probability.max() + 1e-6 for grid in grids)
    assert max(grid.image.probability.max() for grid in grids) > 0.3
    ear.set_camera(None)
    ear.reset()
    assert ear.step(replace_stamp(voices[0], array)).image is None


def replace_stamp(voice: np.ndarray, array: MicrophoneArray) -> AudioWindow:
    window = AudioWindow(0, from_far(voice, array, 0.0)[:WINDOW], RATE_HZ)
    return replace(window, stamp_ns=10**10)


def test_bad_input_is_told() -> None:
    array = shipped_array("head_6mic")
    with pytest.raises(InputError, match="4.*6 microphones"):
        tracker(array).step(AudioWindow(0, np.zeros((WINDOW, 4), np.float32), RATE_HZ))
    with pytest.raises(InputError, match="array_file"):
        MixtureTracker(MixtureConfig(), AnyArrayConfig())
    with pytest.raises(InputError, match=r"nowhere\.onnx"):
        MixtureTracker(MixtureConfig(weights="/nowhere.onnx"), AnyArrayConfig(), array)


def test_the_card_says_where_the_weights_come_from() -> None:
    card = mixture_weights().card
    assert card["licence"] == "MIT" and card["recipe"] and card["data"] and card["command"]
    assert card["largest_difference_to_torch"]["fp32"] < 1e-4
