"""Scenes in simulated rooms: what is drawn fits the room, and the written truth fits the sound."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from avloc_ros.geometry import direction_from_angles
from avloc_ros.microphone_array import MicrophoneArray
from avloc_ros.simulation.measured_rooms import position_m
from avloc_ros.simulation.places import SEPARATION_RAD, draw_place, draw_shoebox
from avloc_ros.simulation.scene_plan import Wishes
from avloc_ros.simulation.shoebox import compose_shoebox
from avloc_ros.simulation.shoebox_plan import ShoeboxParts
from avloc_ros.types import InputError

ARRAY = MicrophoneArray(np.array([[0.1, 0, 0], [-0.1, 0, 0], [0, 0.1, 0], [0, -0.1, 0]]))


@pytest.mark.parametrize("seed", range(10))
def test_places_are_in_the_room_and_apart(seed: int) -> None:
    rng = np.random.default_rng(seed)
    room = draw_shoebox(rng, ShoeboxParts(ARRAY).rt60_s)
    assert room.holds(np.zeros(3), 0.5) and 0.1 < room.rt60_s <= 0.85
    places: list = []
    for _ in range(3):
        places.append(draw_place(rng, room, places))
    assert all(room.holds(position_m(place)) for place in places)
    azimuths = np.sort([place.azimuth_rad for place in places])
    gaps = np.diff([*azimuths, azimuths[0] + 2 * np.pi])
    assert gaps.min() >= SEPARATION_RAD


def test_wrong_parts_are_refused() -> None:
    with pytest.raises(InputError, match="multiple of 25"):
        ShoeboxParts(ARRAY, sample_rate_hz=22040 + 1)
    with pytest.raises(InputError, match="reverberation"):
        ShoeboxParts(ARRAY, rt60_s=(0.8, 0.2))


def test_sound_comes_from_where_the_truth_says(tmp_path: Path) -> None:
    """The direct sound's time differences of arrival, by plain cross-correlation, against the truth's azimuth."""
    pytest.importorskip("pyroomacoustics", reason="pyroomacoustics simulates the room")
    pytest.importorskip("espeakng_loader", reason="the voices come from espeakng-loader")
    wishes = Wishes(audio_only=True, talkers=1, condition="clean", duration_s=3.0)
    parts = ShoeboxParts(ARRAY, rt60_s=(0.15, 0.2))
    scene = compose_shoebox(tmp_path / "a", 0, parts=parts, seed=1, wishes=wishes)
    again = compose_shoebox(tmp_path / "b", 0, parts=parts, seed=1, wishes=wishes)
    assert [row.azimuth_rad for row in scene.truth] == [row.azimuth_rad for row in again.truth]
    sound, row = scene.read_audio(), scene.truth[0]
    differences = np.array([_lag_s(sound[:, 0], sound[:, 1]), _lag_s(sound[:, 2], sound[:, 3])])
    direction = -differences * 343.0 / 0.2  # a far source at d reaches microphone m by d . m / c earlier
    truth = direction_from_angles(row.azimuth_rad, row.elevation_rad)[:2]
    angle = np.arctan2(direction[1], direction[0]) - np.arctan2(truth[1], truth[0])
    assert abs(np.rad2deg((angle + np.pi) % (2 * np.pi) - np.pi)) < 8
    assert any(r.speaking for r in scene.truth) and scene.video_path is None


def _lag_s(first: np.ndarray, second: np.ndarray) -> float:
    """How much later the first channel hears it: peak of the phase transform, interpolated 16 times."""
    size = 2 * len(first)
    cross = np.fft.rfft(first, size) * np.conj(np.fft.rfft(second, size))
    correlation = np.fft.irfft(cross / (np.abs(cross) + 1e-9), 16 * size)
    lags = np.arange(-160, 161)
    return float(lags[correlation[lags].argmax()] / (16 * 16000))
