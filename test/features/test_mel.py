"""Mel bands: filters, their interpolation back to bins, and levels against the running level."""

import numpy as np

from avloc_ros.features.spectra.mel import LEVEL_MEMORY_S, RelativeLevels, band_spread, mel_filters

FREQUENCIES_HZ = np.arange(0.0, 7001.0, 31.25)


def test_a_tone_is_loudest_in_the_band_around_it():
    filters = mel_filters(FREQUENCIES_HZ, 40)
    centres = (filters * FREQUENCIES_HZ[:, None]).sum(0) / filters.sum(0)
    for frequency in (437.5, 1000.0, 3000.0):
        power = np.zeros((1, len(FREQUENCIES_HZ)))
        power[0, int(frequency / 31.25)] = 1.0
        band = int(np.argmax(power @ filters))
        assert abs(centres[band] - frequency) == np.abs(centres - frequency).min()


def test_values_of_bands_are_carried_to_bins_without_loss():
    spread = band_spread(FREQUENCIES_HZ, 40)
    np.testing.assert_allclose(spread.sum(0), 1.0, rtol=1e-6)  # equal bands give equal bins
    assert spread.min() >= 0


def test_levels_are_those_of_the_definition_whatever_the_pieces():
    rng = np.random.default_rng(0)
    power = rng.exponential(1.0, (300, len(FREQUENCIES_HZ))) * np.exp(rng.normal(0, 2, (300, 1)))
    filters, hop_s = mel_filters(FREQUENCIES_HZ, 24), 0.01
    levels = RelativeLevels(filters, hop_s)
    pieces = np.concatenate([levels(power[a:b]) for a, b in ((0, 4), (4, 4), (4, 9), (9, 300))])
    log_power = np.log10(power @ filters + 1e-10)
    for hop in (0, 5, 120, 299):  # a weighted mean of all hops so far, written out
        weights = np.exp(-hop_s / LEVEL_MEMORY_S * np.arange(hop, -1, -1))
        running = (weights * log_power[: hop + 1].mean(1)).sum() / weights.sum()
        np.testing.assert_allclose(pieces[hop], np.clip(log_power[hop] - running, -4, 4), atol=1e-5)


def test_loudness_cancels_out():
    rng = np.random.default_rng(1)
    power = rng.exponential(1.0, (50, len(FREQUENCIES_HZ)))
    filters = mel_filters(FREQUENCIES_HZ, 40)
    np.testing.assert_allclose(
        RelativeLevels(filters, 0.01)(power), RelativeLevels(filters, 0.01)(power * 1e4), atol=1e-4
    )
