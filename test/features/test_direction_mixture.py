"""Mixtures of directions: plane waves whose shares and directions are known, against what steered power shows of them."""

from __future__ import annotations

import numpy as np
import pytest

from avloc_ros.config import shipped_folder
from avloc_ros.features.directions.array_ambiguity import ArrayAmbiguity
from avloc_ros.features.directions.direction_mixture import SLOW_S, DirectionMixture, in_bands
from avloc_ros.features.directions.masked_srp import pair_phases
from avloc_ros.features.directions.srp_phat import SrpPhat
from avloc_ros.features.inputs.any_array_layout import COLS, MAP_ROWS, map_directions
from avloc_ros.geometry import angle_between, direction_from_angles
from avloc_ros.microphone_array import MicrophoneArray

FREQUENCIES_HZ = np.arange(200.0, 7000.0, 31.25)
BANDS = [slice(int(first), int(first) + 18) for first in range(0, len(FREQUENCIES_HZ) - 17, 18)]


def steering(name: str) -> tuple[MicrophoneArray, SrpPhat, np.ndarray]:
    """An array, its steering, and the shares before anything was heard."""
    array = MicrophoneArray.load(shipped_folder() / "config" / "arrays" / f"{name}.yaml")
    allowed = ArrayAmbiguity(array).assumed_side(map_directions(), np.pi / MAP_ROWS)
    return array, SrpPhat(array, FREQUENCIES_HZ, map_directions() * 2.0), allowed / allowed.sum()


def waves(array: MicrophoneArray, azimuths_deg: list[float], rng: np.random.Generator, hops: int = 4) -> np.ndarray:
    """Spectra (hops, channels, bins) of sources far away, each band by one of them alone."""
    directions = direction_from_angles(np.radians(azimuths_deg), np.zeros(len(azimuths_deg)))
    arrival_s = -(directions @ array.positions_m.T) / array.sound_speed_mps  # (sources, channels)
    owner = rng.integers(len(azimuths_deg), size=len(BANDS))
    spectra = np.zeros((hops, array.channels, len(FREQUENCIES_HZ)), np.complex64)
    for number, band in enumerate(BANDS):
        phase = np.exp(-2j * np.pi * arrival_s[owner[number]][:, None] * FREQUENCIES_HZ[band])
        spectra[..., band] = phase * np.exp(2j * np.pi * rng.random((hops, 1, band.stop - band.start)))
    return spectra


def hear(mixture: DirectionMixture, srp: SrpPhat, spectra: np.ndarray) -> np.ndarray:
    """Take in one window; its steered power over the cells, all bands together."""
    summed = pair_phases(spectra, srp.first, srp.second).sum(0)
    vectors = in_bands(srp, summed, BANDS)
    weights = np.array([len(spectra) * (band.stop - band.start) for band in BANDS], np.float32)
    mixture.hear(srp, vectors, weights, 0.04)
    return vectors.sum(0) @ srp.steering


def maxima(values: np.ndarray) -> np.ndarray:
    """Azimuths in degrees of the local maxima around the horizon, above a tenth of the highest."""
    ring = values.reshape(MAP_ROWS, COLS)[MAP_ROWS // 2 - 2 : MAP_ROWS // 2 + 2].sum(0)
    top = (ring > np.roll(ring, 1)) & (ring >= np.roll(ring, -1)) & (ring > 0.1 * ring.max())
    return np.flatnonzero(top) * 5.0 - 177.5


def test_bands_add_up_to_the_whole_spectrum() -> None:
    array, srp, _ = steering("head_6mic")
    summed = pair_phases(waves(array, [20.0], np.random.default_rng(0)), srp.first, srp.second).sum(0)
    covered = np.zeros(len(FREQUENCIES_HZ))
    covered[: BANDS[-1].stop] = 1
    expected = srp.project(waves(array, [20.0], np.random.default_rng(0)), np.tile(covered, (4, 1)).astype(np.float32)).sum(0)
    np.testing.assert_allclose(in_bands(srp, summed, BANDS).sum(0), expected, rtol=1e-3, atol=1e-2)


@pytest.mark.parametrize("name", ["respeaker_usb_4mic", "head_6mic", "tetrahedron_4mic"])
def test_two_talkers_45_degrees_apart_are_two_also_where_steered_power_is_one_hill(name) -> None:
    array, srp, first = steering(name)
    mixture, rng, power = DirectionMixture(first), np.random.default_rng(1), np.zeros(MAP_ROWS * COLS)
    for _ in range(25):
        power += hear(mixture, srp, waves(array, [0.0, 45.0], rng))
    found = maxima(mixture.slow)
    assert len(found) == 2
    assert np.abs(np.sort(found) - [0.0, 45.0]).max() <= 7.5
    if name == "respeaker_usb_4mic":  # 46 mm between microphones
        steered = maxima(power - power.min())
        assert ((steered > -30) & (steered < 75)).sum() == 1  # and others far away, which are side lobes


def test_shares_are_those_of_the_sound() -> None:
    array, srp, first = steering("head_6mic")
    mixture, rng = DirectionMixture(first), np.random.default_rng(2)
    for _ in range(40):
        hear(mixture, srp, waves(array, [-60.0, -60.0, -60.0, 90.0], rng))  # three quarters of all bands by the first
    azimuth = direction_from_angles(np.radians([-60.0, 90.0]), np.zeros(2))
    shares = [mixture.slow[angle_between(map_directions(), direction) < np.radians(20)].sum() for direction in azimuth]
    assert shares == pytest.approx([0.75, 0.25], abs=0.08)
    assert mixture.slow.sum() == pytest.approx(1.0, abs=1e-4)


def test_no_sound_is_given_to_where_no_source_may_be() -> None:
    array, srp, first = steering("respeaker_usb_4mic")
    mixture = DirectionMixture(first)
    hear(mixture, srp, waves(array, [30.0], np.random.default_rng(3)))
    assert (mixture.slow[first == 0] == 0).all() and (mixture.now[first == 0] == 0).all()


def test_silence_changes_nothing_and_a_gap_is_forgotten_at_the_rate_of_time() -> None:
    array, srp, first = steering("head_6mic")
    mixture, rng = DirectionMixture(first), np.random.default_rng(4)
    for _ in range(20):
        hear(mixture, srp, waves(array, [30.0], rng))
    before = mixture.slow.copy()
    mixture.hear(srp, np.zeros((len(BANDS), srp.pairs * srp.rank), np.float32), np.zeros(len(BANDS), np.float32), 0.04)
    np.testing.assert_array_equal(mixture.slow, before)
    mixture.fade(SLOW_S * np.log(2))
    np.testing.assert_allclose(mixture.slow, 0.5 * (before + first), atol=1e-6)
    mixture.reset()
    np.testing.assert_array_equal(mixture.slow, first.astype(np.float32))
