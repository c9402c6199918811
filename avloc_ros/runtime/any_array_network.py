"""The two networks of the any-array tracker, ready to run: they listen hop by hop and look window by window."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from avloc_ros.runtime.engines import OnnxEngine
from avloc_ros.types import InputError

SHIPPED = Path(__file__).parent.parent / "weights" / "any_array"
PARTS = ("listen", "look")


@dataclass(frozen=True)
class HeardHops:
    """masks (hops, LEARNT, BANDS) in [0, 1]; voice (hops,) probability; embedding (hops, embedding); state, for the next call."""

    masks: np.ndarray
    voice: np.ndarray
    embedding: np.ndarray
    state: np.ndarray


class AnyArrayEngines:
    """Both networks, and the detection threshold of their card."""

    def __init__(self, listen: OnnxEngine, look: OnnxEngine, threshold: float) -> None:
        self._listen, self._look, self.threshold = listen, look, threshold
        hidden, embedding = listen.inputs["state"][-1], listen.outputs["embedding"][-1]
        if hidden is None or embedding is None:
            raise InputError(f"{listen.name} does not say the sizes of its state and embedding: export it anew")
        self._hidden, self.embedding = hidden, embedding

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


def any_array_files(prefix: str | Path = "") -> tuple[Path, Path, Path]:
    """The two networks and the card: PREFIX_listen.onnx, PREFIX_look.onnx, PREFIX.card.json; empty: the shipped ones."""
    start = str(prefix) if prefix else str(SHIPPED)
    return Path(f"{start}_listen.onnx"), Path(f"{start}_look.onnx"), Path(f"{start}.card.json")


def load_any_array(prefix: str | Path = "", device: str = "cpu", threads: int = 1) -> AnyArrayEngines:
    """Both networks. Raises InputError where a file is missing or is not theirs."""
    listen, look, card = any_array_files(prefix)
    if not card.is_file():
        raise InputError(
            f"no card of any-array weights at {card}: name the common beginning of *_listen.onnx, *_look.onnx and "
            "*.card.json, or leave weights empty for the shipped ones"
        )
    try:
        threshold = float(json.loads(card.read_text(encoding="utf-8"))["threshold"])
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{card} is no card of any-array weights: {error!r}") from error
    engines = AnyArrayEngines(OnnxEngine(listen, device, threads), OnnxEngine(look, device, threads), threshold)
    return engines
