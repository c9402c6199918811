"""What asl_unet hears: log magnitudes of every microphone and, if wanted, what the phases between them say."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.fft import rfft

from avloc_ros.config import setting
from avloc_ros.features.directions.steered_beams import BeamFan, steered_beams
from avloc_ros.types import InputError

SMALLEST_MAGNITUDE = 1e-5
FULL_SCALE = 0.99


@dataclass(frozen=True)
class SegmentAudioConfig:
    """Sound around one video frame (docs/papers.md: asl_unet)."""

    sample_rate_hz: int = setting(16_000, "rate of the sound, Hz", low=8000, high=96_000)
    microphones: int = setting(6, "channels", low=1, high=64)
    segment_s: float = setting(0.05, "length of a segment: one video frame, s", low=0.005, high=1.0)
    context_segments: int = setting(3, "segments before and after", low=0, high=50)
    fft_length: int = setting(512, "points of the transform", low=32)
    hop_length: int = setting(256, "samples from one spectrum to the next", low=16)
    full_scale: bool = setting(True, "scale every window to 0.99 of full scale")
    phase: bool = setting(False, "add cosine and sine of the phase differences to the first microphone")
    bands: int = setting(0, "average the bins above the lowest into so many bands; 0: every bin", low=0)
    beams: int = setting(0, "add the sound steered to so many directions across the picture; 0: none", low=0, high=180)
    widest_beam_deg: float = setting(60.0, "the outermost of them, to the left and to the right", low=1.0, high=180.0)
    array: str = setting("glasses_6mic", "shipped array whose geometry the beams need")

    def __post_init__(self) -> None:
        if self.bands and self.fft_length // 2 % self.bands:
            raise InputError(f"bands is {self.bands}: must divide the {self.fft_length // 2} bins above the lowest")

    @property
    def fan(self) -> BeamFan:
        """The directions of the beams."""
        return BeamFan(self.array, self.beams, self.widest_beam_deg, self.sample_rate_hz, self.fft_length)

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
        channels = self.microphones + (2 * (self.microphones - 1) if self.phase else 0) + self.beams
        return channels, self.bands or self.fft_length // 2 + 1, self.window_samples // self.hop_length + 1


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
    the direction is in the phases alone: as they are (phase), where every band needs a rule of its own, or as beams,
    where one channel is one direction in all bands. Raises InputError on a window of another shape.
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
    features = [_banded(np.concatenate(features), config.bands)]
    if config.beams:
        features.append(steered_beams(spectra, config.fan, config.bands))
    return np.concatenate(features).astype(np.float32)


def _banded(features: np.ndarray, bands: int) -> np.ndarray:
    """Means of neighbouring bins, without the lowest: (channels, bands, spectra)."""
    if not bands:
        return features
    channels, bins, spectra = features.shape
    return features[:, 1:].reshape(channels, bands, (bins - 1) // bands, spectra).mean(axis=2)


def _centred_spectra(window: np.ndarray, config: SegmentAudioConfig) -> np.ndarray:
    half = config.fft_length // 2
    padded = np.pad(window, ((half, half), (0, 0)), mode="reflect")
    count = len(window) // config.hop_length + 1
    index = np.arange(count)[:, None] * config.hop_length + np.arange(config.fft_length)
    shape = np.hanning(config.fft_length + 1)[:-1].astype(np.float32)
    return rfft(padded[index].transpose(2, 0, 1) * shape, axis=-1).transpose(0, 2, 1)
