"""The input of the DSW audio network on sounds whose magnitude and phase are known."""

from __future__ import annotations

import numpy as np
import pytest

from avloc_ros.features.inputs.dsw_input import DswInputConfig, frame_maps, stacked_frames
from avloc_ros.types import InputError

CONFIG = DswInputConfig(microphones=3, sample_rate_hz=16000, fft_length=1024, bins=512)
BIN = 64  # 1000 Hz


def sine(delays, amplitude=1.0):
    """A sine of bin 64 that reaches each microphone `delays` samples late: (1, 640, 3)."""
    time = np.arange(CONFIG.frame_samples)[:, None] - np.asarray(delays)
    return amplitude * np.cos(2 * np.pi * BIN / 1024 * time)[None]


def test_a_full_scale_sine_is_1_and_one_40_db_softer_0_6():
    for amplitude, expected in ((1.0, 1.0), (0.01, 0.6)):
        maps = frame_maps(sine([0, 0, 0], amplitude), CONFIG)
        assert maps.shape == (1, 6, 512) and maps.dtype == np.float32
        assert maps[0, :3, BIN - 1] == pytest.approx(expected, abs=0.005)  # bin 0 is left out
        assert maps[0, 0, 300] < expected - 0.3
    assert frame_maps(np.zeros((640, 3)), CONFIG).max() == 0


def test_phases_tell_the_delays():
    delays = np.array([0.0, 2.0, -3.0])
    maps = frame_maps(sine(delays), CONFIG)[0]
    expected = -2 * np.pi * BIN / 1024 * delays
    phase = maps[3:, BIN - 1] * np.pi
    np.testing.assert_allclose(np.exp(1j * (phase - phase[0])), np.exp(1j * expected), atol=1e-3)
    differences = frame_maps(sine(delays), DswInputConfig(**{**vars(CONFIG), "layout": "ipd"}))[0]
    assert differences.shape == (3 + 2 * 2, 512)
    np.testing.assert_allclose(differences[3:5, BIN - 1], np.sin(expected[1:]), atol=1e-3)
    np.testing.assert_allclose(differences[5:7, BIN - 1], np.cos(expected[1:]), atol=1e-3)


def test_frames_around_each_frame():
    maps = np.arange(5.0, dtype=np.float32)[:, None, None] * np.ones((5, 6, 4), np.float32)
    middle = stacked_frames(maps, CONFIG)  # one before, one after
    assert middle.shape == (5, 6, 3, 4)
    np.testing.assert_array_equal(middle[:, 0, :, 0], [[0, 0, 1], [0, 1, 2], [1, 2, 3], [2, 3, 4], [3, 4, 4]])
    causal = stacked_frames(maps, DswInputConfig(**{**vars(CONFIG), "frames_before": 2, "frames_after": 0}))
    np.testing.assert_array_equal(causal[3, 0, :, 0], [1, 2, 3])


def test_what_does_not_fit_is_refused():
    with pytest.raises(InputError, match="a frame has 1920 samples"):
        DswInputConfig(fft_length=1024)
    with pytest.raises(InputError, match=r"this network needs \(640, 3\)"):
        frame_maps(np.zeros((640, 4)), CONFIG)
