"""Moving sources: what the microphones hear fits where the truth says that the source is."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("pyroomacoustics", reason="rooms are simulated by pyroomacoustics")

from avloc_ros.geometry import angle_between
from avloc_ros.microphone_array import MicrophoneArray
from avloc_ros.simulation.sound.moving_sources import (
    MovingSourcesConfig,
    draw_room_of,
    draw_segment,
    synthetic_voice,
)
from avloc_ros.types import InputError

ARRAY = MicrophoneArray(np.array([[0.1, 0, 0], [-0.1, 0, 0], [0, 0.1, 0], [0, -0.1, 0], [0, 0, 0.1]]))


def noise(rng, samples, rate):
    return 0.1 * rng.standard_normal(samples)


def test_delays_between_microphones_are_those_of_the_true_direction():
    config = MovingSourcesConfig(
        seconds=2.0, reflections=0, sources=1, lowest_snr_db=60, highest_snr_db=60, nearest_m=1.5
    )
    for index in range(3):
        segment = draw_segment(config, ARRAY, noise, split="train", index=index, seed=5)
        for frame in range(2, 18, 4):
            found = direction_by_delays(segment.samples[frame * 2400 : (frame + 1) * 2400])
            assert np.degrees(angle_between(found, segment.directions[frame, 0])) < 6


def direction_by_delays(samples):
    """Least squares over the delays of all pairs, by cross-correlation, interpolated 16 times."""
    spectra = np.fft.rfft(samples, axis=0)
    rows, delays = [], []
    for i, j in itertools.combinations(range(ARRAY.channels), 2):
        cross = np.fft.irfft(spectra[:, i] * np.conj(spectra[:, j]), 16 * len(samples))
        lag = np.argmax(np.roll(cross, 400)[:801]) - 400
        rows.append(ARRAY.positions_m[j] - ARRAY.positions_m[i])
        delays.append(lag / 16 / 24000 * 343.0)
    return np.linalg.lstsq(np.array(rows), np.array(delays), rcond=None)[0]


def test_segments_repeat_and_splits_have_rooms_of_their_own():
    config = MovingSourcesConfig(seconds=1.0, rooms=3)
    first = draw_segment(config, ARRAY, synthetic_voice, split="val", index=4, seed=1)
    again = draw_segment(config, ARRAY, synthetic_voice, split="val", index=4, seed=1)
    assert (first.samples == again.samples).all() and (first.directions == again.directions).all()
    assert first.samples.shape == (24000, 5) and first.directions.shape == (10, 2, 3)
    assert first.active.shape == (10, 2)
    rooms = {split: {draw_room_of(config, split, k, 1) for k in range(3)} for split in ("train", "val", "test")}
    assert len(rooms["train"] | rooms["val"] | rooms["test"]) == 9
    with pytest.raises(InputError, match="not known"):
        draw_segment(config, ARRAY, synthetic_voice, split="dev", index=0, seed=1)


def test_sources_stay_in_the_room_and_move_as_fast_as_allowed():
    config = MovingSourcesConfig(seconds=3.0, reflections=0, still_share=0.0, fastest_deg_per_s=40.0)
    segment = draw_segment(config, ARRAY, synthetic_voice, split="train", index=0, seed=2)
    step_deg = np.degrees(angle_between(segment.directions[1:], segment.directions[:-1]))
    assert step_deg.max() <= 40 * 0.1 + 1e-6
    assert step_deg.max() > 0.1
    with pytest.raises(InputError, match="turn them round"):
        replace(config, lowest_snr_db=50.0)


def test_activity_follows_the_pauses_of_the_voice():
    rng = np.random.default_rng(0)

    def half(rng, samples, rate):
        return np.where(np.arange(samples) < samples // 2, 1.0, 1e-4) * noise(rng, samples, rate)

    config = MovingSourcesConfig(seconds=2.0, sources=1, reflections=0)
    active = draw_segment(config, ARRAY, half, split="train", index=0, seed=3).active[:, 0]
    assert active[:10].all() and not active[11:].any()
    assert synthetic_voice(rng, 24000, 24000).shape == (24000,)
