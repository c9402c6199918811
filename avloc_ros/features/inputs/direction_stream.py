"""The features of a direction network from a stream of audio windows: those of the whole recording, as they come about."""

from __future__ import annotations

import numpy as np

from avloc_ros.features.inputs.direction_features import DirectionFeaturesConfig, features_of_frames
from avloc_ros.features.inputs.foa_encoder import FoaEncoder
from avloc_ros.features.spectra.stft import JoinedWindows
from avloc_ros.types import AudioWindow


class DirectionStream:
    """Keeps the samples that the next frames need. The stream starts, and starts anew after a gap, as after silence."""

    def __init__(self, config: DirectionFeaturesConfig) -> None:
        self.config = config
        self._joined = JoinedWindows(config.sample_rate_hz)
        self.reset()

    def reset(self) -> None:
        """Forget the stream so far."""
        self._joined.reset()
        self._pending: np.ndarray | None = None  # (samples, channels) of frames that are not complete

    def push(self, window: AudioWindow, encoder: FoaEncoder | None, usable: np.ndarray) -> np.ndarray:
        """Features float32 (channels, frames, bands) of the frames that this window completes, maybe none.

        encoder: of the usable channels, bool (sound channels,); None: the features of the microphones themselves.
        """
        fresh, follows = self._joined.unseen(window)
        before = self._pending if follows else None
        if before is None:
            before = np.zeros((self.config.lead, fresh.shape[1]), np.float32)
        samples = np.concatenate([before, fresh])
        hop, length = self.config.hop_length, self.config.window_length
        frames = max(0, (len(samples) - length) // hop + 1)
        self._pending = samples[frames * hop :]
        if not frames:
            return np.zeros((self.config.channels(int(usable.sum())), 0, self.config.mel_bands), np.float32)
        return features_of_frames(samples[: self.config.span(frames), usable], self.config, encoder)
