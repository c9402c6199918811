"""The newest seconds of sound and pictures as a sound event network takes them: one chunk, moving on frame by frame."""

from __future__ import annotations

from collections import deque

import numpy as np
from scipy.signal import resample_poly

from avloc_ros.types import InputError


class RollingChunk:
    """The last `frames` label frames of sound (and pictures): what has not come yet is silent and black.

    Sound of another rate is resampled as one piece, so that frames do not click. picture_size: (width, height), or None.
    """

    def __init__(
        self, frames: int, frame_s: float, sample_rate_hz: int, channels: int, picture_size: tuple[int, int] | None = None
    ) -> None:
        self.frames, self.frame_s, self.sample_rate_hz, self.channels = frames, frame_s, sample_rate_hz, channels
        self.picture_size = picture_size
        self.reset()

    def reset(self) -> None:
        """Silence and darkness."""
        self._rate_hz = 0
        self._sound: deque[np.ndarray] = deque(maxlen=self.frames)  # each (n, channels), at the rate it came with
        self._pictures: deque[np.ndarray] = deque(maxlen=self.frames)  # each uint8 (3, height, width)

    def push(self, samples: np.ndarray, rate_hz: int, picture: np.ndarray | None = None) -> None:
        """One label frame: samples (n, channels), and its picture uint8 (3, height, width), the one before where None.

        Raises InputError on another number of channels.
        """
        if samples.ndim != 2 or samples.shape[1] != self.channels:
            raise InputError(f"sound of shape {samples.shape}, the sound event network takes (n, {self.channels})")
        wanted = round(self.frame_s * rate_hz)
        if rate_hz != self._rate_hz:
            self.reset()
            self._rate_hz = rate_hz
            self._sound.extend(np.zeros((wanted, self.channels), np.float32) for _ in range(self.frames))
            if self.picture_size is not None:
                width, height = self.picture_size
                self._pictures.extend(np.zeros((3, height, width), np.uint8) for _ in range(self.frames))
        missing = wanted - len(samples)
        self._sound.append(samples[:wanted] if missing <= 0 else np.pad(samples, ((0, missing), (0, 0))))
        if self.picture_size is not None:
            self._pictures.append(self._pictures[-1] if picture is None else picture)

    def samples(self) -> np.ndarray:
        """float32 (n, channels) at the network's rate."""
        heard = np.concatenate(list(self._sound)).astype(np.float32, copy=False)
        if self._rate_hz == self.sample_rate_hz:
            return heard
        divisor = int(np.gcd(self._rate_hz, self.sample_rate_hz))
        resampled = resample_poly(heard, self.sample_rate_hz // divisor, self._rate_hz // divisor, axis=0)
        wanted = round(self.frames * self.frame_s * self.sample_rate_hz)
        return np.asarray(resampled[:wanted], np.float32)

    def pictures(self) -> np.ndarray:
        """float32 (frames, 3, height, width) RGB in [0, 1]."""
        return np.stack(list(self._pictures)).astype(np.float32) / 255
