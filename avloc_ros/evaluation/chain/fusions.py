"""The fusions that an evaluation can compare: how each is opened from a contestant's words."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Protocol

from avloc_ros.systems.fusion import KINDS, FusionConfig, fusion_weights, open_fusion
from avloc_ros.systems.localizer import LocalizerConfig
from avloc_ros.types import InputError, SpeakerGrid

SENSES = ("audio", "video")


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


def weights_in_settings(kind: str, refine: bool, config: FusionConfig) -> str:
    """The weight file that the settings name for this fusion; "" where it rests on no network, or on the shipped one.

    Raises InputError where the file cannot be used for the kind that the settings say.
    """
    is_trained = kind in KINDS and (kind != "flat" or refine)
    if not config.weights or not is_trained or kind != config.kind:
        return ""
    found = fusion_weights(replace(config, refine="on"))
    return str(found.path) if found is not None else ""


def open_fusion_of(choice: FusionChoice, config: LocalizerConfig) -> Fusion:
    """The fusion, ready to step. Raises InputError where the kind is unknown or has no weights."""
    if choice.kind in SENSES:
        return OneSense(choice.kind)
    if choice.kind not in KINDS:
        raise InputError(f"fusion '{choice.kind}' is not known; there are: {', '.join((*SENSES, *KINDS))}")
    refine = "on" if choice.refine else "off"
    return open_fusion(replace(config.fusion, kind=choice.kind, refine=refine, weights=choice.weights))
