"""Node: what the ear says and what the eye says about one moment -> one grid."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from functools import partial

from avloc_ros.config import setting
from avloc_ros.msg import SpeakerGrid as SpeakerGridMessage
from avloc_ros.nodes.compose import run_node
from avloc_ros.nodes.conversions import stamp_ns
from avloc_ros.nodes.lone_sense import works_by
from avloc_ros.nodes.node_base import PipelineNode
from avloc_ros.nodes.quality_of_service import result_quality
from avloc_ros.nodes.speaker_messages import grid_from_message, grid_to_message
from avloc_ros.nodes.stamp_join import StampJoin
from avloc_ros.systems.flat_fusion import FlatFusion, FlatFusionConfig
from avloc_ros.types import SpeakerGrid

STREAMS = {"audio_grid": "the grid rests on the picture alone", "visual_grid": "the grid rests on sound alone"}
FLUSH_PERIOD_S = 0.02


@dataclass(frozen=True)
class FusionConfig:
    """Settings of the fusion node."""

    max_wait_s: float = setting(
        0.4, "time for which one grid waits for the other before it goes alone", low=0.0, high=5.0, read_only=True
    )
    flat: FlatFusionConfig = field(default_factory=FlatFusionConfig)


class FusionNode(PipelineNode):
    """`audio_grid`, `visual_grid` -> `speaker_grid`; one of the two alone, marked by its modality, where one is missing."""

    NAME = "fusion"
    CONFIG = FusionConfig

    def build(self) -> None:
        """Subscribe to both grids."""
        self._fusion = FlatFusion(self.config.flat)
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
        self._fusion.reset()

    def reconfigure(self, config: FusionConfig) -> None:
        """Other weights or thresholds hold from the next moment on."""
        self._fusion = FlatFusion(config.flat)

    def excuse(self) -> str:
        """Without a camera there is nothing to fuse."""
        return "no camera is there, the pipeline works by ear alone" if works_by(self) == "ear" else ""

    def _on_grid(self, stream: str, message: SpeakerGridMessage) -> None:
        if self.is_in_order(stream, message):
            self._join.add(stream, stamp_ns(message.header.stamp), grid_from_message(message))

    def _fuse(self, stamp: int, parts: dict[str, SpeakerGrid]) -> None:
        fused = self._fusion.step(parts.get("audio_grid"), parts.get("visual_grid"))
        self.send("speaker_grid", grid_to_message(fused), stamp)

    def _tell_status(self) -> None:
        join = self._join
        self.health.values["fused"] = str(join.complete)
        for stream, other in (("audio_grid", "video only"), ("visual_grid", "audio only")):
            self.health.values[other] = str(join.incomplete[stream])
            self.health.values[f"late {stream}"] = str(join.late[stream])


def main() -> int:
    """Run this node until it is told to stop."""
    return run_node(FusionNode)
