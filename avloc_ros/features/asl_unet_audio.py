"""What asl_unet hears: log magnitudes of every microphone and, if wanted, the phase differences between them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.fft import rfft

from avloc_ros.config import setting
from avloc_ros.types import InputError

SMALLEST_MAGNITUDE = 1e-5
FULL_SCALE = 0.99


@dataclass(frozen=True)
class SegmentAudioConfig:
    """Sound around one video frame (specs: asl_unet, inputs)."""

    sample_rate_hz: int = setting(16_000, "rate of the sound, Hz", low=8000, high=96_000)
    microphones: int = setting(6, "channels", low=1, high=64)
    segment_s: float = setting(0.05, "length of a segment: one video frame, s", low=0.005, high=1.0)
    context_segments: int = setting(3, "segments before and after", low=0, high=50)
    fft_length: int = setting(512, "points of the transform", low=32)
    hop_length: int = setting(256, "samples from one spectrum to the next", low=16)
    full_scale: bool = setting(True, "scale every window to 0.99 of full scale")
    phase: bool = setting(False, "add cosine and sine of the phase differences to the first microphone")

    @property
    def segment_samples(self) -> int:
        """Samples of one segment."""
        return round(self.segment_s * self.sample_rate_hz)

    @property
    def window_samples(self) -> int:
        """Samples of a segment with its context: 5600 with the defaults."""
        return (2 * self.context_segments + 1) * self.segment_samples

    @property
    def shape(self) -> tuple[int, int, int]:
        """(channels, bins, spectra) of the features: (6, 257, 22) with the defaults."""
        channels = self.microphones + (2 * (self.microphones - 1) if self.phase else 0)
        return channels, self.fft_length // 2 + 1, self.window_samples // self.hop_length + 1


def window_around(samples: np.ndarray, frame: int, config: SegmentAudioConfig) -> np.ndarray:
    """The window (samples, microphones) of video frame `frame` with its context; silence beyond the ends."""
    start = (frame - config.context_segments) * config.segment_samples
    window = np.zeros((config.window_samples, samples.shape[1]), np.float32)
    first, end = max(0, start), min(len(samples), start + config.window_samples)
    if end > first:
        window[first - start : end - start] = samples[first:end]
    return window


def segment_features(window: np.ndarray, config: SegmentAudioConfig) -> np.ndarray:
    """Features float32 (channels, bins, spectra) of a window (samples, microphones).

    Magnitudes carry level differences only; where the microphones hear about the same level (no head between them),
    the direction is in the phases alone. Raises InputError on a window of another shape.
    """
    if window.shape != (config.window_samples, config.microphones):
        raise InputError(
            f"a window of {window.shape}: need {config.window_samples} samples of {config.microphones} microphones"
        )
    window = np.asarray(window, np.float32)
    if config.full_scale:
        window = window * (FULL_SCALE / max(float(np.abs(window).max()), 1e-6))
    spectra = _centred_spectra(window, config)  # (microphones, bins, spectra)
    features = [np.log10(np.abs(spectra) + SMALLEST_MAGNITUDE)]
    if config.phase:
        difference = np.angle(spectra[1:] * np.conj(spectra[:1]))
        features += [np.cos(difference), np.sin(difference)]
    return np.concatenate(features).astype(np.float32)


def _centred_spectra(window: np.ndarray, config: SegmentAudioConfig) -> np.ndarray:
    half = config.fft_length // 2
    padded = np.pad(window, ((half, half), (0, 0)), mode="reflect")
    count = len(window) // config.hop_length + 1
    index = np.arange(count)[:, None] * config.hop_length + np.arange(config.fft_length)
    shape = np.hanning(config.fft_length + 1)[:-1].astype(np.float32)
    return rfft(padded[index].transpose(2, 0, 1) * shape, axis=-1).transpose(0, 2, 1)
