"""Silero VAD: a voice activity network that the user brings, as the plug of the srp tracker."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from scipy.signal import resample_poly

from avloc_ros.runtime.engines import OnnxEngine
from avloc_ros.types import InputError


class SileroVoiceActivity:
    """A Silero VAD ONNX file (input, state, sr -> output, stateN) brought by the user; runs at 16 kHz.

    Raises InputError where the file is missing, or is not such a model.
    """

    CHUNK = 512  # samples at 16 kHz per call
    CONTEXT = 64  # samples before the chunk that the model also sees

    def __init__(self, path: str | Path, sample_rate_hz: int) -> None:
        if not Path(path).is_file():
            raise InputError(
                f"no voice activity model at {path}: give the path of a Silero VAD ONNX file, or leave it empty"
            )
        self._engine = OnnxEngine(path, "cpu")
        if set(self._engine.inputs) != {"input", "state", "sr"}:
            raise InputError(
                f"{path} has inputs {sorted(self._engine.inputs)}, a Silero VAD of version 5 has input, state, sr"
            )
        divisor = int(np.gcd(16000, sample_rate_hz))
        self._up, self._down = 16000 // divisor, sample_rate_hz // divisor
        self.reset()

    def reset(self) -> None:
        """Forget the stream so far."""
        self._state = np.zeros((2, 1, 128), np.float32)
        self._heard = np.zeros(self.CONTEXT, np.float32)  # context, then samples that do not fill a chunk yet
        self._last = 0.0

    def probability(self, samples: np.ndarray) -> float:
        """Probability of a voice at the end of the next samples, float32 (frames,), at the stream's own rate."""
        at_16k = resample_poly(np.asarray(samples, np.float32), self._up, self._down)
        self._heard = np.concatenate([self._heard, at_16k.astype(np.float32)])
        size = self.CONTEXT + self.CHUNK
        while len(self._heard) >= size:
            outputs = self._engine.run(
                {"input": self._heard[None, :size], "state": self._state, "sr": np.array(16000, np.int64)}
            )
            self._state = outputs["stateN"]
            self._last = float(outputs["output"][0, 0])
            self._heard = self._heard[self.CHUNK :]
        return self._last
