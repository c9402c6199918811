"""The input of the DSW audio network: magnitudes and phases of a few frames (docs/papers.md: dsw). numpy, live and offline."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.fft import rfft

from avloc_ros.config import setting
from avloc_ros.types import InputError

LAYOUTS = ("phase", "ipd")
DB_RANGE = 100.0  # a magnitude of 1 is 1, one of -100 dB and less is 0


@dataclass(frozen=True)
class DswInputConfig:
    """Layout of the input tensor. The defaults are the paper's: six microphones at 48 kHz and 25 frames a second."""

    microphones: int = setting(6, "channels of the array", low=2, high=64)
    sample_rate_hz: int = setting(48000, "sample rate", low=8000, high=192000)
    frame_rate_hz: float = setting(25.0, "camera frames, and so windows, per second", low=1.0, high=240.0)
    fft_length: int = setting(2048, "samples of one Fourier transform, at least those of one frame", low=64, high=65536)
    bins: int = setting(1024, "frequency bins from the first above 0 Hz on", low=16, high=32768)
    frames_before: int = setting(1, "frames before the current one", low=0, high=16)
    frames_after: int = setting(1, "frames after it: latency; 0 is causal (with 2 before)", low=0, high=16)
    layout: str = setting("phase", "magnitude with phase, or with sin and cos of phase differences", choices=LAYOUTS)

    def __post_init__(self) -> None:
        if self.fft_length < self.frame_samples or self.bins > self.fft_length // 2:
            raise InputError(
                f"fft_length is {self.fft_length} and bins {self.bins}: a frame has {self.frame_samples} samples, and a "
                f"transform of {self.fft_length} has {self.fft_length // 2} bins above 0 Hz"
            )

    @property
    def frame_samples(self) -> int:
        """Samples of one frame: 1920 at 48 kHz and 25 frames a second."""
        return round(self.sample_rate_hz / self.frame_rate_hz)

    @property
    def frames(self) -> int:
        """Frames of one input."""
        return self.frames_before + 1 + self.frames_after

    @property
    def maps(self) -> int:
        """Maps of one input: 12 for six microphones with magnitude and phase, 16 with phase differences."""
        extra = self.microphones if self.layout == "phase" else 2 * (self.microphones - 1)
        return self.microphones + extra


def frame_maps(samples: np.ndarray, config: DswInputConfig) -> np.ndarray:
    """Maps float32 (..., maps, bins) of frames of samples (..., frame_samples, microphones) in [-1, 1].

    First the magnitudes, 1 + dB / 100 within [0, 1] where a full-scale sine is 1, so that loudness stays known and the
    network sees no raw integers; then phases / pi in [-1, 1], or sin and cos of the phase against microphone 0.
    Raises InputError on another shape.
    """
    if samples.shape[-2:] != (config.frame_samples, config.microphones):
        raise InputError(
            f"a frame of sound has shape {samples.shape[-2:]}, this network needs "
            f"({config.frame_samples}, {config.microphones}): samples of one camera frame, microphones"
        )
    window = np.hanning(config.frame_samples + 2)[1:-1].astype(np.float32)
    framed = np.swapaxes(samples, -1, -2).astype(np.float32) * window  # (..., microphones, samples)
    spectra = rfft(framed, config.fft_length, axis=-1)[..., 1 : config.bins + 1]  # (..., microphones, bins)
    level_db = 20 * np.log10(np.abs(spectra) * (2 / window.sum()) + 1e-9)
    magnitude = np.clip(1 + level_db / DB_RANGE, 0.0, 1.0)
    if config.layout == "phase":
        rest = [np.angle(spectra) / np.pi]
    else:
        cross = spectra[..., 1:, :] * np.conj(spectra[..., :1, :])
        unit = cross / np.maximum(np.abs(cross), 1e-20)
        rest = [unit.imag, unit.real]
    return np.concatenate([magnitude, *rest], axis=-2).astype(np.float32)


def stacked_frames(maps: np.ndarray, config: DswInputConfig) -> np.ndarray:
    """Inputs (n, maps, frames, bins) of consecutive frames' maps (n, maps, bins); at the ends the outermost repeats."""
    count = len(maps)
    offsets = np.arange(-config.frames_before, config.frames_after + 1)
    chosen = np.clip(np.arange(count)[:, None] + offsets, 0, count - 1)  # (n, frames)
    return maps[chosen].transpose(0, 2, 1, 3)
