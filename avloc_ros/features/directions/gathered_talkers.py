"""Probabilities over a sphere grid in which a broad peak counts as the one talker that it stands for."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import maximum_filter, uniform_filter

from avloc_ros.types import CELLS_PER_TALKER

TALKERS_IN_A_PEAK = 1.2  # any_array, as chosen on validation scenes
AROUND_CELLS = (17, 5)  # 85 degrees of elevation, 25 of azimuth: what may be one talker of unsure height


def gathered_talkers(probability: np.ndarray, talkers_in_a_peak: float = TALKERS_IN_A_PEAK) -> np.ndarray:
    """Probabilities (rows, cols) of a sphere grid in which a broad peak counts as the one talker that it stands for.

    A cell holds the probability that a talker is within one cell width. Summed over a peak, that is the number of talkers
    expected there, times CELLS_PER_TALKER. Where it is more than `talkers_in_a_peak` times the height of the peak, all cells
    around are raised by what it is more; never above 1.
    """
    bounds = ("constant", "wrap")  # nothing beyond the poles
    around = uniform_filter(probability, AROUND_CELLS, mode=bounds) * (AROUND_CELLS[0] * AROUND_CELLS[1] / CELLS_PER_TALKER)
    height = maximum_filter(probability, AROUND_CELLS, mode=bounds)
    breadth = around / np.maximum(height, 1e-6)
    return np.minimum(probability * np.maximum(breadth / talkers_in_a_peak, 1.0), 1.0)
