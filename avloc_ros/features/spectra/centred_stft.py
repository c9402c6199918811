"""Spectra of a whole chunk, analysis frames centred on multiples of the hop."""

from __future__ import annotations

import numpy as np
from scipy.fft import rfft

from avloc_ros.types import InputError

POWER_FLOOR = 1e-10  # of which a logarithm is taken; there is no other limit to the range


def centred_stft(samples: np.ndarray, fft_length: int, window_length: int, hop_length: int) -> np.ndarray:
    """Spectra complex64 (channels, frames, bins) of samples (n, channels), with n // hop_length frames.

    Periodic Hann window in the middle of the FFT, chunk mirrored at its ends; the last centred frame is dropped, so that
    3 s at 24 kHz and hop 150 give 480 (docs/papers.md: av_seld). Raises InputError where the chunk is shorter than half a frame.
    """
    if len(samples) <= fft_length // 2:
        raise InputError(
            f"chunk of {len(samples)} samples is too short for an analysis frame of {fft_length}"
        )
    half = fft_length // 2
    padded = np.pad(np.asarray(samples, np.float32), ((half, half), (0, 0)), mode="reflect")
    starts = np.arange(len(samples) // hop_length) * hop_length
    frames = np.lib.stride_tricks.sliding_window_view(padded, fft_length, axis=0)[
        starts
    ]  # (frames, channels, fft)
    spectra = rfft(frames * hann_window(fft_length, window_length), axis=-1)  # (frames, channels, bins)
    return np.ascontiguousarray(spectra.transpose(1, 0, 2).astype(np.complex64, copy=False))


def hann_window(fft_length: int, window_length: int) -> np.ndarray:
    """Periodic Hann window (fft_length,) float32, with zeros on both sides where it is shorter than the FFT."""
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(window_length) / window_length)
    left = (fft_length - window_length) // 2
    return np.pad(window, (left, fft_length - window_length - left)).astype(np.float32)


def decibels(power: np.ndarray) -> np.ndarray:
    """10 log10 of powers, float32, floored at 1e-10."""
    return (10.0 * np.log10(np.maximum(power, POWER_FLOOR))).astype(np.float32)
