"""What is heard in each direction of a fan of beams, as seen: per column of a picture from the same place."""

from __future__ import annotations

import math

import numpy as np


def heard_columns(log_odds: np.ndarray, azimuths_rad: np.ndarray, cols: int, view_deg: float) -> np.ndarray:
    """Log-odds (beams,) of a voice at azimuths (beams,), the left one first, for every column of a picture: (cols,).

    The camera has no distortion, looks along azimuth 0 and sees `view_deg` from left to right. Between two beams values
    lie on a line, beyond the outermost they are theirs.
    """
    from_left = (np.arange(cols) + 0.5) / cols  # the middle of each column, 0 to 1
    columns_rad = np.arctan((1 - 2 * from_left) * math.tan(math.radians(view_deg) / 2))
    return np.interp(-columns_rad, -azimuths_rad, log_odds)
