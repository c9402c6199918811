"""Voices from a folder: talkers of one split only, as long as asked for, with pauses."""

from __future__ import annotations

import numpy as np
import pytest

from avloc_ros.simulation.sound.recorded_voices import RecordedVoices
from avloc_ros.sources.audio_file import write_audio
from avloc_ros.types import InputError

RATE = 8000


@pytest.fixture
def folder(tmp_path):
    """Three talkers, each a tone of his own: 300, 600 and 900 Hz."""
    for number in range(1, 4):
        time = np.arange(2 * RATE) / RATE
        write_audio(tmp_path / f"t{number}-a.wav", 0.3 * np.sin(2 * np.pi * 300 * number * time)[:, None], RATE)
    return tmp_path


def test_every_split_has_talkers_of_its_own(folder):
    heard = set()
    for split in ("train", "val", "test"):
        sound = RecordedVoices(folder, split)(np.random.default_rng(0), 6 * RATE, RATE)
        heard.add(round(np.argmax(np.abs(np.fft.rfft(sound))) / 6 / 300))
        assert sound.shape == (6 * RATE,)
        silent = np.abs(sound).reshape(-1, RATE // 10).max(axis=1) < 1e-6
        assert 0.05 < silent.mean() < 0.7
        assert np.sqrt(np.mean(sound[np.abs(sound) > 1e-6] ** 2)) == pytest.approx(0.1, rel=0.1)
    assert heard == {1, 2, 3}


def test_a_folder_without_speech_is_refused(tmp_path):
    with pytest.raises(InputError, match="no speech"):
        RecordedVoices(tmp_path, "train")
