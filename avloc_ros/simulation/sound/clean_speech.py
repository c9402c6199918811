"""Voice activity and level of clean speech: the truth that a scene's `speaking` column is made from."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from scipy.signal import butter, resample_poly, sosfilt

BLOCK_S = 0.01
RISE = 0.35  # where between the noise floor and the speech level the threshold lies (share of the distance in dB)
CLOSE_GAPS_S = 0.30  # shorter pauses are part of the speech
DROP_BURSTS_S = 0.08  # shorter sounds are clicks
HANGOVER_S = 0.04


def speech_activity(samples: np.ndarray, sample_rate_hz: int, fps: float, frames: int) -> np.ndarray:
    """Per video frame whether somebody speaks: bool (frames,), from clean mono speech (samples,).

    Energy in 10 ms blocks above 100 Hz against a threshold between the recording's own floor and speech level; short
    gaps closed, clicks dropped, 40 ms of hangover. A frame speaks when at least half of its blocks do.
    """
    active = active_blocks(samples, sample_rate_hz)
    first_block = np.round(np.arange(frames + 1) / fps / BLOCK_S).astype(int)
    padded = np.concatenate([active, np.zeros(max(0, first_block[-1] - len(active)), bool)])
    return np.array([padded[a:b].mean() >= 0.5 for a, b in pairwise(first_block)])


def active_blocks(samples: np.ndarray, sample_rate_hz: int) -> np.ndarray:
    """Voice activity per 10 ms block: bool (blocks,)."""
    size = round(BLOCK_S * sample_rate_hz)
    count = len(samples) // size
    if count == 0:
        return np.zeros(0, bool)
    high_passed = sosfilt(butter(2, 100.0, "high", fs=sample_rate_hz, output="sos"), samples)
    power = np.mean(high_passed[: count * size].reshape(count, size) ** 2, axis=1)
    level_db = 10 * np.log10(power + 1e-12)
    floor_db, speech_db = np.percentile(level_db, 10), np.percentile(level_db, 95)
    if speech_db - floor_db < 6.0:  # nothing rises above the floor: silence, or speech without any pause
        return np.full(count, bool(speech_db > -60.0))
    active = level_db > floor_db + RISE * (speech_db - floor_db)
    active = _fill_runs(active, value=False, shorter_than=round(CLOSE_GAPS_S / BLOCK_S))
    active = _fill_runs(active, value=True, shorter_than=round(DROP_BURSTS_S / BLOCK_S), edges=True)
    hangover = round(HANGOVER_S / BLOCK_S)
    return np.convolve(active, np.ones(hangover + 1))[:count] > 0.5


def active_rms(samples: np.ndarray, sample_rate_hz: int) -> float:
    """Root mean square over the blocks with speech; of everything where there is none."""
    active = active_blocks(samples, sample_rate_hz)
    size = round(BLOCK_S * sample_rate_hz)
    blocks = samples[: len(active) * size].reshape(len(active), size)
    chosen = blocks[active] if active.any() else samples
    return float(np.sqrt(np.mean(np.square(chosen, dtype=float)) + 1e-20))


def resampled(samples: np.ndarray, from_hz: int, to_hz: int) -> np.ndarray:
    """The same sound (frames, ...) at another rate, polyphase."""
    if from_hz == to_hz:
        return samples
    common = int(np.gcd(from_hz, to_hz))
    return resample_poly(samples, to_hz // common, from_hz // common, axis=0).astype(samples.dtype)


def _fill_runs(active: np.ndarray, *, value: bool, shorter_than: int, edges: bool = False) -> np.ndarray:
    """Turn runs of `value` shorter than a limit into the other value; runs at the edges only where asked."""
    turned = active.copy()
    borders = np.flatnonzero(np.diff(active.astype(int))) + 1
    starts, ends = np.r_[0, borders], np.r_[borders, len(active)]
    for start, end in zip(starts, ends, strict=True):
        at_edge = start == 0 or end == len(active)
        if active[start] == value and end - start < shorter_than and (edges or not at_edge):
            turned[start:end] = not value
    return turned
