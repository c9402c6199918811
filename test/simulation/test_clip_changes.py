"""What is made of recorded clips, told by their spectra and lengths."""

from __future__ import annotations

import numpy as np
import pytest

from avloc_ros.simulation.events.clip_changes import ClipChanges, bent, changed_clip, without_quiet_ends

RATE = 16000


def tone(hz, seconds=1.0):
    return np.sin(2 * np.pi * hz * np.arange(round(seconds * RATE)) / RATE)


def loudest_hz(samples):
    return np.abs(np.fft.rfft(samples)).argmax() * RATE / len(samples)


def test_a_clip_that_is_not_changed_costs_no_random_numbers():
    random = np.random.default_rng(0)
    before = random.bit_generator.state
    clip = tone(440)
    assert changed_clip(clip, [], RATE, ClipChanges(), random) is clip
    assert random.bit_generator.state == before


def test_quiet_ends_are_cut_off_and_pauses_stay():
    pause = np.zeros(RATE // 2)
    clip = np.concatenate([pause, tone(440), pause, tone(440), pause, pause])
    cut = without_quiet_ends(clip, RATE, 40.0)
    assert len(cut) == pytest.approx(2.5 * RATE, abs=0.05 * RATE)
    assert np.abs(cut[:400]).max() > 0.9 and np.abs(cut[-400:]).max() > 0.9
    assert without_quiet_ends(pause, RATE, 40.0).size == pause.size  # silence is nowhere quieter


def test_a_faster_clip_is_shorter_and_higher():
    lengths = []
    for seed in range(8):
        sound = changed_clip(tone(1000), [], RATE, ClipChanges(speed_octaves=0.5), np.random.default_rng(seed))
        lengths.append(len(sound) / RATE)
        assert loudest_hz(sound) * len(sound) / RATE == pytest.approx(1000, rel=0.02)  # as many periods as before
    assert 0.7 <= min(lengths) < 0.95 < 1.05 < max(lengths) <= 1.42


def test_a_bent_spectrum_keeps_within_its_limits():
    noise = np.random.default_rng(0).normal(size=RATE)
    whole = np.abs(np.fft.rfft(noise))
    responses_db = []
    for seed in range(5):
        found = np.abs(np.fft.rfft(bent(noise, 6.0, np.random.default_rng(seed))))
        parts = [slice(first, first + 400) for first in range(0, 8000, 400)]
        responses_db.append([20 * np.log10(np.linalg.norm(found[part]) / np.linalg.norm(whole[part])) for part in parts])
    assert 2.0 < np.abs(responses_db).max() < 6.5 and np.std(responses_db, axis=0).min() > 0.5


def test_another_clip_of_the_class_is_mixed_into_one():
    random, others = np.random.default_rng(1), [tone(3000, 0.3)]
    sound = changed_clip(tone(500), others, RATE, ClipChanges(blend_share=1.0), random)
    spectrum = np.abs(np.fft.rfft(sound)) / len(sound)
    assert len(sound) == RATE and spectrum[500] > 10 * spectrum[1500]
    level_db = 20 * np.log10(spectrum[2990:3011].max() / spectrum[500])
    assert -12 < level_db < 1
