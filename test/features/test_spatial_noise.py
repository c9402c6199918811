"""Spatial noise subtraction on vectors whose parts are known."""

from __future__ import annotations

import numpy as np
import pytest

from avloc_ros.features.directions.spatial_noise import SpatialNoise

RNG = np.random.default_rng(1)
NOISE, TALKER = RNG.normal(size=(2, 40)).astype(np.float32)


def hops(count, vector, power, voice):
    return np.tile(vector, (count, 1)), np.ones(count), np.full(count, power), np.full(count, voice)


def alike(first, second):
    return float(first @ second / np.linalg.norm(first) / np.linalg.norm(second))


def test_what_sounds_while_nobody_speaks_is_taken_away_from_a_talker():
    plain, clean = (SpatialNoise(0.01, 0.15, 1.0, share) for share in (0.0, 1.0))
    for heard in (plain, clean):
        heard.add(*hops(300, NOISE, 1.0, 0.0))
        heard.add(*hops(60, TALKER + NOISE, 2.0, 1.0))
    assert alike(plain.cleaned()[0], TALKER) < 0.8
    assert alike(clean.cleaned()[0], TALKER) > 0.95
    assert clean.cleaned()[1] == pytest.approx(plain.cleaned()[1])


def test_without_noise_nothing_changes_and_the_sum_is_the_decaying_one():
    heard = SpatialNoise(0.01, 0.15, 1.0, 0.85)
    heard.add(*hops(100, TALKER, 1.0, 1.0))
    keep = np.exp(-0.01 / 0.15)
    expected = (1 - keep**100) / (1 - keep)
    vector, weight = heard.cleaned()
    assert vector == pytest.approx(TALKER * expected, rel=1e-4) and weight == pytest.approx(expected)
    heard.fade(0.5)
    assert heard.cleaned()[0] == pytest.approx(TALKER * expected / 2, rel=1e-4)


def test_the_faint_rest_between_words_is_not_taken_for_a_source():
    heard = SpatialNoise(0.01, 0.15, 1.0, 0.85)
    heard.add(*hops(100, TALKER, 1e-6, 0.0))  # reverberation of the talker's own voice, 60 dB down
    heard.add(*hops(60, TALKER, 1.0, 1.0))
    assert np.linalg.norm(heard.cleaned()[0]) > 0.95 * np.linalg.norm(TALKER) * 15 * 0.97


def test_reset_forgets():
    heard = SpatialNoise(0.01, 0.15, 1.0, 0.85)
    assert heard.cleaned()[1] == 0.0
    heard.add(*hops(10, NOISE, 1.0, 0.0))
    heard.reset()
    assert heard.cleaned()[0].size == 0


def test_a_talker_whose_voice_dips_between_syllables_is_not_learnt_as_noise():
    heard = SpatialNoise(0.01, 0.15, 1.0, 0.85)
    for _ in range(10):  # a syllable, and a dip shorter than the pause in which noise is learnt
        heard.add(*hops(20, TALKER, 1.0, 0.9))
        heard.add(*hops(40, TALKER, 0.5, 0.1))
    undisturbed = SpatialNoise(0.01, 0.15, 1.0, 0.0)
    undisturbed.add(*hops(20, TALKER, 1.0, 0.9))
    heard.add(*hops(20, TALKER, 1.0, 0.9))
    assert np.linalg.norm(heard.cleaned()[0]) >= np.linalg.norm(undisturbed.cleaned()[0])
