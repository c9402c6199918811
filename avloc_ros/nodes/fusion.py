"""Node: what the ear says and what the eye says about one moment -> one grid."""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import partial

from avloc_ros.config import setting
from avloc_ros.msg import SpeakerGrid as SpeakerGridMessage
from avloc_ros.nodes.base.compose import run_node
from avloc_ros.nodes.base.lone_sense import works_by
from avloc_ros.nodes.base.node_base import PipelineNode
from avloc_ros.nodes.base.stamp_join import StampJoin
from avloc_ros.nodes.messages.conversions import stamp_ns
from avloc_ros.nodes.messages.quality_of_service import result_quality
from avloc_ros.nodes.messages.speaker_messages import grid_from_message, grid_to_message
from avloc_ros.systems.fusion import FusionConfig, open_fusion
from avloc_ros.types import Modality, SpeakerGrid

STREAMS = {"audio_grid": "the grid rests on the picture alone", "visual_grid": "the grid rests on sound alone"}
FLUSH_PERIOD_S = 0.02


@dataclass(frozen=True)
class FusionNodeConfig(FusionConfig):
    """Settings of the fusion node: those of the fusion, and how long to wait."""

    max_wait_s: float = setting(
        0.4, "time for which one grid waits for the other before it goes alone", low=0.0, high=5.0, read_only=True
    )


class FusionNode(PipelineNode):
    """`audio_grid`, `visual_grid` -> `speaker_grid`; one of the two alone, marked by its modality, where one is missing."""

    NAME = "fusion"
    CONFIG = FusionNodeConfig

    def build(self) -> None:
        """Subscribe to both grids."""
        self._take(self.config)
        self._join = StampJoin(tuple(STREAMS), self.config.max_wait_s, self._fuse, time.monotonic)
        self.announce(SpeakerGridMessage, "speaker_grid", result_quality())
        for stream, consequence in STREAMS.items():
            self.listen(
                SpeakerGridMessage, stream, partial(self._on_grid, stream), result_quality(), consequence=consequence
            )
        self.every(FLUSH_PERIOD_S, self._join.flush)
        self.every(0.25, self._tell_status)

    def reset(self) -> None:
        """Forget what waits for its partner."""
        self._join.reset()
        self.in_background(self._fusion.reset, droppable=False)

    def reconfigure(self, config: FusionNodeConfig) -> None:
        """Another kind, weights or threshold hold from the next moment on; refused where they cannot be opened."""
        self._take(config)

    def excuse(self) -> str:
        """Without a camera there is nothing to fuse."""
        return "no camera is there, the pipeline works by ear alone" if works_by(self) == "ear" else ""

    def _on_grid(self, stream: str, message: SpeakerGridMessage) -> None:
        if self.is_in_order(stream, message):
            self._join.add(stream, stamp_ns(message.header.stamp), grid_from_message(message))

    def _fuse(self, stamp: int, parts: dict[str, SpeakerGrid]) -> None:
        self.in_background(partial(self._step, stamp, parts))

    def _step(self, stamp: int, parts: dict[str, SpeakerGrid]) -> None:
        fused = self._fusion.step(parts.get("audio_grid"), parts.get("visual_grid"))
        self.send("speaker_grid", grid_to_message(fused), stamp)
        if fused.modality == Modality.FUSED and fused.audio_weight is not None:
            self.health.values["mean audio weight"] = f"{float(fused.audio_weight.mean()):.2f}"
        self.health.well("failure:worker")

    def _take(self, config: FusionNodeConfig) -> None:
        """Open the fusion of a config, in the place of the one before. Raises InputError."""
        self._fusion = open_fusion(config)
        self.health.values |= self._fusion.facts

    def _tell_status(self) -> None:
        join = self._join
        self.health.values["fused"] = str(join.complete)
        for stream, other in (("audio_grid", "video only"), ("visual_grid", "audio only")):
            self.health.values[other] = str(join.incomplete[stream])
            self.health.values[f"late {stream}"] = str(join.late[stream])


def main() -> int:
    """Run this node until it is told to stop."""
    return run_node(FusionNode)
