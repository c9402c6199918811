"""The two networks of the any-array tracker, ready to run: one listens hop by hop, the other looks window by window."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from avloc_ros.runtime.engines import OnnxEngine
from avloc_ros.runtime.weights import Weights, find_weights
from avloc_ros.types import InputError

LISTEN, LOOK = "any_array_listen", "any_array_look"


@dataclass(frozen=True)
class HeardHops:
    """masks (hops, LEARNT, BANDS) in [0, 1]; voice (hops,) probability; embedding (hops, n); state, for the next call."""

    masks: np.ndarray
    voice: np.ndarray
    embedding: np.ndarray
    state: np.ndarray


class AnyArrayEngines:
    """Both networks, and the detection threshold of a cell that their card tells."""

    def __init__(self, listen: OnnxEngine, look: OnnxEngine, threshold: float) -> None:
        self._listen, self._look, self.threshold = listen, look, threshold
        hidden, embedding = listen.inputs["state"][-1], listen.outputs["embedding"][-1]
        if hidden is None or embedding is None:
            raise InputError(f"{listen.name} does not say the sizes of its state and embedding: export it anew")
        self._hidden, self.embedding = hidden, embedding

    @property
    def engines(self) -> tuple[OnnxEngine, ...]:
        """What runs the networks."""
        return self._listen, self._look

    def first_state(self) -> np.ndarray:
        """The state before anything was heard, (2, 1, hidden)."""
        return np.zeros((2, 1, self._hidden), np.float32)

    def listen(self, levels: np.ndarray, state: np.ndarray) -> HeardHops:
        """levels float32 (hops, BANDS), at least one hop; state as first_state gives it."""
        found = self._listen.run({"levels": levels[None], "state": state})
        return HeardHops(found["masks"][0], found["voice"][0], found["embedding"][0], found["next_state"])

    def look(self, maps: np.ndarray, facts: np.ndarray) -> np.ndarray:
        """Probability float32 (rows, cols) from maps (maps, rows, cols) and facts (facts,) of one window."""
        inputs = {"maps": maps[None].astype(np.float32), "facts": facts[None].astype(np.float32)}
        return self._look.run(inputs)["probability"][0]


def any_array_weights(folder: str = "") -> tuple[Weights, Weights]:
    """Files of the listening and of the looking network, in a folder that `avloc train any_array` wrote; empty: shipped.

    Raises InputError where a file or its card is missing, was changed, or is of another system.
    """
    listen, look = (
        find_weights(f"{folder}/{name}.onnx" if folder else "", name, name) for name in (LISTEN, LOOK)
    )
    return listen, look


def load_any_array(folder: str = "", device: str = "cpu", threads: int = 1) -> AnyArrayEngines:
    """Both networks, ready to run; see any_array_weights."""
    listen, look = any_array_weights(folder)
    listening, looking = OnnxEngine(listen.path, device, threads), OnnxEngine(look.path, device, threads)
    listening.warm_up()
    looking.warm_up()
    return AnyArrayEngines(listening, looking, look.number("threshold"))
