"""Voicing of tones and noise; a Silero model of the data kit as the plug."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from scipy.io import wavfile

from avloc_ros.features.stft import StreamingStft
from avloc_ros.features.voice_activity import SileroVoiceActivity, Voicing
from avloc_ros.types import InputError

KIT = Path(os.environ.get("AVLOC_DATA", "/nonexistent"))


@pytest.mark.parametrize("rate", [16000, 48000])
def test_voicing_is_high_for_pulses_and_low_for_noise(rate: int) -> None:
    stft = StreamingStft(rate, 0.032, 0.01, 7000.0)
    voicing = Voicing(stft.frequencies_hz, stft.frame_length, stft.fft_length, rate)
    time_s = np.arange(rate) / rate
    for pitch_hz in (95.0, 140.0, 260.0):
        tone = np.cos(2 * np.pi * pitch_hz * np.arange(1, 12)[:, None] * time_s).sum(0)[:, None].astype(np.float32)
        assert voicing(np.abs(stft.spectra(tone, 50)[:, 0]) ** 2).mean() > 0.55
    noise = np.random.default_rng(0).normal(size=(rate, 1)).astype(np.float32)
    assert voicing(np.abs(stft.spectra(noise, 50)[:, 0]) ** 2).mean() < 0.3


@pytest.mark.skipif(not KIT.is_dir(), reason="AVLOC_DATA does not name the data kit")
def test_silero_of_the_kit_hears_a_recorded_voice_and_not_noise() -> None:
    clip = sorted(KIT.glob("array_recordings/respeaker4_multissl/a180e20_50cm*.wav"))[0]
    rate, samples = wavfile.read(clip)
    silero = SileroVoiceActivity(KIT / "models" / "silero_vad.onnx", rate)
    voice = [silero.probability(piece) for piece in np.array_split(samples[:, 0] / 32768.0, 130)]
    silero.reset()
    noise = np.random.default_rng(0).normal(size=len(samples)) * 0.01
    hiss = [silero.probability(piece) for piece in np.array_split(noise, 130)]
    assert max(voice) > 0.9
    assert np.mean(hiss) < 0.2


def test_a_missing_model_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="nothing.onnx"):
        SileroVoiceActivity(tmp_path / "nothing.onnx", 16000)
