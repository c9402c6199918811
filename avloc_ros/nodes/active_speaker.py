"""Node: what a pair of glasses hears and sees -> who speaks in the picture, and whether the wearer does."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from sensor_msgs.msg import CompressedImage, Image

from avloc_ros.config import setting
from avloc_ros.msg import MicrophoneArray as MicrophoneArrayMessage, SpeakerGrid, WearerActivity
from avloc_ros.nodes.base.compose import run_node
from avloc_ros.nodes.base.health import Level
from avloc_ros.nodes.base.lone_sense import works_by
from avloc_ros.nodes.base.node_base import PipelineNode
from avloc_ros.nodes.messages.conversions import array_from_message, mask_to_message, stamp_message
from avloc_ros.nodes.messages.microphones import CHANNELS_HELP, chosen_channels
from avloc_ros.nodes.messages.quality_of_service import (
    RELIABILITIES,
    image_quality,
    latched_quality,
    result_quality,
)
from avloc_ros.nodes.messages.sound_input import AUDIO_TYPE_HELP, OWN_TYPE, SoundInput
from avloc_ros.nodes.messages.speaker_messages import grid_to_message
from avloc_ros.nodes.pictures.picture_input import TRANSPORT_HELP, TRANSPORTS, listen_to_pictures, picture_of
from avloc_ros.sources.arrays import named_array
from avloc_ros.sources.sync.av_sync import AvSync, AvSyncConfig
from avloc_ros.systems.asl_unet import ActiveSpeakers, SpeakerUNetSettings, SpeakerUNetSystem
from avloc_ros.types import AudioChunk, AudioWindow, InputError

STATUS_PERIOD_S = 0.25
OTHER_PLACE_M = 0.01  # microphones farther from where the network learned are another array
NO_CAMERA = "no camera frames"  # how AvSync begins its words


@dataclass(frozen=True)
class ActiveSpeakerConfig(SpeakerUNetSettings):
    """Settings of the active speaker node: those of asl_unet, and of its inputs."""

    channels: tuple[int, ...] = setting((), CHANNELS_HELP)
    audio_type: str = setting(OWN_TYPE, AUDIO_TYPE_HELP, read_only=True)
    audio_reliability: str = setting("best_effort", "QoS of `audio`", choices=RELIABILITIES, read_only=True)
    image_transport: str = setting("raw", TRANSPORT_HELP, choices=TRANSPORTS, read_only=True)
    image_reliability: str = setting("best_effort", "QoS of `image`", choices=RELIABILITIES, read_only=True)
    image_depth: int = setting(5, "pictures that may wait in the middleware", low=1, high=100, read_only=True)
    max_wait_s: float = setting(0.3, "capture time a picture waits for sound that is late", low=0.0, high=5.0, read_only=True)
    publish_grid: bool = setting(True, "publish `speaker_grid`, in place of the fusion node's", read_only=True)


class ActiveSpeakerNode(PipelineNode):
    """`audio`, `image`, `microphone_array` -> `speaker_mask`, `wearer_activity`, `speaker_grid` (IMAGE).

    The sound around a picture reaches a while beyond it, so that everything comes that much later.
    """

    NAME = "active_speaker"
    CONFIG = ActiveSpeakerConfig
    QUEUE_CAPACITY = 10

    def build(self) -> None:
        """Load the network and subscribe."""
        self._system = SpeakerUNetSystem(self.config)  # belongs to the worker thread
        self._chosen = self._system  # what comes in now is for this one: only what never changes of it is asked
        self._sync: AvSync | None = None
        self._early_ns: deque[int] = deque(maxlen=50)  # stamps of pictures that came before the first sound
        self._resets_seen = 0
        self._array_frame = "microphone_array"
        self.health.values |= self._system.facts
        self.announce(WearerActivity, "wearer_activity", result_quality())
        self.announce(Image, "speaker_mask", image_quality("reliable"), is_promised=False)
        if self.config.publish_grid:
            self.announce(SpeakerGrid, "speaker_grid", result_quality(), is_promised=False)
        listen_to_pictures(self, self._on_image, "the wearer's voice alone, no mask", self.config.image_depth)
        SoundInput(self, self._on_audio, "nothing to hear")
        self.listen(MicrophoneArrayMessage, "microphone_array", self._on_array, latched_quality())
        self.every(STATUS_PERIOD_S, self._tell_status)

    def reset(self) -> None:
        """Forget sound and pictures."""
        if self._sync is not None:
            self._sync.reset()
        self._early_ns.clear()
        self.in_background(self._forget_pictures, droppable=False)

    def reconfigure(self, config: ActiveSpeakerConfig) -> None:
        """Another network or threshold holds from the next moment on; refused where it cannot be opened.

        What waits for the worker was cut for the network before, and is left to that one.
        """
        if SpeakerUNetSettings(**_own(config)) != SpeakerUNetSettings(**_own(self.config)):
            self._chosen = SpeakerUNetSystem(config)
            self.in_background(partial(self._exchange, self._chosen), droppable=False)
        self._sync = None
        self._early_ns.clear()

    def excuse(self) -> str:
        """Without microphones there is nothing to hear."""
        return "no sound is there, the pipeline works by eye alone" if works_by(self) == "eye" else ""

    # -------------------------------------------------------------------------------------------- inputs
    def _on_image(self, message: Image | CompressedImage) -> None:
        if not self.is_in_order("image", message):
            return
        frame = picture_of(message)
        self.in_background(partial(self._see, frame), droppable=False)
        if self._sync is None:
            self._early_ns.append(frame.stamp_ns)
            return
        self._sync.push_frame(frame.stamp_ns - self._lead_ns())  # its sound begins so much earlier
        self._advance(self._sync)

    def _on_audio(self, heard: AudioChunk) -> None:
        chunk = self._microphones_of(heard)
        if self._sync is None or self._sync.sample_rate_hz != chunk.sample_rate_hz:
            self._sync = self._begin(chunk)
        self._array_frame = chunk.frame_id
        self._sync.push_audio(chunk)
        self._advance(self._sync)

    def _on_array(self, message: MicrophoneArrayMessage) -> None:
        given, name = array_from_message(message), self._chosen.audio.array
        learned = named_array(name)
        same = given.channels == learned.channels and (
            float(np.linalg.norm(given.positions_m - learned.positions_m, axis=1).max()) <= OTHER_PLACE_M
        )
        words = f"microphone_array is not the array '{name}' that the network learned with: it will mistake directions"
        self.health.problems("array", [] if same or self.config.channels else [words])

    def _microphones_of(self, chunk: AudioChunk) -> AudioChunk:
        chunk, audio = chosen_channels(chunk, self.config.channels), self._chosen.audio
        if chunk.channels != audio.microphones:
            raise InputError(
                f"audio has {chunk.channels} channels, '{self._chosen.name}' was trained for {audio.microphones} microphones of "
                f"'{audio.array}': choose them by the parameter channels, or give other weights"
            )
        return chunk

    def _begin(self, chunk: AudioChunk) -> AvSync:
        window_s = self._chosen.window_s
        config = AvSyncConfig(
            window_s=window_s,
            max_wait_s=window_s + self.config.max_wait_s,
            frame_rate_hz=1 / self._chosen.audio.segment_s,
        )
        sync = AvSync(config, chunk.channels, chunk.sample_rate_hz)
        while self._early_ns:
            sync.push_frame(self._early_ns.popleft() - self._lead_ns())
        self._resets_seen = 0
        return sync

    def _lead_ns(self) -> int:
        """How long before a picture its sound begins."""
        return round(self._chosen.lead_s * 1e9)

    def _advance(self, sync: AvSync) -> None:
        for window in sync.pop():
            resets = sync.status().resets
            if resets != self._resets_seen:
                self._resets_seen = resets
                self.in_background(self._forget_pictures, droppable=False)
            self.in_background(partial(self._step, window))

    # -------------------------------------------------------------------------------------------- worker thread
    def _exchange(self, system: SpeakerUNetSystem) -> None:
        self._system = system
        self.health.values |= system.facts

    def _see(self, frame: Any) -> None:
        self._system.see(frame)

    def _forget_pictures(self) -> None:
        self._system.reset()

    def _step(self, window: AudioWindow) -> None:
        found = self._system.step(window)
        stamp = found.stamp_ns
        self.send("wearer_activity", self._activity(found), stamp)
        if found.mask is not None and found.grid is not None:
            self.send("speaker_mask", mask_to_message(found.mask, stamp, found.grid.frame_id), stamp)
            if self.config.publish_grid:
                self.send("speaker_grid", grid_to_message(found.grid), stamp)
            self.health.values["speakers in the picture"] = str(int((found.grid.probability > 0).sum()))
        self.health.values["wearer probability"] = f"{found.wearer.probability:.2f}"
        self.health.well("failure:worker")

    def _activity(self, found: ActiveSpeakers) -> WearerActivity:
        message = WearerActivity(speaking=found.wearer.speaking, probability=found.wearer.probability)
        message.header.stamp = stamp_message(found.stamp_ns)
        message.header.frame_id = self._array_frame
        return message

    # -------------------------------------------------------------------------------------------- diagnostics
    def _tell_status(self) -> None:
        if self._sync is None:
            return
        status = self._sync.status()
        by_ear = tuple(words for words in status.reasons if words.startswith(NO_CAMERA))
        if self.health.has_come("image"):
            by_ear = ()
        self.health.problems("by ear", by_ear, Level.OK)
        self.health.problems("alignment", [words for words in status.reasons if words not in by_ear])
        self.health.values |= {
            "audio clock drift_ppm": f"{status.drift_ppm:.1f}",
            "audio gaps": str(status.gaps),
            "audio restarts": str(status.restarts),
            "late": str(status.late),
            "windows without sound": str(status.dropped_windows),
            "time jumps": str(status.resets),
        }


def _own(config: SpeakerUNetSettings) -> dict[str, Any]:
    return {name: getattr(config, name) for name in SpeakerUNetSettings.__dataclass_fields__}


def main() -> int:
    """Run this node until it is told to stop."""
    return run_node(ActiveSpeakerNode)
