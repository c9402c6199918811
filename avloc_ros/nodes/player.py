"""Node: a bag, a scene folder or media files, played in real time as if the devices were there."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, replace

from rosgraph_msgs.msg import Clock

from avloc_ros.config import setting
from avloc_ros.microphone_array import MicrophoneArray
from avloc_ros.nodes.base.compose import run_node
from avloc_ros.nodes.base.pacing import Item, Pace, in_due_order
from avloc_ros.nodes.base.source_node import TRANSPORTS, SourceNode
from avloc_ros.nodes.messages.conversions import stamp_message
from avloc_ros.nodes.messages.quality_of_service import RELIABILITIES, image_quality
from avloc_ros.sources.audio_encoding import BYTES_PER_SAMPLE
from avloc_ros.sources.open_source import open_source
from avloc_ros.sources.stream import Source
from avloc_ros.types import AudioChunk, InputError, VideoFrame

HOLE_S = 0.05  # stamps that are so much ahead of the count of samples show a hole, not jitter


@dataclass(frozen=True)
class PlayerConfig:
    """Settings of the player node."""

    path: str = setting("", "a scene folder, a bag, `sound.wav,video.mp4`, or one of the two", read_only=True)
    array_file: str = setting("", "microphone array YAML or JSON, in place of the source's own", read_only=True)
    rate: float = setting(1.0, "times real time", low=0.01, high=100.0, read_only=True)
    loop: bool = setting(False, "start again at the end", read_only=True)
    stamps: str = setting(
        "auto",
        "now: as if captured at this moment; source: as recorded; auto: now at rate 1 and without /clock, else source",
        choices=("auto", "now", "source"),
        read_only=True,
    )
    publish_clock: bool = setting(False, "publish /clock from the recorded stamps", read_only=True)
    publish_tf: bool = setting(True, "publish where the camera sits on the array, as static TF", read_only=True)
    image_transport: str = setting("raw", "pictures as Image, CompressedImage or both", choices=tuple(TRANSPORTS), read_only=True)
    encoding: str = setting("S16LE", "PCM encoding of `audio`", choices=tuple(BYTES_PER_SAMPLE), read_only=True)
    reliability: str = setting("reliable", "QoS offered", choices=RELIABILITIES, read_only=True)
    frame_prefix: str = setting("", "put before the names of frames", read_only=True)
    start_after_s: float = setting(0.5, "time for others to find our topics before the first message", low=0.0, high=60.0)
    exit_at_end: bool = setting(False, "end the process at the end of the source", read_only=True)


class PlayerNode(SourceNode):
    """A recording -> `audio`, `image`, `camera_info`, `microphone_array`, static TF, /clock."""

    NAME = "player"
    CONFIG = PlayerConfig
    _has_ended = False

    def is_vital(self) -> bool:
        """As its settings say."""
        return self.config.exit_at_end

    def excuse(self) -> str:
        """A recording that has ended gives nothing more."""
        return "the source has ended" if self._has_ended else ""

    def build(self) -> None:
        """Open the recording and create the topics that it can fill."""
        super().build()
        if self.config.publish_clock:
            self.announce(Clock, "/clock", image_quality("best_effort", 1), is_promised=False)

    def open(self) -> Source:
        """The recording. Raises InputError where it cannot be played as asked."""
        config = self.config
        if not config.path:
            raise InputError("nothing to play: set the parameter path to a scene folder, a bag, a wav or an mp4")
        is_plain = config.rate == 1.0 and not config.publish_clock
        if config.stamps == "now" and not is_plain:
            raise InputError("stamps is now, but a rate other than 1 and /clock need the recorded stamps: set it to source")
        self._stamps_are_now = config.stamps == "now" or (config.stamps == "auto" and is_plain)
        self._counted: tuple[int, int] | None = None  # stamp of the first packet, samples since, of an uncounted stream
        array = MicrophoneArray.load(config.array_file) if config.array_file else None
        return open_source(config.path, array=array)

    def play(self) -> None:
        """Play once, or again and again, at the pace of capture."""
        stopping, self._has_ended = self.stopping, False
        self.tell_geometry(time.time_ns() if self._stamps_are_now else 0)
        if stopping.wait(self.config.start_after_s):
            return
        while self._play_once(stopping) and self.config.loop:
            self.health.note("the source began again")
        if not stopping.is_set():
            self.health.note("end of the source")
            self._has_ended = True
            self.is_finished = self.config.exit_at_end

    def _play_once(self, stopping: threading.Event) -> bool:
        """Play the source through. False where stopped on the way, or where there was nothing."""
        pace = Pace(self.config.rate, stopping)
        first_ns: int | None = None
        shift_ns = 0
        for due, item in in_due_order(self.source):
            if first_ns is None:
                first_ns = item.stamp_ns
                pace.wait_for(first_ns)
                shift_ns = time.time_ns() - first_ns if self._stamps_are_now else 0
            if not pace.wait_for(due):
                return False
            self.send("/clock", Clock(clock=stamp_message(due)), due)
            self.publish_item(self._shifted(item, shift_ns))
        return first_ns is not None

    def _shifted(self, item: Item, shift_ns: int) -> Item:
        """The item as if captured now. Samples are counted anew with each pass: the time between two is no lost sound."""
        if isinstance(item, VideoFrame):
            return replace(item, stamp_ns=item.stamp_ns + shift_ns)
        index = item.first_sample_index if item.first_sample_index >= 0 else self._count(item)
        return replace(item, stamp_ns=item.stamp_ns + shift_ns, first_sample_index=index)

    def _count(self, chunk: AudioChunk) -> int:
        """The index of a packet whose sender did not count: one after the other, with the holes that stamps show."""
        if self._counted is None or chunk.stamp_ns < self._counted[0]:
            self._counted = (chunk.stamp_ns, 0)
        begin_ns, expected = self._counted
        by_stamp = round((chunk.stamp_ns - begin_ns) / 1e9 * chunk.sample_rate_hz)
        index = by_stamp if by_stamp - expected > HOLE_S * chunk.sample_rate_hz else expected
        self._counted = (begin_ns, index + chunk.samples.shape[0])
        return index


def main() -> int:
    """Run this node until it is told to stop."""
    return run_node(PlayerNode)
