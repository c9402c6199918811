"""The learned audio tracker with its shipped weights: spoken words from known angles, sounds that are no words, bad input."""

from __future__ import annotations

import csv
import os
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from far_field import plane_wave
from scipy.io import wavfile
from scipy.signal import resample_poly

from avloc_ros.config import shipped_folder
from avloc_ros.decode.peaks import find_peaks
from avloc_ros.geometry import CameraModel, wrap_angle
from avloc_ros.microphone_array import MicrophoneArray
from avloc_ros.runtime.any_array_network import any_array_weights
from avloc_ros.systems.any_array import AnyArrayConfig, AnyArrayTracker
from avloc_ros.systems.audio_grids import AudioGrids
from avloc_ros.types import AudioWindow, InputError

FOLDER = Path(os.environ.get("AVLOC_DATA", "/nonexistent")) / "array_recordings" / "respeaker4_multissl"
ARRAYS = ("respeaker_usb_4mic", "respeaker_6mic_circular", "seven_mic_10cm", "head_6mic", "square_4mic_10cm")


@cache
def spoken(rate: int) -> np.ndarray:
    """About two seconds of an espeak-ng voice that no training used (samples,)."""
    pytest.importorskip("espeakng_loader")
    from avloc_ros.simulation.sound.espeak import SyntheticVoice, speak

    samples, own_rate = speak("good morning robot, please come over here", SyntheticVoice("en-us+f4", 47, 160))
    return resample_poly(samples, rate // 50, own_rate // 50).astype(np.float32)


def shipped_array(name: str) -> MicrophoneArray:
    return MicrophoneArray.load(shipped_folder() / "config" / "arrays" / f"{name}.yaml")


def run(tracker: AnyArrayTracker, samples: np.ndarray, rate: int) -> list[AudioGrids]:
    length = rate // 25
    return [
        tracker.step(AudioWindow(k * 40_000_000, samples[k * length : (k + 1) * length], rate))
        for k in range(len(samples) // length)
    ]


def azimuths_deg(grids: list[AudioGrids], least: float = 0.3) -> np.ndarray:
    """Azimuths of the highest peaks of the frames that have one."""
    best = [find_peaks(g.sphere, least, 1) for g in grids]
    return np.array([np.degrees(peaks[0].u) for peaks in best if peaks])


@pytest.mark.parametrize("name", ARRAYS)
def test_words_are_heard_where_they_are_spoken(name):
    array = shipped_array(name)
    limit_deg = 4.0 if array.aperture_m < 0.07 else 3.0  # 6 cm against 5 cm of wavelength at 7 kHz
    for azimuth in (-147.0, 38.0):
        tracker = AnyArrayTracker(array=array, sample_rate_hz=16000)
        found = azimuths_deg(run(tracker, plane_wave(spoken(16000), array, azimuth, 8.0, 16000), 16000), 0.15)
        assert len(found) > 15
        assert np.median(np.abs(np.degrees(wrap_angle(np.radians(found - azimuth))))) < limit_deg


@pytest.mark.parametrize("rate", [44100, 48000])
def test_other_rates_hear_the_same(rate):
    array = shipped_array("seven_mic_10cm")
    found = [
        azimuths_deg(run(AnyArrayTracker(array=array, sample_rate_hz=r), plane_wave(spoken(r), array, 70.0, 5.0, r), r))
        for r in (16000, rate)
    ]
    assert abs(len(found[0]) - len(found[1])) <= 0.25 * len(found[0])
    assert np.median(found[1]) == pytest.approx(70.0, abs=3.0)


def test_what_is_no_voice_is_no_talker():
    """Steady noise and beeps from a direction, as loud as the words: hardly a frame with a peak."""
    rng, array = np.random.default_rng(1), shipped_array("head_6mic")
    time_s = np.arange(32000) / 16000
    beeps = 0.1 * np.sin(2 * np.pi * 1850 * time_s) * (np.sin(2 * np.pi * 3 * time_s) > 0)
    for sound in (0.05 * rng.normal(size=32000), beeps):
        grids = run(AnyArrayTracker(array=array, sample_rate_hz=16000), plane_wave(sound, array, 25.0, 0.0, 16000), 16000)
        assert np.mean([g.sphere.probability.max() > 0.3 for g in grids[5:]]) < 0.1


def test_the_picture_shows_the_talker_at_his_pixel():
    camera = CameraModel(720, 450, 318.5, 268.1, 360, 225)
    array = shipped_array("head_6mic")
    u, v = 500.0, 200.0
    direction = camera.directions(np.array([u, v]), 50.0)
    azimuth, elevation = np.degrees(np.arctan2(direction[1], direction[0])), np.degrees(np.arcsin(direction[2]))
    tracker = AnyArrayTracker(array=array, camera=camera, sample_rate_hz=16000)
    grids = run(tracker, plane_wave(spoken(16000), array, azimuth, elevation, 16000), 16000)
    peaks = [find_peaks(g.image, 0.2, 1) for g in grids if g.image is not None]
    places = np.array([(p[0].u, p[0].v) for p in peaks if p])
    assert len(places) > 15
    assert np.abs(np.median(places, axis=0) - (u, v)).max() < 30.0  # one cell
    assert grids[-1].image.layout.shape == (20, 24)
    assert grids[-1].sphere.layout.shape == (36, 72)


def test_silence_and_bad_input():
    array = shipped_array("head_6mic")
    tracker = AnyArrayTracker(array=array, sample_rate_hz=48000)
    for grids in run(tracker, np.zeros((48000, 6), np.float32), 48000):
        assert grids.sphere.probability.max() < 0.05 and grids.voice_probability < 0.1
    with pytest.raises(InputError, match="4.*6 microphones"):
        tracker.step(AudioWindow(0, np.zeros((1920, 4), np.float32), 48000))
    with pytest.raises(InputError, match="16000 Hz"):
        tracker.step(AudioWindow(0, np.zeros((640, 6), np.float32), 16000))
    with pytest.raises(InputError, match="array_file"):
        AnyArrayTracker()
    with pytest.raises(InputError, match="any_array_listen"):
        AnyArrayTracker(AnyArrayConfig(weights="/nowhere"), array)


@pytest.mark.parametrize("broken", [0.0, np.nan])
def test_a_dead_channel_is_left_out_and_named(broken):
    array = shipped_array("head_6mic")
    samples = plane_wave(spoken(16000), array, -60.0, 5.0, 16000)
    samples[:, 2] = broken
    grids = run(AnyArrayTracker(array=array, sample_rate_hz=16000), samples, 16000)
    assert np.median(azimuths_deg(grids)) == pytest.approx(-60.0, abs=3.0)
    assert any("front_left" in reason for reason in grids[-1].reasons)


def test_time_that_goes_back_starts_anew():
    array = shipped_array("head_6mic")
    tracker = AnyArrayTracker(array=array, sample_rate_hz=16000)
    samples = plane_wave(spoken(16000), array, 60.0, 5.0, 16000)
    first = [g.sphere.probability for g in run(tracker, samples, 16000)]
    again = [g.sphere.probability for g in run(tracker, samples, 16000)]  # stamps begin at 0 again
    np.testing.assert_allclose(again, first, atol=1e-6)


def test_the_card_says_where_the_weights_come_from():
    for weights in any_array_weights():
        card = weights.card
        assert card["licence"] == "MIT" and card["recipe"] and card["data"] and card["command"]
        assert card["largest_difference_to_torch"]["fp32"] < 1e-4


@pytest.mark.skipif(not FOLDER.is_dir(), reason="AVLOC_DATA does not name the data kit")
@pytest.mark.parametrize("turns", range(4))
def test_real_single_talker_clips_within_five_degrees(turns):
    array = shipped_array("respeaker_usb_4mic")
    with (FOLDER / "labels.csv").open(encoding="utf-8") as table:
        clips = [row for row in csv.DictReader(table) if row["n_sources"] == "1"]
    assert clips
    for clip in clips:
        rate, samples = wavfile.read(FOLDER / clip["file"])
        samples = np.roll(samples.astype(np.float32) / 32768, turns, axis=1)
        found = azimuths_deg(run(AnyArrayTracker(array=array, sample_rate_hz=rate), samples, rate), 0.15)
        off = np.degrees(np.abs(wrap_angle(np.radians(found - float(clip["azimuth_deg"]) - 90 * turns))))
        assert len(off) > 15, clip["file"]
        assert np.median(off) < 5.0, clip["file"]
