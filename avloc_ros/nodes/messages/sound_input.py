"""Sound into a node: by which message, as its settings say, and how a message is read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from avloc_ros.msg import AudioFrame
from avloc_ros.nodes.base.node_base import PipelineNode
from avloc_ros.nodes.messages.conversions import audio_from_message
from avloc_ros.nodes.messages.message_types import message_class
from avloc_ros.nodes.messages.quality_of_service import audio_quality, latched_quality
from avloc_ros.sources.adapters import AudioInfo, chunk_of, info_of
from avloc_ros.types import AudioChunk

OWN_TYPE = "avloc_ros/msg/AudioFrame"
AUDIO_TYPE_HELP = "ROS type of `audio`; also those that docs/nodes.md lists, raw PCM only"
INFO_TYPES = {"audio_common_msgs/msg/AudioDataStamped": "audio_common_msgs/msg/AudioInfo"}  # told on a topic of its own


class SoundInput:
    """Gives `callback` the chunks of `audio`, of which the node's `audio_type` and `audio_reliability` say what it is.

    consequence: what is lost without sound. Raises InputError where the package of that type is not installed.
    """

    def __init__(self, node: PipelineNode, callback: Callable[[AudioChunk], None], consequence: str) -> None:
        self._callback = callback
        self._info: AudioInfo | None = None
        audio_type = node.config.audio_type
        if audio_type in INFO_TYPES:
            node.listen(message_class(INFO_TYPES[audio_type]), "audio_info", self._on_info, latched_quality())
        quality = audio_quality(node.config.audio_reliability)
        node.listen(message_class(audio_type), "audio", self._on_audio, quality, consequence=consequence)

    def _on_info(self, message: Any) -> None:
        self._info = info_of(message)

    def _on_audio(self, message: Any) -> None:
        is_own = isinstance(message, AudioFrame)
        self._callback(audio_from_message(message) if is_own else chunk_of(message, self._info))
