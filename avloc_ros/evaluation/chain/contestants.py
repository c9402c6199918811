"""The systems of the table: each turns the stages of a recording into candidates per frame.

With the speaker tracker, speakers of the whole chain are reported; without it, the peaks of a grid. `nearest_face` is
the plain rule, `sphere` the peaks of the audio tracker all around the array.
"""

from __future__ import annotations

from dataclasses import dataclass

from avloc_ros.evaluation.chain.fusions import FusionChoice
from avloc_ros.systems.audio_tracker import DEFAULT_TRACKER
from avloc_ros.types import InputError

TRACKERS = ("sphere", "none")
FUSIONS = ("flat", "scalar", "spatial", "audio", "video", "sphere", "nearest_face")
WITHOUT_TRACKER = {
    "nearest_face": "the plain rule nearest_face reports by itself",
    "sphere": "'sphere' reports the peaks of the audio sphere by itself",
}


@dataclass(frozen=True)
class Contestant:
    """One row of the table.

    fusion: what is reported. tracker: "sphere" (the speaker tracker, which lives on the sphere) or "none".
    threshold: None is the system's own. refine: the refinement network follows the fusion. weights: path of the
    fusion's weight file, "" for the shipped one. audio_tracker: who hears (evaluation.chain.audio_trackers). label: the name in
    tables, "" for one made of the rest.
    """

    fusion: str = "flat"
    tracker: str = "sphere"
    threshold: float | None = None
    refine: bool = False
    weights: str = ""
    audio_tracker: str = DEFAULT_TRACKER
    label: str = ""

    def __post_init__(self) -> None:
        if self.fusion not in FUSIONS or self.tracker not in TRACKERS:
            raise InputError(
                f"no system with fusion '{self.fusion}' and tracker '{self.tracker}': "
                f"fusion is one of {', '.join(FUSIONS)}, tracker one of {', '.join(TRACKERS)}"
            )
        if self.fusion in WITHOUT_TRACKER and self.tracker != "none":
            raise InputError(f"{WITHOUT_TRACKER[self.fusion]}: give --tracker none with it")

    @property
    def name(self) -> str:
        """Its name in tables; differs between contestants that differ in anything but threshold and weights."""
        if self.label:
            return self.label
        parts = [self.fusion + (" refined" if self.refine else "")]
        parts += ["tracking"] if self.tracker != "none" else []
        parts += [self.audio_tracker] if self.audio_tracker != DEFAULT_TRACKER else []
        return "+".join(parts)

    @property
    def choice(self) -> FusionChoice | None:
        """The fusion it rests on; None where it reports without one."""
        if self.fusion == "sphere":
            return None
        kind = "flat" if self.fusion == "nearest_face" else self.fusion
        return FusionChoice(kind, self.refine, self.weights)


COMPARED = (
    Contestant("audio", "none"),
    Contestant("video", "none"),
    Contestant("flat", "none"),
    Contestant("flat", "sphere"),
    Contestant("nearest_face", "none"),
)
