"""Changes that make another sound of the same class out of a recorded clip: for networks that learn from few clips."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import scipy.fft
from scipy.signal import resample_poly

from avloc_ros.config import setting

FRAME_S = 0.02  # in which the level of a clip is measured
TONE_POINTS = 6  # of the drawn response: evenly spaced over the root of the frequency, where hearing is about even
LOWEST_BLEND_DB = -9.0
FINEST_SPEED = 20  # largest denominator of a speed


@dataclass(frozen=True)
class ClipChanges:
    """How far a clip is changed; all 0: it is taken as it is."""

    quiet_db: float = setting(
        0.0, "where a clip begins and ends this far below its loudest moment, that is cut off; 0: not", low=0.0, high=120.0
    )
    speed_octaves: float = setting(0.0, "clips are played slower or faster by up to so many octaves", low=0.0, high=2.0)
    tone_db: float = setting(0.0, "their spectrum is bent up or down by up to this", low=0.0, high=40.0)
    blend_share: float = setting(0.0, "share of the clips that another one of their class is mixed into", low=0.0, high=1.0)


def changed_clip(
    clip: np.ndarray, others: Sequence[np.ndarray], rate_hz: int, changes: ClipChanges, random: np.random.Generator
) -> np.ndarray:
    """Samples (m,) of a clip (n,), changed as drawn. others: clips of its class, of which one may be mixed into it.

    A change that is off draws no random numbers.
    """
    sound = _varied(clip, rate_hz, changes, random)
    if changes.blend_share and random.random() < changes.blend_share:
        other = _varied(others[int(random.integers(len(others)))], rate_hz, changes, random)
        gain = 10 ** (random.uniform(LOWEST_BLEND_DB, 0.0) / 20)
        sound = sound / _loudness(sound) + gain * np.resize(other, len(sound)) / _loudness(other)
    return sound


def without_quiet_ends(clip: np.ndarray, rate_hz: int, quiet_db: float) -> np.ndarray:
    """From the first to the last frame of FRAME_S of a clip that is less than `quiet_db` below its loudest frame."""
    length = max(1, round(FRAME_S * rate_hz))
    count = len(clip) // length
    if count < 2:
        return clip
    power = np.square(clip[: count * length].astype(float)).reshape(count, length).mean(1)
    loud = np.flatnonzero(power >= power.max() * 10 ** (-quiet_db / 10))
    end = len(clip) if loud[-1] == count - 1 else (loud[-1] + 1) * length
    return clip[loud[0] * length : end]


def bent(clip: np.ndarray, tone_db: float, random: np.random.Generator) -> np.ndarray:
    """A clip through a smooth filter, drawn between -tone_db and tone_db at each of its points."""
    length = scipy.fft.next_fast_len(len(clip) + 512, real=True)
    spectrum = scipy.fft.rfft(clip.astype(np.float32), length)
    place = np.sqrt(np.linspace(0.0, 1.0, len(spectrum))) * (TONE_POINTS - 1)
    response_db = np.interp(place, np.arange(TONE_POINTS), random.uniform(-tone_db, tone_db, TONE_POINTS))
    return np.asarray(scipy.fft.irfft(spectrum * 10 ** (response_db / 20).astype(np.float32), length)[: len(clip)])


def _varied(clip: np.ndarray, rate_hz: int, changes: ClipChanges, random: np.random.Generator) -> np.ndarray:
    if changes.quiet_db:
        clip = without_quiet_ends(clip, rate_hz, changes.quiet_db)
    if changes.speed_octaves:
        speed = 2.0 ** random.uniform(-changes.speed_octaves, changes.speed_octaves)
        ratio = Fraction(speed).limit_denominator(FINEST_SPEED)
        clip = resample_poly(clip, ratio.denominator, ratio.numerator)
    return bent(clip, changes.tone_db, random) if changes.tone_db else clip


def _loudness(samples: np.ndarray) -> float:
    return max(float(np.sqrt(np.mean(np.square(samples)))), 1e-9)
