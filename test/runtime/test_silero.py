"""A Silero model of the data kit as the plug for voice activity."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from scipy.io import wavfile

from avloc_ros.runtime.silero import SileroVoiceActivity
from avloc_ros.types import InputError

KIT = Path(os.environ.get("AVLOC_DATA", "/nonexistent"))


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
