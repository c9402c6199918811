"""Node: of all speakers, the one to attend to, with hysteresis: a robot that turns its head at every word is no use."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from geometry_msgs.msg import PoseStamped, Vector3Stamped

from avloc_ros.config import setting
from avloc_ros.geometry import quaternion_x_towards
from avloc_ros.msg import SpeakerArray
from avloc_ros.nodes.base.compose import run_node
from avloc_ros.nodes.base.node_base import PipelineNode
from avloc_ros.nodes.messages.conversions import (
    point_message,
    quaternion_message,
    stamp_message,
    vector_message,
)
from avloc_ros.nodes.messages.quality_of_service import result_quality
from avloc_ros.nodes.messages.speaker_messages import speakers_from_message
from avloc_ros.types import Speaker, Speakers


@dataclass(frozen=True)
class AttentionConfig:
    """Settings of the attention node."""

    switch_after_s: float = setting(0.6, "another must speak alone for so long before it is attended to", low=0.0, high=30.0)
    hold_s: float = setting(3.0, "who has fallen silent stays attended to for so long", low=0.0, high=600.0)


class AttentionPolicy:
    """Chooses one speaker: who speaks, until another has spoken for a while and this one has not."""

    def __init__(self, config: AttentionConfig) -> None:
        self.config = config
        self.reset()

    def reset(self) -> None:
        """Attend to nobody."""
        self._attended = ""
        self._spoke_ns = 0
        self._rival = ""
        self._rival_since_ns = 0

    def step(self, found: Speakers) -> Speaker | None:
        """The speaker to attend to at this moment, None for nobody."""
        by_id = {speaker.id: speaker for speaker in found.speakers}
        current = by_id.get(self._attended)
        talking = [speaker for speaker in found.speakers if speaker.is_speaking]
        loudest = max(talking, key=lambda one: one.speaking_probability, default=None)
        if current is not None and current.is_speaking:
            self._spoke_ns = found.stamp_ns
            self._rival = ""
            return current
        if loudest is not None and (current is None or self._has_waited(loudest.id, found.stamp_ns)):
            self._attended, self._spoke_ns, self._rival = loudest.id, found.stamp_ns, ""
            return loudest
        if loudest is None:
            self._rival = ""
        if current is not None and found.stamp_ns - self._spoke_ns <= self.config.hold_s * 1e9:
            return current
        self._attended = ""
        return None

    def _has_waited(self, rival: str, stamp_ns: int) -> bool:
        if rival != self._rival:
            self._rival, self._rival_since_ns = rival, stamp_ns
        return stamp_ns - self._rival_since_ns >= self.config.switch_after_s * 1e9


class AttentionNode(PipelineNode):
    """`speakers` -> `active_speaker_pose` (only with a position), `active_speaker_bearing` (a unit vector, always)."""

    NAME = "attention"
    CONFIG = AttentionConfig

    def build(self) -> None:
        """Subscribe to the speakers."""
        self._policy = AttentionPolicy(self.config)
        self.announce(PoseStamped, "active_speaker_pose", result_quality(), is_promised=False)
        self.announce(Vector3Stamped, "active_speaker_bearing", result_quality(), is_promised=False)
        self.listen(SpeakerArray, "speakers", self._on_speakers, result_quality(), consequence="nobody to attend to")

    def reset(self) -> None:
        """Attend to nobody."""
        self._policy.reset()

    def reconfigure(self, config: AttentionConfig) -> None:
        """Other times hold from now on."""
        self._policy.config = config

    def _on_speakers(self, message: Any) -> None:
        if not self.is_in_order("speakers", message):
            return
        found = speakers_from_message(message)
        speaker = self._policy.step(found)
        self.health.values["attended"] = speaker.id if speaker is not None else ""
        if speaker is not None:
            self._publish(speaker, found)

    def _publish(self, speaker: Speaker, found: Speakers) -> None:
        bearing = Vector3Stamped(vector=vector_message(speaker.direction))
        bearing.header.stamp, bearing.header.frame_id = stamp_message(found.stamp_ns), found.frame_id
        self.send("active_speaker_bearing", bearing, found.stamp_ns)
        if speaker.position is None:
            return  # a bearing is never given a pretended range: navigation would drive there
        pose = PoseStamped(header=bearing.header)
        pose.pose.position = point_message(speaker.position)
        pose.pose.orientation = quaternion_message(quaternion_x_towards(speaker.direction))
        self.send("active_speaker_pose", pose, found.stamp_ns)


def main() -> int:
    """Run this node until it is told to stop."""
    return run_node(AttentionNode)
