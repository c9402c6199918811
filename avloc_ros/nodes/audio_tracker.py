"""Node: sound from a microphone array -> where a talker is likely, over the picture and over all directions."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from sensor_msgs.msg import CameraInfo

from avloc_ros.config import setting
from avloc_ros.features.directions.srp_phat import require_device
from avloc_ros.microphone_array import MicrophoneArray
from avloc_ros.msg import MicrophoneArray as MicrophoneArrayMessage, SpeakerGrid
from avloc_ros.nodes.base.compose import run_node
from avloc_ros.nodes.base.health import Level
from avloc_ros.nodes.base.lone_sense import works_by
from avloc_ros.nodes.base.node_base import PipelineNode
from avloc_ros.nodes.messages.conversions import array_from_message, stamp_ns
from avloc_ros.nodes.messages.microphones import CHANNELS_HELP, chosen_channels, is_same_array, no_array
from avloc_ros.nodes.messages.quality_of_service import (
    RELIABILITIES,
    image_quality,
    latched_quality,
    result_quality,
)
from avloc_ros.nodes.messages.sound_input import AUDIO_TYPE_HELP, OWN_TYPE, SoundInput
from avloc_ros.nodes.messages.speaker_messages import grid_to_message
from avloc_ros.nodes.pictures.camera_watch import CameraMountConfig, CameraWatch
from avloc_ros.sources.sync.av_sync import AvSync, AvSyncConfig
from avloc_ros.systems.audio_grids import AudioTracker
from avloc_ros.systems.audio_tracker import (
    DEFAULT_TRACKER,
    TRACKER_HELP,
    TRACKERS,
    EarConfig,
    open_audio_tracker,
)
from avloc_ros.types import AudioChunk, AudioWindow, InputError

STATUS_PERIOD_S = 0.25
LEARNED = ("any_array", "crnn", "diff_track")  # trackers that have a device of their own
NO_CAMERA = "no camera frames"  # how AvSync begins its words


@dataclass(frozen=True)
class AudioTrackerConfig(EarConfig):
    """Settings of the audio tracker node."""

    tracker: str = setting(DEFAULT_TRACKER, TRACKER_HELP, choices=TRACKERS)
    device: str = setting("auto", "where to compute: auto, cpu, cuda, cuda:N; auto is the CPU, a copy would cost more")
    array_file: str = setting("", "microphone array YAML or JSON; empty: the topic microphone_array", read_only=True)
    channels: tuple[int, ...] = setting((), CHANNELS_HELP)
    audio_type: str = setting(OWN_TYPE, AUDIO_TYPE_HELP, read_only=True)
    audio_reliability: str = setting("best_effort", "QoS of `audio`", choices=RELIABILITIES, read_only=True)
    camera_info_reliability: str = setting("best_effort", "QoS of `camera_info`", choices=RELIABILITIES, read_only=True)
    sync: AvSyncConfig = field(default_factory=AvSyncConfig)
    camera: CameraMountConfig = field(default_factory=CameraMountConfig)


class AudioTrackerNode(PipelineNode):
    """`audio`, `microphone_array`, `camera_info`, TF -> `audio_grid` (IMAGE), `audio_sphere` (SPHERE)."""

    NAME = "audio_tracker"
    CONFIG = AudioTrackerConfig
    QUEUE_CAPACITY = 10

    def build(self) -> None:
        """Subscribe; the tracker itself is built when array and sample rate are known."""
        self._array: MicrophoneArray | None = None
        self._sync: AvSync | None = None
        self._tracker: AudioTracker | None = None  # belongs to the worker thread
        self._resets_seen = 0
        self._camera = CameraWatch(self, self.config.camera)
        if self.config.array_file:
            self._array = MicrophoneArray.load(self.config.array_file)
        else:
            self.listen(MicrophoneArrayMessage, "microphone_array", self._on_array, latched_quality())
        self.announce(SpeakerGrid, "audio_grid", result_quality(), is_promised=False)
        self.announce(SpeakerGrid, "audio_sphere", result_quality())
        self.listen(
            CameraInfo,
            "camera_info",
            self._on_camera_info,
            image_quality(self.config.camera_info_reliability),
            consequence="windows follow the sound, no image grid without a camera",
        )
        SoundInput(self, self._on_audio, "nothing to localise")
        self.every(STATUS_PERIOD_S, self._tell_status)

    def release(self) -> None:
        """Stop listening to TF."""
        if hasattr(self, "_camera"):
            self._camera.close()
            del self._camera

    def reset(self) -> None:
        """Forget sound and frames."""
        if self._sync is not None:
            self._sync.reset()
        self.in_background(self._reset_tracker, droppable=False)

    def reconfigure(self, config: AudioTrackerConfig) -> None:
        """Build alignment and tracker anew with the next sound."""
        self._sync = None
        self._camera.reset(config.camera)

    def excuse(self) -> str:
        """Without microphones there is nothing to hear."""
        return "no sound is there, the pipeline works by eye alone" if works_by(self) == "eye" else ""

    # -------------------------------------------------------------------------------------------- inputs
    def _on_array(self, message: MicrophoneArrayMessage) -> None:
        array = array_from_message(message)
        if self._array is not None and is_same_array(array, self._array):
            return
        self._array = array
        self._sync = None  # the number of channels may be another one

    def _on_camera_info(self, info: CameraInfo) -> None:
        array_frame = self._array.frame_id if self._array is not None else "microphone_array"
        before = self._camera.model
        try:
            self._camera.update(info, array_frame)
        finally:  # the frame clock goes on without a calibrated camera
            if self._camera.model is not before:
                self.in_background(partial(self._set_camera, self._camera.model), droppable=False)
            self.health.problems("camera", filter(None, [self._camera.reason]))
            if self._sync is not None:
                self._sync.push_frame(stamp_ns(info.header.stamp))
                self._advance(self._sync)

    def _on_audio(self, heard: AudioChunk) -> None:
        chunk = self._microphones_of(heard)
        if self._sync is None or self._sync.sample_rate_hz != chunk.sample_rate_hz:
            self._sync = self._begin(chunk)
        self._sync.push_audio(chunk)
        self._advance(self._sync)

    def _microphones_of(self, chunk: AudioChunk) -> AudioChunk:
        if self._array is None:
            raise no_array(self)
        chunk = chosen_channels(chunk, self.config.channels)
        if chunk.channels != self._array.channels:
            raise InputError(
                f"audio has {chunk.channels} channels, the array '{self._array.name}' has {self._array.channels} "
                "microphones: give the right array_file, or choose the microphones by the parameter channels"
            )
        return chunk

    def _begin(self, chunk: AudioChunk) -> AvSync:
        config = _on_device(self.config)  # first: what it raises must come again with the next sound
        if self._sync is not None:
            self.health.note(f"sample rate changed from {self._sync.sample_rate_hz} to {chunk.sample_rate_hz} Hz")
        sync = AvSync(self.config.sync, chunk.channels, chunk.sample_rate_hz)
        self._resets_seen = 0
        build = partial(self._build_tracker, config, self._array, self._camera.model, chunk.sample_rate_hz)
        self.in_background(build, droppable=False)
        return sync

    def _advance(self, sync: AvSync) -> None:
        for window in sync.pop():
            resets = sync.status().resets
            if resets != self._resets_seen:
                self._resets_seen = resets
                self.in_background(self._reset_tracker, droppable=False)
            self.in_background(partial(self._step, window))

    # -------------------------------------------------------------------------------------------- worker thread
    def _build_tracker(self, config: AudioTrackerConfig, *arguments: Any) -> None:
        self._tracker = None
        self._tracker = open_audio_tracker(config.tracker, config, *arguments)
        self.health.values["tracker"] = config.tracker
        self.health.values["geometry"] = "; ".join(self._tracker.limits) or "azimuth and elevation are both heard"

    def _set_camera(self, camera: Any) -> None:
        if self._tracker is not None:
            self._tracker.set_camera(camera)

    def _reset_tracker(self) -> None:
        if self._tracker is not None:
            self._tracker.reset()

    def _step(self, window: AudioWindow) -> None:
        if self._tracker is None:
            return  # it could not be built; the reason stands in diagnostics
        grids = self._tracker.step(window)
        if grids.image is not None:
            self.send("audio_grid", grid_to_message(grids.image), grids.image.stamp_ns)
        self.send("audio_sphere", grid_to_message(grids.sphere), window.stamp_ns)
        self.health.problems("tracker", grids.reasons)
        self.health.values["voice probability"] = f"{grids.voice_probability:.2f}"
        self.health.well("failure:worker")

    # -------------------------------------------------------------------------------------------- diagnostics
    def _tell_status(self) -> None:
        if self._sync is None:
            return
        status = self._sync.status()
        # A camera that never was is not missed: `auto` lets windows follow the sound, and says so.
        is_missed = self.health.has_come("camera_info") or self.config.sync.frame_clock != "auto"
        by_ear = () if is_missed else tuple(words for words in status.reasons if words.startswith(NO_CAMERA))
        self.health.problems("by ear", by_ear, Level.OK)
        self.health.problems("alignment", [words for words in status.reasons if words not in by_ear])
        self.health.values |= {
            "audio clock drift_ppm": f"{status.drift_ppm:.1f}",
            "audio stamp jitter_ms": f"{status.jitter_ms:.2f}",
            "camera stamp jitter_ms": f"{status.frame_jitter_ms:.2f}",
            "audio gaps": str(status.gaps),
            "audio lost samples": str(status.lost_samples),
            "audio restarts": str(status.restarts),
            "audio duplicates": str(status.duplicates),
            "audio out of order": str(status.out_of_order),
            "late": str(status.late),
            "windows without sound": str(status.dropped_windows),
            "time jumps": str(status.resets),
        }


def _on_device(config: AudioTrackerConfig) -> AudioTrackerConfig:
    """The trackers' settings on the node's device. Raises InputError where that device is not there."""
    if config.device in ("auto", "cpu"):
        return config  # one small matrix product per frame: a copy to the GPU would cost more
    if config.tracker != "srp":
        on_device = {name: replace(getattr(config, name), device=config.device) for name in LEARNED}
        return replace(config, **on_device)
    require_device(config.device)
    return replace(config, srp=replace(config.srp, device=config.device))


def main() -> int:
    """Run this node until it is told to stop."""
    return run_node(AudioTrackerNode)
