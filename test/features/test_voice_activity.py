"""Voicing of tones and noise."""

from __future__ import annotations

import numpy as np
import pytest

from avloc_ros.features.spectra.stft import StreamingStft
from avloc_ros.features.spectra.voice_activity import Voicing


@pytest.mark.parametrize("rate", [16000, 48000])
def test_voicing_is_high_for_pulses_and_low_for_noise(rate: int) -> None:
    stft = StreamingStft(rate, 0.032, 0.01, 7000.0)
    voicing = Voicing(stft.frequencies_hz, stft.frame_length, stft.fft_length, rate)
    time_s = np.arange(rate) / rate
    for pitch_hz in (95.0, 140.0, 260.0):
        tone = (
            np.cos(2 * np.pi * pitch_hz * np.arange(1, 12)[:, None] * time_s)
            .sum(0)[:, None]
            .astype(np.float32)
        )
        assert voicing(np.abs(stft.spectra(tone, 50)[:, 0]) ** 2).mean() > 0.55
    noise = np.random.default_rng(0).normal(size=(rate, 1)).astype(np.float32)
    assert voicing(np.abs(stft.spectra(noise, 50)[:, 0]) ** 2).mean() < 0.3
