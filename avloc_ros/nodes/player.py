"""Node: a bag, a scene folder or media files, played in real time as if the devices were there."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace

import tf2_ros
from geometry_msgs.msg import TransformStamped
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import CameraInfo, CompressedImage, Image

from avloc_ros.config import setting
from avloc_ros.geometry import CameraModel, MicrophoneArray
from avloc_ros.msg import AudioFrame
from avloc_ros.msg import MicrophoneArray as MicrophoneArrayMessage
from avloc_ros.nodes.compose import run_node
from avloc_ros.nodes.conversions import (
    array_to_message,
    audio_to_message,
    camera_to_message,
    image_to_compressed,
    image_to_message,
    stamp_message,
    transform_from_mount,
)
from avloc_ros.nodes.node_base import PipelineNode
from avloc_ros.nodes.pacing import Item, Pace, in_due_order
from avloc_ros.nodes.quality_of_service import audio_quality, image_quality, latched_quality
from avloc_ros.sources.audio_encoding import BYTES_PER_SAMPLE
from avloc_ros.sources.stream import Source, open_source
from avloc_ros.types import AudioChunk, InputError, VideoFrame


@dataclass(frozen=True)
class PlayerConfig:
    """Settings of the player node."""

    source: str = setting("", "a scene folder, a bag, `sound.wav,video.mp4`, or one of the two", read_only=True)
    array_file: str = setting("", "microphone array YAML or JSON, in place of the source's own", read_only=True)
    rate: float = setting(1.0, "times real time; other than 1 needs stamps: source", low=0.01, high=100.0, read_only=True)
    loop: bool = setting(False, "start again at the end", read_only=True)
    stamps: str = setting(
        "now", "now: as if captured at this moment; source: as recorded (use with /clock)", choices=("now", "source"),
        read_only=True,
    )  # fmt: skip
    publish_clock: bool = setting(False, "publish /clock from the recorded stamps", read_only=True)
    publish_tf: bool = setting(True, "publish where the camera sits on the array, as static TF", read_only=True)
    image_transport: str = setting(
        "raw", "raw: Image; compressed: CompressedImage; both", choices=("raw", "compressed", "both"), read_only=True
    )
    encoding: str = setting("S16LE", "PCM encoding of `audio`", choices=tuple(BYTES_PER_SAMPLE), read_only=True)
    reliability: str = setting("reliable", "QoS offered", choices=("best_effort", "reliable"), read_only=True)
    frame_prefix: str = setting("", "put before the names of frames", read_only=True)
    start_after_s: float = setting(0.5, "time for others to find our topics before the first message", low=0.0, high=60.0)
    exit_at_end: bool = setting(False, "end the process at the end of the source", read_only=True)


class PlayerNode(PipelineNode):
    """A recording -> `audio`, `image`, `camera_info`, `microphone_array`, static TF, /clock."""

    NAME = "player"
    CONFIG = PlayerConfig

    def build(self) -> None:
        """Open the source and create the topics it can fill."""
        config = self.config
        if not config.source:
            raise InputError("nothing to play: set the parameter source to a scene folder, a bag, a wav or an mp4")
        if config.rate != 1.0 and config.stamps == "now":
            raise InputError(f"rate is {config.rate}: sound stamped `now` cannot run faster; set stamps to source")
        array = MicrophoneArray.load(config.array_file) if config.array_file else None
        self._source: Source = open_source(config.source, array=array)
        self._stop_playing = threading.Event()
        self._thread: threading.Thread | None = None
        self.played_s = 0.0
        self._announce_all()

    def release(self) -> None:
        """Close the source."""
        if hasattr(self, "_source"):
            self._source.close()
            del self._source

    def start(self) -> None:
        """Play from the beginning."""
        self._stop_playing.clear()
        self._thread = threading.Thread(target=self._play_guarded, name="player", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop playing."""
        self._stop_playing.set()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(5.0)

    # -------------------------------------------------------------------------------------------- topics
    def _announce_all(self) -> None:
        config, source = self.config, self._source
        if source.sample_rate_hz:
            self.announce(AudioFrame, "audio", audio_quality(config.reliability))
        if source.array is not None:
            self.announce(MicrophoneArrayMessage, "microphone_array", latched_quality(), is_promised=False)
        if source.fps:
            self.announce(CameraInfo, "camera_info", image_quality(config.reliability, 10), is_promised=False)
            if config.image_transport in ("raw", "both"):
                self.announce(Image, "image", image_quality(config.reliability))
            if config.image_transport in ("compressed", "both"):
                self.announce(CompressedImage, "image/compressed", image_quality(config.reliability))
        if config.publish_clock:
            self.announce(Clock, "/clock", image_quality("best_effort", 1), is_promised=False)
        if config.publish_tf and source.camera is not None and source.array is not None:
            self._static_tf = tf2_ros.StaticTransformBroadcaster(self)
        missing = [name for name, there in (("microphone array", source.array), ("camera", source.camera)) if there is None]
        self.health.problems("geometry", [f"the source names no {name}" for name in missing])

    def _camera(self) -> CameraModel | None:
        camera = self._source.camera
        return None if camera is None else replace(camera, frame_id=self.config.frame_prefix + camera.frame_id)

    def _tell_geometry(self, stamp: int) -> None:
        array, camera = self._source.array, self._camera()
        if array is None:
            return
        array = replace(array, frame_id=self.config.frame_prefix + array.frame_id)
        self.send("microphone_array", array_to_message(array, stamp), stamp)
        if camera is not None and hasattr(self, "_static_tf"):
            transform = TransformStamped(child_frame_id=camera.frame_id, transform=transform_from_mount(camera))
            transform.header.frame_id = array.frame_id
            transform.header.stamp = stamp_message(stamp)
            self._static_tf.sendTransform(transform)

    # -------------------------------------------------------------------------------------------- playing
    def _play_guarded(self) -> None:
        try:
            self._play()
        except Exception as error:
            self.report_failure("playing", error)

    def _play(self) -> None:
        self._tell_geometry(self.get_clock().now().nanoseconds if self.config.stamps == "now" else 0)
        if self._stop_playing.wait(self.config.start_after_s):
            return
        while self._play_once() and self.config.loop:
            self.health.note("the source began again")
        if not self._stop_playing.is_set():
            self.health.note("end of the source")
            self.is_finished = self.config.exit_at_end

    def _play_once(self) -> bool:
        """Play the source through. False where stopped on the way."""
        pace = Pace(self.config.rate, self._stop_playing)
        first_ns: int | None = None
        shift_ns = 0
        for due, item in in_due_order(self._items()):
            if first_ns is None:
                first_ns = item.stamp_ns
                pace.wait_for(first_ns)
                shift_ns = time.time_ns() - first_ns if self.config.stamps == "now" else 0
            if not pace.wait_for(due):
                return False
            self.played_s = (due - first_ns) / 1e9
            self._publish(replace(item, stamp_ns=item.stamp_ns + shift_ns), due + shift_ns)
        return first_ns is not None

    def _items(self) -> Iterator[Item]:
        prefix = self.config.frame_prefix
        for item in self._source:
            yield replace(item, frame_id=prefix + item.frame_id) if prefix else item

    def _publish(self, item: Item, due: int) -> None:
        self.send("/clock", Clock(clock=stamp_message(due)), due)
        if isinstance(item, AudioChunk):
            self.send("audio", audio_to_message(item, self.config.encoding), item.stamp_ns)
        else:
            self._publish_frame(item)

    def _publish_frame(self, frame: VideoFrame) -> None:
        camera = self._camera()
        if camera is not None:
            width, height = frame.size
            self.send("camera_info", camera_to_message(camera.scaled_to(width, height), frame.stamp_ns), frame.stamp_ns)
        for topic, convert in (("image", image_to_message), ("image/compressed", image_to_compressed)):
            if self._publishes(topic):
                self.send(topic, convert(frame), frame.stamp_ns)

    def _publishes(self, topic: str) -> bool:
        return topic.split("/")[-1] in {"raw": ("image",), "compressed": ("compressed",)}.get(
            self.config.image_transport, ("image", "compressed")
        )


def main() -> int:
    """Run this node until it is told to stop."""
    return run_node(PlayerNode)
