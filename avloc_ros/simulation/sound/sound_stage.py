"""Voices and noises brought into a measured room: convolution, levels, and noise at a stated SNR."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.signal import fftconvolve

from avloc_ros.types import InputError

FADE_S = 0.02
PEAK = 0.6  # full scale is 1
MICROPHONE_NOISE_DB = -50.0  # self noise of the microphones against the speech


@dataclass(frozen=True)
class MixedSound:
    """samples: float32 (frames, channels). snr_db: measured on the mixture, None without noise."""

    samples: np.ndarray
    snr_db: float | None


def place(dry: np.ndarray, response: np.ndarray) -> np.ndarray:
    """A dry sound (samples,) as the array hears it through a response (taps, channels): (samples, channels)."""
    return fftconvolve(dry[:, None].astype(float), response, axes=0)[: len(dry)]


def faded(excerpt: np.ndarray, sample_rate_hz: int) -> np.ndarray:
    """The excerpt (samples,) with raised-cosine edges, so that a cut makes no click."""
    length = min(len(excerpt) // 2, round(FADE_S * sample_rate_hz))
    ramp = 0.5 - 0.5 * np.cos(np.pi * (np.arange(length) + 0.5) / max(1, length))
    out = np.array(excerpt, float)
    out[:length] *= ramp
    out[len(out) - length :] *= ramp[::-1]
    return out


def endless(
    rng: np.random.Generator, sound: np.ndarray, samples: int, gap_s: tuple[float, float], sample_rate_hz: int
) -> np.ndarray:
    """An event repeated, with gaps, to `samples`; leading and trailing silence of the clip is cut off first."""
    loud = np.flatnonzero(np.abs(sound) > 0.02 * np.abs(sound).max() + 1e-9)
    if not len(loud):
        raise InputError("the noise clip is silent")
    event = faded(sound[loud[0] : loud[-1] + 1], sample_rate_hz)
    at = -int(rng.integers(len(event)))
    track = np.zeros(samples)
    while at < samples:
        first, end = max(at, 0), min(at + len(event), samples)
        track[first:end] += event[first - at : end - at]
        at += len(event) + round(rng.uniform(*gap_s) * sample_rate_hz)
    return track


def mix(
    rng: np.random.Generator,
    speech: np.ndarray,
    heard: np.ndarray,
    noise: np.ndarray | None,
    snr_db: float | None,
) -> MixedSound:
    """Speech (frames, channels) with the noise at `snr_db`, self noise of the microphones, and a level below clipping.

    heard: bool (frames,), where anybody speaks. SNR is the mean power of the reverberant speech over these samples
    against the mean power of the reverberant noise over all samples, both over all channels.
    """
    speech_power = float(np.mean(np.square(speech[heard]))) if heard.any() else 1e-4
    mixture = np.array(speech, float)
    measured = None
    if noise is not None and snr_db is not None:
        gain = np.sqrt(speech_power / 10 ** (snr_db / 10) / (np.mean(np.square(noise)) + 1e-20))
        mixture += gain * noise
        measured = round(float(10 * np.log10(speech_power / np.mean(np.square(gain * noise)))), 3)
    self_noise = np.sqrt(speech_power) * 10 ** (MICROPHONE_NOISE_DB / 20)
    mixture += self_noise * rng.standard_normal(mixture.shape)
    level = rng.uniform(0.5, 1.0) * PEAK / (np.abs(mixture).max() + 1e-12)
    return MixedSound((level * mixture).astype(np.float32), measured)
