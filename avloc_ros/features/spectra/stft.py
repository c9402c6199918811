"""Short-time spectra of a stream of audio windows, each sample analysed once.

The windows of a camera's frames touch, overlap by the jitter of their stamps, or leave gaps: samples already seen are
left out, and a gap starts a new analysis frame, so that no frame spans samples that were not neighbours in time.
"""

from __future__ import annotations

import numpy as np
from scipy.fft import next_fast_len, rfft

from avloc_ros.types import AudioWindow, InputError

GAP_TOLERANCE_S = 0.0005  # half a millisecond of stamp rounding is not a gap


class JoinedWindows:
    """Tells which samples of a window were not seen before, and whether they follow those that were."""

    def __init__(self, sample_rate_hz: int) -> None:
        self.sample_rate_hz = sample_rate_hz
        self.reset()

    def reset(self) -> None:
        """Forget the stream so far."""
        self._end_ns: int | None = None
        self._channels = 0

    def unseen(self, window: AudioWindow) -> tuple[np.ndarray, bool]:
        """Samples float32 (frames, channels) of the window that are new; False where they do not touch the last ones."""
        samples = np.asarray(window.samples, np.float32)
        end_ns = window.stamp_ns + round(len(samples) * 1e9 / self.sample_rate_hz)
        follows = False
        if self._end_ns is not None:
            overlap_s = (self._end_ns - window.stamp_ns) * 1e-9
            backward = end_ns <= self._end_ns
            changed = self._channels != samples.shape[1]
            follows = not (overlap_s < -GAP_TOLERANCE_S or backward or changed)
            if follows and overlap_s > GAP_TOLERANCE_S:
                samples = samples[round(overlap_s * self.sample_rate_hz) :]
        self._end_ns, self._channels = end_ns, samples.shape[1]
        return samples, follows


class StreamingStft:
    """Hann-windowed spectra from 0 Hz to `highest_hz`, `hop_s` apart, of frames of `frame_s`.

    Raises InputError where the sample rate cannot carry the band.
    """

    def __init__(self, sample_rate_hz: int, frame_s: float, hop_s: float, highest_hz: float) -> None:
        if sample_rate_hz < 4000:
            raise InputError(
                f"sample rate {sample_rate_hz} Hz is too low for voices: capture at 16000 Hz or more"
            )
        self.sample_rate_hz = sample_rate_hz
        self.frame_length = max(16, round(frame_s * sample_rate_hz))
        self.hop_length = max(1, round(hop_s * sample_rate_hz))
        self.fft_length = next_fast_len(self.frame_length, real=True)
        frequencies = np.arange(self.fft_length // 2 + 1) * (sample_rate_hz / self.fft_length)
        self.frequencies_hz = frequencies[frequencies <= highest_hz]  # (bins,)
        window = np.hanning(self.frame_length + 2)[1:-1]
        # Scaled so that the power of a bin is that of a sine of its amplitude, whatever the rate and the length.
        self._window = (window * (2 / window.sum())).astype(np.float32)[:, None]  # (frame_length, 1)
        self._joined = JoinedWindows(sample_rate_hz)
        self.reset()

    def reset(self) -> None:
        """Forget the stream so far."""
        self._pending: np.ndarray | None = None  # (samples, channels) not yet past their last frame
        self._joined.reset()

    def push(self, window: AudioWindow) -> np.ndarray:
        """Spectra complex64 (hops, channels, bins) of the analysis frames that this window completes (maybe none)."""
        fresh, follows = self._joined.unseen(window)
        pending = np.concatenate([self._pending, fresh]) if follows and self._pending is not None else fresh
        hops = max(0, (len(pending) - self.frame_length) // self.hop_length + 1)
        self._pending = pending[hops * self.hop_length :]
        return self.spectra(pending, hops)

    def spectra(self, samples: np.ndarray, hops: int) -> np.ndarray:
        """Spectra complex64 (hops, channels, bins) of samples (frames, channels), from the first sample on."""
        bins = len(self.frequencies_hz)
        if hops == 0:
            return np.zeros((0, samples.shape[1], bins), np.complex64)
        starts = np.arange(hops)[:, None] * self.hop_length + np.arange(
            self.frame_length
        )  # (hops, frame_length)
        frames = samples[starts] * self._window  # (hops, frame_length, channels)
        return rfft(frames.transpose(0, 2, 1), self.fft_length, axis=-1)[..., :bins].astype(
            np.complex64, copy=False
        )
