"""A small recurrent network that tells whether a sound holds a voice.

Noise floors stop what always sounds; they do not stop a door, a dog or music. One gated recurrent layer (K. Cho et
al., arXiv:1406.1078) over log band levels does, at microseconds per hop in plain numpy. It hears one power
spectrum, not the array, and so fits any geometry. Trained by `benchmarks/train_voice_network.py`; card: docs/srp.md.
"""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from avloc_ros.features.spectra.mel import RelativeLevels, mel_filters
from avloc_ros.types import InputError

FRAME_S = 0.032  # what the network was trained on
HOP_S = 0.010
BANDS = 24
WEIGHTS = Path(__file__).parent / "voice_network.npz"
UNREADABLE = (OSError, EOFError, ValueError, TypeError, AttributeError, zipfile.BadZipFile)  # what a damaged .npz may raise


class BandLevels:
    """Log band levels relative to the running level, with the voicing: what the network hears."""

    def __init__(self, frequencies_hz: np.ndarray) -> None:
        self._levels = RelativeLevels(mel_filters(frequencies_hz, BANDS), HOP_S)

    def reset(self) -> None:
        """Forget the level."""
        self._levels.reset()

    def __call__(self, power: np.ndarray, voicing: np.ndarray) -> np.ndarray:
        """float32 (hops, BANDS + 1) from power (hops, bins) and voicing (hops,) of the next hops."""
        return np.concatenate([self._levels(power), voicing[:, None].astype(np.float32)], axis=1)


@dataclass(frozen=True)
class VoiceWeights:
    """Weights of the network: gates stacked as reset, update, new."""

    input_weight: np.ndarray  # (3 hidden, features)
    hidden_weight: np.ndarray  # (3 hidden, hidden)
    input_bias: np.ndarray  # (3 hidden,)
    hidden_bias: np.ndarray  # (3 hidden,)
    output_weight: np.ndarray  # (1, hidden)
    output_bias: np.ndarray  # (1,)

    @staticmethod
    def load(path: str | Path = WEIGHTS) -> VoiceWeights:
        """Read an npz file. Raises InputError where it is missing or holds something else."""
        if not Path(path).is_file():
            raise InputError(
                f"no weights of the voice network at {path}: reinstall the package, or set voice_network to false"
            )
        try:
            with np.load(path, allow_pickle=False) as stored:
                return VoiceWeights(**{name: stored[name].astype(np.float32) for name in stored.files})
        except UNREADABLE as error:
            raise InputError(f"{path} does not hold the weights of a voice network: {error}") from error


class VoiceNetwork:
    """Streams power spectra through the network."""

    def __init__(self, frequencies_hz: np.ndarray, weights: VoiceWeights | None = None) -> None:
        self._weights = weights or VoiceWeights.load()
        self._levels = BandLevels(frequencies_hz)
        self.reset()

    def reset(self) -> None:
        """Forget the stream so far."""
        self._levels.reset()
        self._hidden = np.zeros(self._weights.hidden_weight.shape[1], np.float32)

    def __call__(self, power: np.ndarray, voicing: np.ndarray) -> np.ndarray:
        """Probability of a voice (hops,) of the next hops, from power (hops, bins) and voicing (hops,)."""
        features = self._levels(power, voicing)
        logits = np.empty(len(features), np.float32)
        for hop, drive in enumerate(features @ self._weights.input_weight.T + self._weights.input_bias):
            self._hidden = self._advance(drive)
            logits[hop] = (self._weights.output_weight @ self._hidden + self._weights.output_bias)[0]
        return 1 / (1 + np.exp(-logits))

    def _advance(self, drive: np.ndarray) -> np.ndarray:
        size = len(self._hidden)
        recurrent = self._weights.hidden_weight @ self._hidden + self._weights.hidden_bias
        gates = 1 / (1 + np.exp(-(drive[: 2 * size] + recurrent[: 2 * size])))
        reset, update = gates[:size], gates[size:]
        new = np.tanh(drive[2 * size :] + reset * recurrent[2 * size :])
        return (1 - update) * new + update * self._hidden
