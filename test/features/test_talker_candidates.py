"""Candidates of talkers: found where shares were put, apart from each other, with facts that can be reckoned by hand."""

from __future__ import annotations

import numpy as np
import pytest

from avloc_ros.config import shipped_folder
from avloc_ros.features.directions.array_ambiguity import ArrayAmbiguity
from avloc_ros.features.directions.direction_mixture import DirectionMixture
from avloc_ros.features.directions.talker_candidates import FACTS, CandidateFinder, Moment
from avloc_ros.features.inputs.any_array_layout import COLS, MAP_ROWS, ROWS, map_directions
from avloc_ros.geometry import angle_between, direction_from_angles, wrap_angle
from avloc_ros.microphone_array import MicrophoneArray

DIRECTIONS = map_directions()
EVEN = np.full(MAP_ROWS * COLS, 1 / (MAP_ROWS * COLS))


def finder(name: str) -> CandidateFinder:
    array = MicrophoneArray.load(shipped_folder() / "config" / "arrays" / f"{name}.yaml")
    ambiguity = ArrayAmbiguity(array)
    allowed = ambiguity.assumed_side(DIRECTIONS, np.pi / MAP_ROWS).reshape(MAP_ROWS, COLS)
    return CandidateFinder(ambiguity, array.channels * (array.channels - 1) // 2, array.aperture_m, allowed)


def put(places: dict[tuple[float, float], float]) -> DirectionMixture:
    """Shares around places (azimuth, elevation in degrees), 6 degrees wide, over an even rest."""
    shares = (1 - sum(places.values())) * EVEN
    for (azimuth, elevation), share in places.items():
        hill = np.exp(-0.5 * (angle_between(DIRECTIONS, direction_from_angles(*np.radians([azimuth, elevation]))) / 0.1) ** 2)
        shares = shares + share * hill / hill.sum()
    mixture = DirectionMixture(EVEN)
    mixture.slow = mixture.fast = mixture.now = shares.astype(np.float32)
    return mixture


def moment(learned: np.ndarray | None = None) -> Moment:
    learned = np.zeros((ROWS, COLS), np.float32) if learned is None else learned
    return Moment(100.0, (100.0, 100.0), (50.0, 50.0), (0.9, 0.9, 0.9), EVEN, learned)


@pytest.mark.parametrize("azimuth", [-179.0, -61.3, 2.5, 44.0, 178.0])
def test_a_source_is_found_between_the_cells(azimuth) -> None:
    found = finder("head_6mic").find(put({(azimuth, 12.0): 0.8}), put({}), moment())
    assert np.degrees(np.abs(wrap_angle(found.azimuth_rad[0] - np.radians(azimuth)))) < 1.0
    assert np.degrees(found.elevation_rad[0]) == pytest.approx(12.0, abs=2.5)


def test_sources_come_by_size_with_their_shares() -> None:
    found = finder("head_6mic").find(put({(60.0, 0.0): 0.25, (-30.0, 10.0): 0.6}), put({(60.0, 0.0): 0.7}), moment())
    assert np.degrees(found.azimuth_rad[:2]) == pytest.approx([-30.0, 60.0], abs=1.0)
    facts = dict(zip(FACTS, found.facts.T, strict=True))
    slow = np.exp(facts["share of the voices' sound, slow"][:2])
    assert slow[0] / slow[1] == pytest.approx(0.6 / 0.25, rel=0.1)
    assert facts["slow against the largest"][:2] == pytest.approx([0.0, np.log(slow[1] / slow[0])], abs=1e-4)
    assert facts["is the largest"].tolist()[:2] == [1.0, 0.0]
    against = facts["amount of voices against amount of other sound, fast"]
    assert against[1] == pytest.approx(np.log(0.25 * 100 / (0.7 * 50)), abs=0.15)  # other sound comes from there
    assert against[0] > against[1] + 1


def test_no_two_candidates_are_near_each_other() -> None:
    found = finder("head_6mic").find(put({(0.0, 0.0): 0.4, (12.0, 0.0): 0.3, (60.0, 0.0): 0.2}), put({}), moment())
    chosen = direction_from_angles(found.azimuth_rad, found.elevation_rad)
    assert all(angle_between(chosen[i], chosen[j]) > np.radians(15) for i in range(len(found)) for j in range(i))


def test_an_array_that_lies_flat_has_one_candidate_per_azimuth() -> None:
    heights = put({(40.0, 5.0): 0.4, (40.0, 45.0): 0.3})
    in_space, flat = (finder(name).find(heights, put({}), moment()) for name in ("head_6mic", "square_4mic_10cm"))
    near = [np.sum(np.abs(np.degrees(found.azimuth_rad) - 40) < 10) for found in (in_space, flat)]
    assert near == [2, 1]


def test_what_any_array_says_is_read_near_the_candidate_only() -> None:
    learned = np.zeros((ROWS, COLS), np.float32)
    learned[18, 44] = 0.8  # azimuth 42.5 degrees, elevation 2.5
    found = finder("head_6mic").find(put({(40.0, 0.0): 0.5, (-90.0, 0.0): 0.3}), put({}), moment(learned))
    surest = dict(zip(FACTS, found.facts.T, strict=True))["any_array's surest cell there"]
    assert surest[0] == pytest.approx(np.log(0.8 / 0.2), abs=0.05)
    assert surest[1] == pytest.approx(np.log(1e-3), abs=0.05)


def test_even_shares_hold_nobody() -> None:
    assert len(finder("head_6mic").find(put({}), put({}), moment())) == 0
