"""Node: the microphone array of this machine -> `audio`, `microphone_array`."""

from __future__ import annotations

import time
from dataclasses import dataclass

from avloc_ros.config import setting
from avloc_ros.microphone_array import MicrophoneArray
from avloc_ros.nodes.base.compose import run_node
from avloc_ros.nodes.base.source_node import SourceNode
from avloc_ros.nodes.messages.quality_of_service import RELIABILITIES
from avloc_ros.sources.audio_encoding import BYTES_PER_SAMPLE
from avloc_ros.sources.open_source import open_source
from avloc_ros.sources.stream import Source

AUTO = "auto"  # also what a parameter file that sets `device` of all nodes says: there it is where to infer


@dataclass(frozen=True)
class AudioCaptureConfig:
    """Settings of the audio capture node."""

    device: str = setting("", "sound device, by number or part of its name; empty or auto: the default one", read_only=True)
    array_file: str = setting("", "microphone array YAML or JSON; `avloc arrays` lists the shipped ones", read_only=True)
    encoding: str = setting("S16LE", "PCM encoding of `audio`", choices=tuple(BYTES_PER_SAMPLE), read_only=True)
    reliability: str = setting("reliable", "QoS offered", choices=RELIABILITIES, read_only=True)
    frame_prefix: str = setting("", "put before the name of the array's frame", read_only=True)
    exit_without_device: bool = setting(False, "end the process where the sound device cannot be opened", read_only=True)


class AudioCaptureNode(SourceNode):
    """A sound device -> `audio`, `microphone_array` (latched)."""

    NAME = "audio_capture"
    CONFIG = AudioCaptureConfig

    def is_vital(self) -> bool:
        """As its settings say."""
        return self.config.exit_without_device

    def open(self) -> Source:
        """The sound device. Raises InputError where it is not there."""
        config = self.config
        array = MicrophoneArray.load(config.array_file) if config.array_file else None
        device = "" if config.device == AUTO else config.device
        return open_source(f"live:audio={device},camera=none", array=array)

    def play(self) -> None:
        """Say what the array is, then publish what it hears."""
        self.tell_geometry(time.time_ns())
        super().play()


def main() -> int:
    """Run this node until it is told to stop."""
    return run_node(AudioCaptureNode)
