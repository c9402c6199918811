"""What a peak of sound is worth beside a surer one, and where the camera would see who made it."""

import numpy as np
import pytest

from avloc_ros.tracking.beliefs import Place, speaking_after
from avloc_ros.tracking.config import SpeakingConfig
from avloc_ros.tracking.evidence import Bearing, beside_outside, beside_threshold, less_for_echoes


def test_the_surest_peak_stays_and_a_weaker_one_loses_odds():
    found = less_for_echoes(np.array([0.5, 1.0, 0.9]), 6.0)
    assert found[1] == 1.0
    odds = found / (1 - found + 1e-12)
    assert odds[0] == pytest.approx(1.0 / 6, rel=1e-6)
    assert odds[2] == pytest.approx(9.0 / 6, rel=1e-6)


def test_two_sure_talkers_stay_sure():
    assert less_for_echoes(np.array([1.0, 0.999]), 6.0).min() > 0.99


def test_beside_a_doubtful_peak_nothing_is_doubted_more():
    found = less_for_echoes(np.array([0.1, 0.05]), 6.0)
    assert found[0] == 0.1 and 0.04 < found[1] < 0.05


def test_one_peak_and_no_division_change_nothing():
    np.testing.assert_array_equal(less_for_echoes(np.array([0.4]), 6.0), [0.4])
    np.testing.assert_array_equal(less_for_echoes(np.array([0.4, 0.8]), 1.0), [0.4, 0.8])
    assert len(less_for_echoes(np.zeros(0), 6.0)) == 0


def bearings(*probabilities):
    return [Bearing(np.array([1.0, 0.0, 0.0]), np.eye(2), probability) for probability in probabilities]


def test_what_a_fusion_hears_is_doubted_beside_a_surer_sound_outside_the_picture():
    found = [bearing.probability for bearing in beside_outside(bearings(0.5, 0.9999, 0.8), bearings(0.3, 0.999), 2.0)]
    assert found[1] == 0.9999  # surer than what sounds outside
    assert found[0] == pytest.approx(1 / 3, abs=1e-3)  # odds 1 to 1 / 2
    assert found[2] == pytest.approx(2 / 3, abs=1e-3)  # odds 4 to 2
    doubtful = [bearing.probability for bearing in beside_outside(bearings(0.1), bearings(0.2), 2.0)]
    assert 0.08 < doubtful[0] < 0.1


def test_without_a_sound_outside_the_picture_nothing_is_doubted():
    assert [bearing.probability for bearing in beside_outside(bearings(0.5, 0.2), [], 6.0)] == [0.5, 0.2]
    assert beside_outside([], bearings(0.9), 6.0) == []


def test_odds_of_a_fusions_peaks_are_divided_by_those_of_its_threshold():
    heights = np.array([0.2, 0.75, 0.9])
    found = beside_threshold(heights, 0.75)
    np.testing.assert_allclose(found / (1 - found), heights / (1 - heights) / 3.0, rtol=1e-9)
    assert beside_threshold(np.array([0.75]), 0.75)[0] == pytest.approx(0.5)


@pytest.mark.parametrize("place", list(Place))
def test_the_chain_is_the_one_of_the_settings_of_the_place(place):
    times = {"mean_turn_s": 0.4, "mean_turn_outside_s": 0.6, "mean_pause_s": 0.8, "mean_pause_outside_s": 3.2}
    exponents = {"evidence_exponent": 0.8, "evidence_exponent_outside": 0.5}
    config = SpeakingConfig(**times, **exponents, prior=0.5, prior_unseen=0.2, prior_outside=0.1)
    turn_s, pause_s, prior, exponent = {
        Place.SEEN: (0.4, 0.8, 0.5, 0.8), Place.HIDDEN: (0.4, 0.8, 0.2, 0.8), Place.OUTSIDE: (0.6, 3.2, 0.1, 0.5)
    }[place]  # fmt: skip
    resting = turn_s / (turn_s + pause_s)  # the share of a turn in a turn and a pause
    assert speaking_after(0.3, None, 1e6, config, place) == pytest.approx(resting)
    assert speaking_after(resting, prior, 0.04, config, place) == pytest.approx(resting)  # evidence that says nothing
    odds = [p / (1 - p) for p in (speaking_after(resting, 0.6, 0.04, config, place), resting, 0.6, prior)]
    assert odds[0] / odds[1] == pytest.approx((odds[2] / odds[3]) ** exponent)
