"""The audio tracker node with diff_track: words come out as a peak of the sphere, a flat array is told what to take instead."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.signal import resample_poly

pytest.importorskip("onnxruntime")

from avloc_ros.config import shipped_folder
from avloc_ros.geometry import cell_centres, direction_from_angles, sphere_grid
from avloc_ros.microphone_array import MicrophoneArray
from avloc_ros.msg import SpeakerGrid
from avloc_ros.nodes.audio_tracker import AudioTrackerNode
from avloc_ros.nodes.messages.quality_of_service import result_quality

AZIMUTH_DEG = 60.0


@pytest.fixture
def parameters(pointing_weights):
    """Of the node, with a network that is written by hand."""
    return {"audio_tracker": {"tracker": "diff_track", "diff_track.weights": str(pointing_weights)}}


@pytest.fixture(scope="module")
def words() -> tuple[MicrophoneArray, np.ndarray]:
    """A small tetrahedron, and what it hears of words from the left."""
    pytest.importorskip("espeakng_loader")
    from avloc_ros.simulation.sound.espeak import SyntheticVoice, speak

    array = MicrophoneArray.load(shipped_folder() / "config" / "arrays" / "tetrahedron_4mic.yaml")
    sound, rate = speak("good evening, where is my newspaper, and where are my shoes", SyntheticVoice("en-us+m4", 44, 150))
    sound = resample_poly(sound, 320, rate // 50)
    early_s = array.positions_m @ direction_from_angles(np.radians(AZIMUTH_DEG), 0.0) / array.sound_speed_mps
    frequencies = np.fft.rfftfreq(len(sound), 1 / 16000)[:, None]
    heard = np.fft.irfft(np.fft.rfft(sound)[:, None] * np.exp(2j * np.pi * frequencies * early_s), len(sound), axis=0)
    return array, (heard + np.random.default_rng(0).normal(0, 1e-3, heard.shape)).astype(np.float32)


def test_words_are_a_peak_of_the_sphere(rig, words, parameters):
    array, rig.sound = words
    grids: list[SpeakerGrid] = []
    rig.node.create_subscription(SpeakerGrid, "audio_sphere", grids.append, result_quality())
    rig.add(AudioTrackerNode, parameters=parameters)
    rig.tell_array(array)

    def sure() -> list[SpeakerGrid]:
        return [grid for grid in grids if max(grid.probability) > grid.threshold]

    assert rig.talk_until(lambda: len(sure()) > 10)
    azimuth_rad = cell_centres(sphere_grid(36, 72))[..., 0].ravel()
    found = [np.degrees(azimuth_rad[int(np.argmax(grid.probability))]) for grid in sure()]
    assert np.median(np.abs(np.array(found) - AZIMUTH_DEG)) < 6.0
    assert grids[-1].system == "diff_track" and (grids[-1].rows, grids[-1].cols) == (36, 72)
    assert rig.wait(lambda: rig.seen.values.get("audio_tracker", {}).get("tracker") == "diff_track")


def test_a_flat_array_is_told_what_to_take_instead(rig, parameters):
    rig.add(AudioTrackerNode, parameters=parameters)
    rig.tell_array()
    assert rig.talk_until(lambda: rig.seen.said("audio_tracker", "take the tracker any_array or srp"))
