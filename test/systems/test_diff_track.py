"""The diff_track tracker with a network written by hand: words from known angles, any windows, arrays that do not do."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from far_field import plane_wave
from scipy.signal import resample_poly

from avloc_ros.config import from_mapping, shipped_folder
from avloc_ros.decode.peaks import find_peaks
from avloc_ros.geometry import CameraModel, angle_between, direction_from_angles
from avloc_ros.microphone_array import MicrophoneArray
from avloc_ros.systems.audio_grids import AudioGrids
from avloc_ros.systems.diff_track import DiffTrackConfig, DiffTrackTracker
from avloc_ros.systems.localizer import Localizer, LocalizerConfig
from avloc_ros.types import AudioWindow, InputError

pytest.importorskip("onnxruntime")
LIMIT_DEG = 4.0  # from the mean intensity of a plane wave on four to seven microphones


@cache
def spoken(rate: int) -> np.ndarray:
    """About three seconds of an espeak-ng voice that no training used (samples,)."""
    pytest.importorskip("espeakng_loader")
    from avloc_ros.simulation.sound.espeak import SyntheticVoice, speak

    words = "good morning robot, please come over here and bring the newspaper"
    samples, own_rate = speak(words, SyntheticVoice("en-us+f4", 47, 160))
    return resample_poly(samples, rate // 50, own_rate // 50).astype(np.float32)


def shipped_array(name: str) -> MicrophoneArray:
    return MicrophoneArray.load(shipped_folder() / "config" / "arrays" / f"{name}.yaml")


def words(array: MicrophoneArray, azimuth_deg: float, elevation_deg: float, rate: int = 16000) -> np.ndarray:
    """(samples, channels): the words as heard from far away."""
    return plane_wave(spoken(rate), array, azimuth_deg, elevation_deg, rate, 1e-3)


@pytest.fixture
def tracker_of(pointing_weights):
    """Makes trackers with the network that points along the intensity."""

    def made(array: MicrophoneArray, rate: int = 16000, camera: CameraModel | None = None) -> DiffTrackTracker:
        return DiffTrackTracker(DiffTrackConfig(str(pointing_weights)), array, camera, rate)

    return made


def run(tracker: DiffTrackTracker, samples: np.ndarray, rate: int = 16000, length: int = 0) -> list[AudioGrids]:
    length = length or rate // 25
    return [
        tracker.step(AudioWindow(round(k * length * 1e9 / rate), samples[k * length : (k + 1) * length], rate))
        for k in range(len(samples) // length)
    ]


def errors_deg(grids: list[AudioGrids], azimuth_deg: float, elevation_deg: float) -> np.ndarray:
    """Angles between the words and the highest peak of each frame that has one above the threshold."""
    best = [find_peaks(g.sphere, g.sphere.threshold, 1) for g in grids]
    angles = np.array([(p[0].u, p[0].v) for p in best if p]).reshape(-1, 2)
    towards = direction_from_angles(np.radians(azimuth_deg), np.radians(elevation_deg))
    return np.degrees(angle_between(direction_from_angles(angles[:, 0], angles[:, 1]), towards[None]))


@pytest.mark.parametrize("name", ["seven_mic_10cm", "tetrahedron_4mic"])
@pytest.mark.parametrize(("azimuth_deg", "elevation_deg"), [(-147.0, 8.0), (38.0, -10.0)])
def test_words_are_heard_where_they_are_spoken(tracker_of, name, azimuth_deg, elevation_deg):
    array = shipped_array(name)
    grids = run(tracker_of(array), words(array, azimuth_deg, elevation_deg))
    found = errors_deg(grids, azimuth_deg, elevation_deg)
    assert len(found) > 0.5 * len(grids)
    assert np.median(found) < LIMIT_DEG


def test_another_rate_hears_the_same(tracker_of):
    array = shipped_array("seven_mic_10cm")
    for rate in (16000, 48000):
        grids = run(tracker_of(array, rate), words(array, 70.0, 5.0, rate), rate)
        found = errors_deg(grids, 70.0, 5.0)
        assert len(found) > 0.5 * len(grids) and np.median(found) < LIMIT_DEG


def test_windows_of_any_length_give_the_same_answers(tracker_of):
    array = shipped_array("tetrahedron_4mic")
    samples = words(array, 60.0, 0.0)[: 2 * 16000]
    last = [
        run(tracker_of(array), samples, length=length)[-1].sphere.probability
        for length in (32000, 640, 400)
    ]
    assert last[0].max() > 0.05
    np.testing.assert_allclose(last[1], last[0], atol=1e-4)
    np.testing.assert_allclose(last[2], last[0], atol=1e-4)


def test_the_picture_shows_the_talker_near_his_pixel(tracker_of):
    camera, array = CameraModel(720, 450, 318.5, 268.1, 360, 225), shipped_array("seven_mic_10cm")
    direction = camera.directions(np.array([500.0, 200.0]), 50.0)
    azimuth, elevation = np.degrees(np.arctan2(direction[1], direction[0])), np.degrees(np.arcsin(direction[2]))
    grids = run(tracker_of(array, camera=camera), words(array, azimuth, elevation))
    best = [np.unravel_index(g.image.probability.argmax(), (20, 24)) for g in grids if g.voice_probability > 0.5]
    places = np.array([((col + 0.5) * 30, (row + 0.5) * 22.5) for row, col in best])
    assert len(places) > 15
    assert np.abs(np.median(places, axis=0) - (500.0, 200.0)).max() < 318.5 * np.tan(np.radians(LIMIT_DEG)) + 15
    assert grids[-1].image.layout.shape == (20, 24) and grids[-1].sphere.layout.shape == (36, 72)


def test_silence_bad_input_and_arrays_that_do_not_do(tracker_of):
    array = shipped_array("seven_mic_10cm")
    tracker = tracker_of(array, 48000)
    for grids in run(tracker, np.zeros((48000, 7), np.float32), 48000):
        assert grids.sphere.probability.max() < grids.sphere.threshold
    with pytest.raises(InputError, match=r"4.*7 microphones"):
        tracker.step(AudioWindow(0, np.zeros((1920, 4), np.float32), 48000))
    with pytest.raises(InputError, match="above and below sound alike.*any_array or srp"):
        tracker_of(shipped_array("square_4mic_10cm"), 48000)
    with pytest.raises(InputError, match="needs 4 microphones"):
        tracker_of(MicrophoneArray(0.05 * np.eye(3)), 48000)
    with pytest.raises(InputError, match="capture at that rate"):
        tracker_of(array, 8000)
    with pytest.raises(InputError, match="array_file"):
        DiffTrackTracker()
    with pytest.raises(InputError, match="no weights at"):
        DiffTrackTracker(DiffTrackConfig(weights="/nowhere.onnx"), array)


def test_dead_channels_are_left_out_as_long_as_the_others_do(tracker_of):
    array = shipped_array("seven_mic_10cm")
    samples = words(array, -60.0, 5.0)
    samples[:, 6] = 0.0  # the one in the centre
    tracker = tracker_of(array)
    grids = run(tracker, samples)
    assert np.median(errors_deg(grids, -60.0, 5.0)) < LIMIT_DEG and any("centre" in r for r in grids[-1].reasons)
    samples[:, :2] = np.nan  # what is left lies in a plane
    (deaf,) = run(tracker, samples[:640])
    assert not deaf.sphere.probability.any() and any("do not do" in reason for reason in deaf.reasons)


def test_time_that_goes_back_and_pauses_start_anew(tracker_of):
    array = shipped_array("tetrahedron_4mic")
    tracker = tracker_of(array)
    samples = words(array, 60.0, 5.0)[:16000]
    first = [g.sphere.probability for g in run(tracker, samples)]
    again = [g.sphere.probability for g in run(tracker, samples)]  # stamps begin at 0 again
    later = tracker.step(AudioWindow(60_000_000_000, samples[:640], 16000))
    np.testing.assert_allclose(again, first, atol=1e-6)
    np.testing.assert_allclose(later.sphere.probability, first[0], atol=1e-6)


def test_the_chain_takes_it(pointing_weights):
    array = shipped_array("seven_mic_10cm")
    settings = {"senses": "audio", "audio_tracker": "diff_track", "diff_track.weights": str(pointing_weights)}
    localizer = Localizer(from_mapping(LocalizerConfig, settings), array, None, 16000)
    samples = words(array, 25.0, 0.0)
    found = [
        localizer.step(AudioWindow(k * 40_000_000, samples[640 * k : 640 * (k + 1)], 16000), None).speakers.speakers
        for k in range(len(samples) // 640)
    ]
    directions = np.array([s.direction for speakers in found for s in speakers if s.is_speaking])
    towards = direction_from_angles(np.radians(25.0), 0.0)
    assert len(directions) > 10
    assert np.degrees(np.median(angle_between(directions, towards[None]))) < LIMIT_DEG
