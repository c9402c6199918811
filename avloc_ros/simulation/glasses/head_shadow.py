"""The head between two ears: a sphere's shadow, as a filter of one pole and one zero (Brown and Duda 1998, Eq. 2 to 4).

Without it, microphones around a head would all hear a distant talker at the same level, and magnitudes alone could
tell nothing about where he is.
"""

from __future__ import annotations

import numpy as np
from scipy.signal import lfilter

from avloc_ros.microphone_array import SPEED_OF_SOUND_MPS

HEAD_CENTRE_M = np.array([-0.085, 0.0, -0.02])  # behind and a little below the bridge of the nose
HEAD_RADIUS_M = 0.0875
DARKEST_RAD = np.deg2rad(150.0)  # the shadow is deepest here: right behind the sphere the sound meets again
LOWEST_GAIN = 0.1  # of high frequencies in the deepest shadow


def high_frequency_gain(incidence_rad: np.ndarray) -> np.ndarray:
    """Gain of high frequencies by the angle between the microphone's outward direction and the source: 2 to 0.1."""
    half = LOWEST_GAIN / 2
    return (1 + half) + (1 - half) * np.cos(np.asarray(incidence_rad) / DARKEST_RAD * np.pi)


def shadowed(
    response: np.ndarray, microphones_m: np.ndarray, source_m: np.ndarray, sample_rate_hz: int
) -> np.ndarray:
    """A response (taps, channels) as a head colours it; positions in the head's frame, source_m (3,).

    The whole response gets the filter of the direct path; reflections come from elsewhere, so theirs is an approximation.
    """
    outwards = microphones_m - HEAD_CENTRE_M
    towards = source_m - HEAD_CENTRE_M
    cosine = outwards @ towards / (np.linalg.norm(outwards, axis=1) * np.linalg.norm(towards) + 1e-12)
    gains = high_frequency_gain(np.arccos(np.clip(cosine, -1, 1)))  # (channels,)
    return np.stack(
        [_shelf(channel, gain, sample_rate_hz) for channel, gain in zip(response.T, gains, strict=True)], axis=1
    )


def _shelf(channel: np.ndarray, gain: float, sample_rate_hz: int) -> np.ndarray:
    """(1 + gain * s / (2 w0)) / (1 + s / (2 w0)), w0 = c / radius, by the bilinear transform: unity at low frequencies."""
    k = 2 * sample_rate_hz / (2 * SPEED_OF_SOUND_MPS / HEAD_RADIUS_M)
    return lfilter([1 + gain * k, 1 - gain * k], [1 + k, 1 - k], channel)
