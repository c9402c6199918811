"""The fusions that an evaluation can compare: how each is opened from a contestant's words."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from avloc_ros.systems.flat_fusion import FlatFusion
from avloc_ros.systems.localizer import LocalizerConfig
from avloc_ros.types import InputError, SpeakerGrid


class Fusion(Protocol):
    """Grids of both senses in, one grid out; where one is None the other decides."""

    def step(self, audio: SpeakerGrid | None, video: SpeakerGrid | None) -> SpeakerGrid:
        """The fused grid of one moment, with its weights and its threshold."""
        ...


@dataclass(frozen=True)
class FusionChoice:
    """Which fusion: its kind, whether the refinement network follows, and the weight file ("": the shipped one)."""

    kind: str
    refine: bool = False
    weights: str = ""


FusionOpener = Callable[[FusionChoice, LocalizerConfig], Fusion]


class OneSense:
    """Reports what one sense says, as a row of the table."""

    def __init__(self, sense: str) -> None:
        self.sense = sense

    def step(self, audio: SpeakerGrid | None, video: SpeakerGrid | None) -> SpeakerGrid:
        """The grid of the sense. Raises InputError where it is missing."""
        grid = audio if self.sense == "audio" else video
        if grid is None:
            raise InputError(f"no {self.sense} grid in this frame")
        return grid


def _open_flat(choice: FusionChoice, config: LocalizerConfig) -> Fusion:
    if choice.refine or choice.weights:
        raise InputError("flat fusion with refinement needs the trained fusion networks, which are not installed")
    return FlatFusion(config.flat)


FUSION_OPENERS: dict[str, FusionOpener] = {
    "audio": lambda choice, config: OneSense("audio"),
    "video": lambda choice, config: OneSense("video"),
    "flat": _open_flat,
}
LEARNT = ("scalar", "spatial")  # kinds that mean nothing without weights


def open_fusion_of(choice: FusionChoice, config: LocalizerConfig) -> Fusion:
    """The fusion, ready to step. Raises InputError where the kind is unknown or has no weights."""
    opener = FUSION_OPENERS.get(choice.kind)
    if opener is None:
        reason = "has no weights in this installation" if choice.kind in LEARNT else "is not known"
        raise InputError(f"fusion '{choice.kind}' {reason}; there are: {', '.join(FUSION_OPENERS)}")
    return opener(choice, config)
