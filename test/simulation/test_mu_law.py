"""The mu-law against its defining formula and against its own bound."""

from __future__ import annotations

import numpy as np
import pytest

from avloc_ros.simulation.sound.mu_law import from_mu_law, to_mu_law


@pytest.mark.parametrize("steps", [31, 127])
def test_codes_are_those_of_the_formula_and_come_back(steps):
    samples = np.array([-3.0, -2.0, -0.5, 0.0, 1e-4, 0.3, 2.0])
    codes = to_mu_law(samples, 2.0, steps)
    for sample, code in zip(samples, codes.tolist(), strict=True):
        share = min(abs(sample) / 2, 1)
        assert code == round(np.sign(sample) * steps * np.log(1 + 255 * share) / np.log(256))
    for code, value in zip(codes.tolist(), from_mu_law(codes, 2.0, steps), strict=True):
        assert value == pytest.approx(np.sign(code) * 2 * (256 ** (abs(code) / steps) - 1) / 255, rel=1e-5)


def test_the_error_is_a_share_of_the_sample_where_it_is_loud():
    samples = np.geomspace(0.05, 1.0, 500)
    back = from_mu_law(to_mu_law(samples, 1.0), 1.0)
    assert np.abs(back / samples - 1).max() < np.log(256) / 127 * 0.6  # half a step, and what the bend adds
