"""Voice activity, levels, noise and movement of sound."""

from __future__ import annotations

import numpy as np
import pytest

from avloc_ros.simulation.sound.clean_speech import active_rms, resampled, speech_activity
from avloc_ros.simulation.sound.moving_sound import ShoeboxRoom, heard_along
from avloc_ros.simulation.sound.sound_stage import endless, mix, place

RATE = 16000


def _babble(seconds: float, seed: int = 0) -> np.ndarray:
    """Noise with the syllable rhythm of speech."""
    rng = np.random.default_rng(seed)
    time_s = np.arange(round(seconds * RATE)) / RATE
    return rng.standard_normal(len(time_s)) * (0.6 + 0.4 * np.sin(2 * np.pi * 4 * time_s))


def test_activity_finds_the_spoken_part_above_a_noise_floor() -> None:
    sound = 0.01 * np.random.default_rng(1).standard_normal(3 * RATE)
    sound[RATE : 2 * RATE] += _babble(1.0)
    active = speech_activity(sound, RATE, 25.0, 75)
    np.testing.assert_array_equal(np.flatnonzero(np.diff(active.astype(int))) + 1, [25, 51])


def test_activity_ignores_a_click() -> None:
    sound = 0.01 * np.random.default_rng(1).standard_normal(3 * RATE)
    sound[RATE : 2 * RATE] += _babble(1.0)
    sound[round(2.7 * RATE) : round(2.73 * RATE)] += 1.0
    assert not speech_activity(sound, RATE, 25.0, 75)[60:].any()


def test_silence_is_silent_and_level_counts_speech_only() -> None:
    assert not speech_activity(np.zeros(RATE), RATE, 25.0, 25).any()
    sound = np.concatenate([np.zeros(RATE), _babble(1.0), np.zeros(RATE)])
    assert active_rms(sound, RATE) == pytest.approx(np.sqrt(np.mean(_babble(1.0) ** 2)), rel=0.05)


def test_resampling_keeps_a_tone() -> None:
    tone = np.sin(2 * np.pi * 440 * np.arange(44100) / 44100)
    spectrum = np.abs(np.fft.rfft(resampled(tone, 44100, 16000)))
    assert spectrum.argmax() == 440


@pytest.mark.parametrize("snr_db", [0.0, 10.0])
def test_noise_has_the_snr_that_was_asked(snr_db: float) -> None:
    rng = np.random.default_rng(0)
    speech = np.zeros((3 * RATE, 4))
    speech[RATE : 2 * RATE] = rng.standard_normal((RATE, 4))
    heard = np.zeros(3 * RATE, bool)
    heard[RATE : 2 * RATE] = True
    noise = rng.laplace(size=(3 * RATE, 4)) * 7.0
    mixed = mix(rng, speech, heard, noise, snr_db)
    assert mixed.snr_db == pytest.approx(snr_db, abs=0.001)
    assert np.abs(mixed.samples).max() <= 1.0
    # Measured without knowing the parts: power of the mixture during speech and outside of it.
    noise_power = np.mean(mixed.samples[~heard] ** 2)
    speech_power = np.mean(mixed.samples[heard] ** 2) - noise_power
    assert 10 * np.log10(speech_power / noise_power) == pytest.approx(snr_db, abs=0.3)


def test_a_delta_response_delays_and_scales() -> None:
    response = np.zeros((50, 2))
    response[3, 0], response[7, 1] = 1.0, -0.5
    sound = np.random.default_rng(0).standard_normal(200)
    placed = place(sound, response)
    np.testing.assert_allclose(placed[3:, 0], sound[:-3], atol=1e-12)
    np.testing.assert_allclose(placed[7:, 1], -0.5 * sound[:-7], atol=1e-12)


def test_a_short_event_fills_the_scene() -> None:
    clip = np.zeros(RATE)
    clip[4000:8000] = _babble(0.25)
    track = endless(np.random.default_rng(0), clip, 5 * RATE, (0.1, 0.2), RATE)
    blocks = np.abs(track).reshape(-1, RATE // 2).max(axis=1)
    assert len(track) == 5 * RATE and blocks.min() > 0.1


def test_a_moving_source_arrives_with_the_delays_of_its_places() -> None:
    pytest.importorskip("pyroomacoustics", reason="pyroomacoustics makes the responses")
    room = ShoeboxRoom((6.0, 5.0, 3.0), (3.0, 2.5, 1.5), rt60_s=0.2, max_order=0)
    microphones = np.array([[0.0, 0.1, 0.0], [0.0, -0.1, 0.0]])
    path = np.linspace([0.0, 1.5, 0.0], [0.0, -1.5, 0.0], 11) + [1.0, 0.0, 0.0]
    sound = np.random.default_rng(0).standard_normal(48000 * 2)
    heard = heard_along(sound, path, room, microphones, 48000, 0.2)
    for index in (1, 5, 9):
        middle = round(index * 0.2 * 48000)
        piece = heard[middle - 1200 : middle + 1200]
        lag = np.correlate(piece[:, 0], piece[:, 1], "full").argmax() - (len(piece) - 1)
        ways = np.linalg.norm(path[index] - microphones, axis=1)
        assert lag == pytest.approx((ways[0] - ways[1]) / 343.0 * 48000, abs=2.5)
