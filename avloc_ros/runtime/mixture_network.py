"""The small network of the mixture tracker, ready to run: from facts about candidates to probabilities."""

from __future__ import annotations

import numpy as np

from avloc_ros.runtime.engines import OnnxEngine
from avloc_ros.runtime.weights import Weights, find_weights

NAME = "mixture_talkers"


class MixtureEngine:
    """Weighs candidates; `threshold`: of the cells of the tracker's grids, from the card."""

    def __init__(self, engine: OnnxEngine, threshold: float) -> None:
        self._engine, self.threshold = engine, threshold

    @property
    def engines(self) -> tuple[OnnxEngine, ...]:
        """What runs the network."""
        return (self._engine,)

    def talker_probability(self, facts: np.ndarray) -> np.ndarray:
        """Probability (n,) that each candidate is a talker who speaks now, from facts float32 (n, facts)."""
        return self._engine.run({"facts": facts})["probability"] if len(facts) else np.zeros(0, np.float32)


def mixture_weights(path: str = "") -> Weights:
    """The file that `avloc train mixture` wrote; empty: the shipped one. Raises InputError as `find_weights` does."""
    return find_weights(path, NAME, NAME)


def load_mixture(path: str = "") -> MixtureEngine:
    """The network, ready to run; see mixture_weights."""
    weights = mixture_weights(path)
    engine = OnnxEngine(weights.path, "cpu", 1)
    engine.warm_up()
    return MixtureEngine(engine, weights.number("threshold"))
