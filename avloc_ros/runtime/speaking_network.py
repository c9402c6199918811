"""The network that says of each track whether its talker speaks, ready to run: facts of one moment in, probabilities out."""

from __future__ import annotations

import numpy as np

from avloc_ros.runtime.engines import OnnxEngine
from avloc_ros.runtime.weights import Weights, find_weights
from avloc_ros.types import InputError

NAME = "speaking"


class SpeakingEngine:
    """Judges all tracks of a moment at once.

    threshold: a track speaks from this probability on; ear, fusion: the systems whose grids it learnt with. All from the card.
    """

    def __init__(self, engine: OnnxEngine, threshold: float, ear: str, fusion: str) -> None:
        self._engine, self.threshold, self.ear, self.fusion = engine, threshold, ear, fusion
        hidden = engine.inputs["memory"][-1]
        if hidden is None:
            raise InputError(f"{engine.name} does not say the size of its memory: export it anew")
        self._hidden = hidden

    @property
    def engines(self) -> tuple[OnnxEngine, ...]:
        """What runs the network."""
        return (self._engine,)

    def knows(self, ear: str, fusion: str) -> bool:
        """Whether grids of these systems mean to it what they meant when it learnt."""
        return (ear, fusion) == (self.ear, self.fusion)

    def first_memory(self) -> np.ndarray:
        """Of a track that is new, (hidden,)."""
        return np.zeros(self._hidden, np.float32)

    def judge(self, facts: np.ndarray, memories: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Probabilities (tracks,) of speaking and next memories (tracks, hidden), from facts float32 (tracks, facts)."""
        found = self._engine.run({"facts": facts, "memory": memories})
        return found["probability"], found["next_memory"]


def speaking_weights(path: str = "") -> Weights:
    """The file that `avloc train speaking` wrote; empty: the shipped one. Raises InputError as `find_weights` does."""
    return find_weights(path, NAME, NAME)


def load_speaking(facts: int, path: str = "") -> SpeakingEngine:
    """The network, ready to run; see speaking_weights. Raises InputError, too, where it was taught on another number of facts."""
    weights = speaking_weights(path)
    engine = OnnxEngine(weights.path, "cpu", 1)
    if (taught_on := engine.inputs["facts"][-1]) != facts:
        raise InputError(f"{weights.path} was taught on {taught_on} facts of a track, this version has {facts}: train it again")
    engine.warm_up()
    return SpeakingEngine(engine, weights.number("threshold"), weights.text("ear"), weights.text("fusion"))
