"""Triangular mel bands on the scale of Slaney's auditory toolbox, each with unit area."""

from __future__ import annotations

import numpy as np

from avloc_ros.types import InputError

LINEAR_HZ_PER_MEL = 200.0 / 3.0  # below 1 kHz
BREAK_HZ = 1000.0
BREAK_MEL = BREAK_HZ / LINEAR_HZ_PER_MEL
LOG_STEP = np.log(6.4) / 27.0  # 27 steps from 1 kHz to 6.4 kHz


def mel_from_hz(frequency_hz: np.ndarray | float) -> np.ndarray:
    """Mels of frequencies: linear below 1 kHz, logarithmic above."""
    frequency = np.asarray(frequency_hz, float)
    logarithmic = BREAK_MEL + np.log(np.maximum(frequency, BREAK_HZ) / BREAK_HZ) / LOG_STEP
    return np.where(frequency < BREAK_HZ, frequency / LINEAR_HZ_PER_MEL, logarithmic)


def hz_from_mel(mel: np.ndarray | float) -> np.ndarray:
    """The inverse of mel_from_hz."""
    mel = np.asarray(mel, float)
    return np.where(
        mel < BREAK_MEL,
        mel * LINEAR_HZ_PER_MEL,
        BREAK_HZ * np.exp(LOG_STEP * (np.maximum(mel, BREAK_MEL) - BREAK_MEL)),
    )


def mel_weights(
    sample_rate_hz: int, fft_length: int, bands: int, low_hz: float = 0.0, high_hz: float | None = None
) -> np.ndarray:
    """Weights float32 (bands, fft_length / 2 + 1) that turn a power spectrum into mel bands.

    Raises InputError where the edges do not lie between 0 and half the sample rate in this order.
    """
    highest_hz = sample_rate_hz / 2 if high_hz is None else high_hz
    if not 0 <= low_hz < highest_hz <= sample_rate_hz / 2:
        raise InputError(
            f"mel bands from {low_hz:g} to {highest_hz:g} Hz do not fit a sample rate of {sample_rate_hz} Hz: "
            f"need 0 <= low < high <= {sample_rate_hz / 2:g}"
        )
    bins_hz = np.arange(fft_length // 2 + 1) * (sample_rate_hz / fft_length)  # (bins,)
    edges_hz = hz_from_mel(
        np.linspace(mel_from_hz(low_hz), mel_from_hz(highest_hz), bands + 2)
    )  # (bands + 2,)
    low, centre, high = edges_hz[:-2, None], edges_hz[1:-1, None], edges_hz[2:, None]
    rising, falling = (bins_hz - low) / (centre - low), (high - bins_hz) / (high - centre)
    triangles = np.maximum(0.0, np.minimum(rising, falling))  # (bands, bins)
    return (triangles * (2.0 / (high - low))).astype(np.float32)
