"""The localizer of diff_track, ready to run label frame by label frame."""

from __future__ import annotations

import numpy as np

from avloc_ros.runtime.engines import OnnxEngine
from avloc_ros.runtime.weights import Weights, find_weights

SYSTEM = "diff_track_live"
STATES = ("heard", "first", "second", "hidden")  # of models/diff_track/streaming.py


class LiveLocalizer:
    """One label frame after the other, with a state that `reset` clears."""

    def __init__(self, weights: Weights, device: str = "cpu", threads: int = 1) -> None:
        self._engine = OnnxEngine(weights.path, device, threads)
        self._engine.warm_up()
        self.reset()

    @property
    def engines(self) -> tuple[OnnxEngine, ...]:
        """What runs the network."""
        return (self._engine,)

    def reset(self) -> None:
        """As before anything was heard."""
        shapes = self._engine.inputs
        self._state = {name: np.zeros([size or 1 for size in shapes[name]], np.float32) for name in STATES}

    def step(self, features: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """directions (tracks, 3) and activity logits (tracks,) of features (channels, frames_per_label, bands)."""
        found = self._engine.run({"features": features[None].astype(np.float32), **self._state})
        self._state = {name: found[f"next_{name}"] for name in STATES}
        return found["directions"][0, -1], found["activity"][0, -1]


def live_weights(path: str = "") -> Weights:
    """The weights at a path, or the shipped ones where it is empty. Raises InputError where there are none."""
    return find_weights(path, SYSTEM, SYSTEM)
