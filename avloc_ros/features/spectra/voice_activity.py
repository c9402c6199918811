"""Is somebody speaking: the classical answer, from the level above an adaptive floor and from voicing."""

from __future__ import annotations

import numpy as np
from scipy.fft import irfft

VOICE_BAND_HZ = (200.0, 4000.0)
PITCH_PERIOD_S = (1 / 400, 1 / 75)  # of voices from children's to deep men's


class Voicing:
    """How periodic a spectrum is at the pitch of voices."""

    def __init__(
        self, frequencies_hz: np.ndarray, frame_length: int, fft_length: int, sample_rate_hz: int
    ) -> None:
        highest = min(1800.0, float(frequencies_hz[-1]))
        self._bins = int(np.searchsorted(frequencies_hz, highest))
        spacing_hz = float(frequencies_hz[1] - frequencies_hz[0])
        self._shape = np.ones(self._bins, np.float32)
        self._shape[frequencies_hz[: self._bins] < 70] = 0
        # A short inverse transform suffices: what it gives is sampled at lags of 1 / (length * spacing).
        self._length = 8 * int(2 ** np.ceil(np.log2(self._bins)))
        lag_s = np.arange(self._length // 2) / (self._length * spacing_hz)
        self._lags = np.flatnonzero((lag_s >= PITCH_PERIOD_S[0]) & (lag_s <= PITCH_PERIOD_S[1]))
        window = np.hanning(frame_length + 2)[1:-1]
        fade = np.correlate(window, window, "full")[frame_length - 1 :]
        fade = fade / fade[0]
        self._fade = np.maximum(
            np.interp(lag_s[self._lags] * sample_rate_hz, np.arange(frame_length), fade), 0.2
        )

    def __call__(self, power: np.ndarray) -> np.ndarray:
        """Height in [0, 1] of the pitch peak of the autocorrelation, (frames,), of power spectra (frames, bins)."""
        shaped = np.sqrt(power[:, : self._bins]) * self._shape  # the root evens out the formants
        correlation = irfft(shaped, self._length, axis=-1)  # (frames, length)
        peak = (correlation[:, self._lags] / self._fade).max(-1)
        return np.clip(peak / np.maximum(correlation[:, 0], 1e-12), 0.0, 1.0)


class LevelAboveFloor:
    """Sound level above the noise floor in the band of voices, in decibels."""

    def __init__(self, frequencies_hz: np.ndarray) -> None:
        self._band = (frequencies_hz >= VOICE_BAND_HZ[0]) & (frequencies_hz <= VOICE_BAND_HZ[1])

    def __call__(self, power: np.ndarray, floor: np.ndarray) -> np.ndarray:
        """Decibels (frames,) from power and floor, both (frames, bins)."""
        ratio = power[:, self._band].mean(-1) / np.maximum(floor[:, self._band].mean(-1), 1e-20)
        return 10 * np.log10(np.maximum(ratio, 1e-3))
