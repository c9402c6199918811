"""Spectra of a stream do not depend on how it was cut into windows."""

from __future__ import annotations

import numpy as np
import pytest

from avloc_ros.features.spectra.stft import StreamingStft
from avloc_ros.types import AudioWindow, InputError

RATE_HZ = 16000


def stft() -> StreamingStft:
    return StreamingStft(RATE_HZ, 0.032, 0.01, 7000.0)


def cut(samples: np.ndarray, starts: list[int], length: int = 640) -> list[AudioWindow]:
    return [AudioWindow(round(s * 1e9 / RATE_HZ), samples[s : s + length], RATE_HZ) for s in starts]


def test_a_sine_has_its_power_in_its_bin() -> None:
    analysis = stft()
    time_s = np.arange(RATE_HZ) / RATE_HZ
    sine = 0.25 * np.cos(2 * np.pi * 1000.0 * time_s)[:, None].astype(np.float32)
    spectrum = np.abs(analysis.spectra(sine, 1)[0, 0])
    assert analysis.frequencies_hz[np.argmax(spectrum)] == pytest.approx(1000.0, abs=16)
    assert spectrum.max() == pytest.approx(0.25, rel=0.01)


@pytest.mark.parametrize("jitter", [0, 100])
def test_touching_and_overlapping_windows_give_the_spectra_of_the_whole(jitter: int) -> None:
    samples = np.random.default_rng(0).normal(size=(RATE_HZ, 2)).astype(np.float32)
    starts = [k * (640 - jitter) for k in range(20)]
    analysis = stft()
    streamed = np.concatenate([analysis.push(window) for window in cut(samples, starts)])
    whole = stft().spectra(samples, len(streamed))
    np.testing.assert_allclose(streamed, whole, atol=1e-6)
    assert len(streamed) == (starts[-1] + 640 - 512) // 160 + 1


def test_no_frame_spans_a_gap() -> None:
    samples = np.zeros((RATE_HZ, 1), np.float32)
    samples[2000:4000] = np.nan  # lost samples: a frame that touched them would not be finite
    analysis = stft()
    spectra = np.concatenate([analysis.push(window) for window in cut(samples, [0, 640, 1280, 4000, 4640])])
    assert np.isfinite(spectra).all()


def test_a_rate_too_low_is_refused() -> None:
    with pytest.raises(InputError, match="2000 Hz"):
        StreamingStft(2000, 0.032, 0.01, 7000.0)
