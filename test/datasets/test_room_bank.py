"""Simulated rooms against geometry: delays of the direct sound, decay of the tail, places, and which sounds are held out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("pyroomacoustics")

from avloc_ros.datasets.mixtures.array_draws import PLACEMENT_ERROR_M, draw_array
from avloc_ros.datasets.mixtures.held_out import recording_of, shares, talker_of
from avloc_ros.datasets.mixtures.room_bank import (
    RATE_HZ,
    SOUNDS,
    TAPS,
    VOICES,
    RoomResponses,
    draw_room,
    load_bank,
    make_bank,
)
from avloc_ros.simulation.measured_rooms import share_of_split
from avloc_ros.types import InputError


@pytest.fixture(scope="module")
def rooms() -> list[RoomResponses]:
    return [draw_room(5, index, []) for index in range(4)]


def test_direct_sound_arrives_as_the_geometry_says(rooms):
    """Cross-correlation of the first 2 ms, up-sampled eight times, against the difference of distances."""
    for room in rooms:
        for place in (0, VOICES):
            response = room.responses[place].astype(float)
            first = int(np.argmax(np.abs(response).max(0)))
            head = response[:, max(0, first - 24) : first + 24] * np.hanning(len(response[0, max(0, first - 24) : first + 24]))
            spectra = np.fft.rfft(head, 1024)
            across = np.fft.irfft(spectra[0].conj() * spectra[-1], 8192)
            lag_s = ((int(np.argmax(across)) + 4096) % 8192 - 4096) / (8 * RATE_HZ)
            far = room.array.positions_m @ room.directions[place] / 343.0  # a plane wave: near sources bend it a little
            bend_s = 0.25 * room.array.aperture_m**2 / 0.5 / 343.0
            assert lag_s == pytest.approx(far[0] - far[-1], abs=2 / (8 * RATE_HZ) + 4 * PLACEMENT_ERROR_M / 343 + bend_s)


def test_sound_dies_away_in_the_time_of_the_room(rooms):
    for room in rooms:
        energy = np.cumsum((room.responses[0, 0].astype(float) ** 2)[::-1])[::-1]
        level_db = 10 * np.log10(energy / energy[0] + 1e-12)
        start, end = (int(np.argmax(level_db < level)) for level in (-8.0, -28.0))
        measured_s = 3 * (end - start) / RATE_HZ
        assert 0.6 * room.rt60_s < measured_s < 1.6 * room.rt60_s


def test_the_same_seed_gives_the_same_room(rooms):
    again = draw_room(5, 2, [])
    np.testing.assert_array_equal(again.responses, rooms[2].responses)
    np.testing.assert_array_equal(again.directions, rooms[2].directions)
    assert rooms[2].responses.shape == (VOICES + SOUNDS, rooms[2].array.channels, TAPS)
    assert not np.array_equal(rooms[0].directions, rooms[1].directions)


def test_a_bank_is_read_as_it_was_made(tmp_path):
    make_bank(tmp_path / "bank.npz", 5, 2, [])
    rooms = load_bank(tmp_path / "bank.npz")
    np.testing.assert_array_equal(rooms[1].responses, draw_room(5, 1, []).responses)
    with pytest.raises(InputError, match="no room bank"):
        load_bank(tmp_path / "none.npz")


def test_drawn_arrays_are_arrays():
    rng = np.random.default_rng(0)
    arrays = [draw_array(rng, []) for _ in range(60)]
    assert {a.name for a in arrays} == {"drawn_ring", "drawn_shell", "drawn_plate", "drawn_bar"}
    assert all(3 <= a.channels <= 8 and 0.02 < a.aperture_m < 0.4 for a in arrays)


def test_no_test_voice_is_learnt_from():
    files = [Path(f"{speaker}-{part}.flac") for speaker in range(100, 160) for part in "ab"]
    training, validation = shares(files, talker_of)
    speakers = sorted({talker_of(path) for path in files})
    test = {path.name for path in share_of_split([Path(s) for s in speakers], "test")} | set(speakers[3::4])
    assert training and validation
    assert {talker_of(p) for p in training}.isdisjoint(test | {talker_of(p) for p in validation})
    assert {talker_of(p) for p in validation}.isdisjoint(test)


def test_all_cuts_of_a_tested_recording_are_held_out():
    files = [Path(f"1-{number}-{cut}.ogg") for number in range(40) for cut in "AB"]
    tested = share_of_split(files, "test")
    training, validation = shares(files, recording_of, tested)
    touched = {recording_of(path) for path in tested}
    assert {recording_of(path) for path in training + validation}.isdisjoint(touched)
