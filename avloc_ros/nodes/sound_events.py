"""Node: sound from a microphone array (and 360-degree pictures) -> what sounds, where, from when to when."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import partial

from avloc_ros.config import setting
from avloc_ros.features.inputs.foa_encoder import is_foa
from avloc_ros.microphone_array import MicrophoneArray
from avloc_ros.msg import MicrophoneArray as MicrophoneArrayMessage, SoundEventArray, SoundEventClasses
from avloc_ros.nodes.base.compose import run_node
from avloc_ros.nodes.base.node_base import PipelineNode
from avloc_ros.nodes.messages.conversions import array_from_message
from avloc_ros.nodes.messages.event_messages import classes_to_message, events_to_message
from avloc_ros.nodes.messages.microphones import CHANNELS_HELP, chosen_channels, is_same_array, no_array
from avloc_ros.nodes.messages.quality_of_service import RELIABILITIES, latched_quality, result_quality
from avloc_ros.nodes.messages.sound_input import AUDIO_TYPE_HELP, OWN_TYPE, SoundInput
from avloc_ros.nodes.pictures.kept_pictures import KeptPicture, KeptPictures
from avloc_ros.nodes.pictures.picture_input import TRANSPORT_HELP, TRANSPORTS, listen_to_pictures
from avloc_ros.sources.sync.av_sync import AvSync, AvSyncConfig
from avloc_ros.systems.event_network import FRAME_S
from avloc_ros.systems.sound_events import SoundEventsConfig, SoundEventSystem, looks_at
from avloc_ros.types import AudioChunk, AudioWindow, InputError, VideoFrame

STATUS_PERIOD_S = 0.25
INPUTS = ("auto", "foa", "array")
PICTURES_KEPT = 60  # two seconds of a fast camera: longer than sound may be late


@dataclass(frozen=True)
class SoundEventsNodeConfig:
    """Settings of the sound event node; those of the system itself stand under `system`."""

    input: str = setting(
        "auto",
        "what `audio` is: foa (W, Y, Z, X), array (encoded to FOA by its geometry), or as microphone_array tells",
        choices=INPUTS,
    )
    device: str = setting("auto", "where to infer: auto, cpu, cuda, cuda:N; auto falls back to the CPU and says so")
    array_file: str = setting("", "microphone array YAML or JSON; empty: the topic microphone_array", read_only=True)
    channels: tuple[int, ...] = setting((), CHANNELS_HELP)
    audio_type: str = setting(OWN_TYPE, AUDIO_TYPE_HELP, read_only=True)
    audio_reliability: str = setting("best_effort", "QoS of `audio`", choices=RELIABILITIES, read_only=True)
    image_transport: str = setting("raw", TRANSPORT_HELP, choices=TRANSPORTS, read_only=True)
    image_reliability: str = setting("best_effort", "QoS of `image`", choices=RELIABILITIES, read_only=True)
    max_wait_s: float = setting(0.5, "time a lost piece of sound is awaited", low=0.0, high=10.0)
    frame_id: str = setting("", "frame of the directions; empty: that of the array, or of the sound")
    system: SoundEventsConfig = field(default_factory=SoundEventsConfig)


class SoundEventsNode(PipelineNode):
    """`audio`, `microphone_array`, `image` where the network looks -> `sound_events`, `sound_event_classes` (latched)."""

    NAME = "sound_events"
    CONFIG = SoundEventsNodeConfig
    QUEUE_CAPACITY = 50  # label frames, which are cheap while the network waits for the newest

    def build(self) -> None:
        """Subscribe; the network is loaded when it is known what the sound is."""
        config: SoundEventsNodeConfig = self.config
        self._array: MicrophoneArray | None = None
        self._sync: AvSync | None = None
        self._system: SoundEventSystem | None = None  # belongs to the worker thread
        size = looks_at(config.system)
        self._pictures = None if size is None else KeptPictures(size, PICTURES_KEPT)
        self._resets_seen = self._newest_ns = 0
        if config.array_file:
            self._array = MicrophoneArray.load(config.array_file)
        else:
            self.listen(MicrophoneArrayMessage, "microphone_array", self._on_array, latched_quality())
        self.announce(SoundEventArray, "sound_events", result_quality())
        self.announce(SoundEventClasses, "sound_event_classes", latched_quality(), is_promised=False)
        if self._pictures is not None:
            lost = "events are found by ear alone, by a network that expects to see"
            listen_to_pictures(self, self._pictures.add, lost)
        SoundInput(self, self._on_audio, "nothing to hear")
        self.every(STATUS_PERIOD_S, self._tell_status)

    def reset(self) -> None:
        """Forget sound, pictures and events."""
        self._forget_pictures()
        if self._sync is not None:
            self._sync.reset()
        self.in_background(self._reset_system, droppable=False)

    def reconfigure(self, config: SoundEventsNodeConfig) -> None:
        """Load the network anew with the next sound."""
        if looks_at(config.system) != (None if self._pictures is None else self._pictures.size):
            raise InputError("these weights differ in the pictures that they look at: configure the node anew")
        self._sync = None

    # -------------------------------------------------------------------------------------------- inputs
    def _on_array(self, message: MicrophoneArrayMessage) -> None:
        array = array_from_message(message)
        if self._array is None or not is_same_array(array, self._array):
            self._array, self._sync = array, None

    def _on_audio(self, heard: AudioChunk) -> None:
        chunk = chosen_channels(heard, self.config.channels)
        if self._sync is None or (self._sync.sample_rate_hz, self._sync.channels) != (chunk.sample_rate_hz, chunk.channels):
            self._sync = self._begin(chunk)
        self._sync.push_audio(chunk)
        for window in self._sync.pop():
            resets = self._sync.status().resets
            if resets != self._resets_seen:
                self._resets_seen = resets
                self._forget_pictures()
                self.in_background(self._reset_system, droppable=False)
            self._newest_ns = window.stamp_ns
            picture = None if self._pictures is None else self._pictures.at(window.stamp_ns)
            self.in_background(partial(self._step, window, picture))

    def _begin(self, chunk: AudioChunk) -> AvSync:
        array = self._geometry(chunk)
        settings = AvSyncConfig(
            window_s=FRAME_S, frame_clock="audio", frame_rate_hz=1 / FRAME_S, max_wait_s=self.config.max_wait_s
        )
        self._resets_seen = 0
        self.in_background(partial(self._build_system, self.config, array), droppable=False)
        return AvSync(settings, chunk.channels, chunk.sample_rate_hz)

    def _geometry(self, chunk: AudioChunk) -> MicrophoneArray | None:
        """The array to be encoded, None where the sound is FOA. Raises InputError where that is not known, or wrong."""
        kind, array = self.config.input, self._array
        if kind == "foa":
            return None
        if array is None:
            raise no_array(
                self, "set array_file, or set input to foa where the sound is first-order ambisonics (W, Y, Z, X)"
            )
        if array.channels != chunk.channels:
            raise InputError(
                f"audio has {chunk.channels} channels, the array '{array.name}' has {array.channels} microphones: "
                "give the right array_file, or choose the microphones by the parameter channels"
            )
        return None if kind == "auto" and is_foa(array) else array

    def _forget_pictures(self) -> None:
        if self._pictures is not None:
            self._pictures.clear()

    # -------------------------------------------------------------------------------------------- worker thread
    def _build_system(self, config: SoundEventsNodeConfig, array: MicrophoneArray | None) -> None:
        self._system = None
        settings = config.system
        if settings.network.device == "auto":
            settings = replace(settings, network=replace(settings.network, device=config.device))
        system = SoundEventSystem(settings, array)
        names = classes_to_message(settings.backend, system.network.name, system.network.classes, self._frame(""))
        self.send("sound_event_classes", names, self.get_clock().now().nanoseconds)
        self.health.values |= {
            "backend": settings.backend,
            "weights": system.network.name,
            "latency by design_s": f"{system.latency_s:.1f}",
        }
        self._system = system

    def _reset_system(self) -> None:
        if self._system is not None:
            self._system.reset()

    def _step(self, window: AudioWindow, picture: KeptPicture | None) -> None:
        if self._system is None:
            return  # it could not be built; the reason stands in diagnostics
        is_newest = window.stamp_ns >= self._newest_ns
        for events in self._system.step(window, self._unpacked(picture), is_newest):
            told = replace(events, frame_id=self._frame(window.frame_id))
            self.send("sound_events", events_to_message(told), events.stamp_ns)
            self.health.values["events"] = ", ".join(event.class_id for event in events.events) or "none"
        self.health.well("failure:worker")

    def _unpacked(self, picture: KeptPicture | None) -> VideoFrame | None:
        """The picture; None, as where none came, with a word where it cannot be read: the sound is there all the same."""
        try:
            frame = None if picture is None else picture.frame()
        except InputError as error:
            self.health.problem("picture", str(error))
            return None
        self.health.well("picture")
        return frame

    def _frame(self, heard_in: str) -> str:
        own = self._array.frame_id if self._array is not None else heard_in
        return self.config.frame_id or own or "microphone_array"

    # -------------------------------------------------------------------------------------------- diagnostics
    def _tell_status(self) -> None:
        if self._sync is None:
            return
        status = self._sync.status()
        self.health.problems("alignment", status.reasons)
        self.health.values |= {
            "audio clock drift_ppm": f"{status.drift_ppm:.1f}",
            "audio gaps": str(status.gaps),
            "audio lost samples": str(status.lost_samples),
            "audio restarts": str(status.restarts),
            "time jumps": str(status.resets),
        }


def main() -> int:
    """Run this node until it is told to stop."""
    return run_node(SoundEventsNode)
