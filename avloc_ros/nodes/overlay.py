"""Node: the picture with what was found drawn on it."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from sensor_msgs.msg import CameraInfo, CompressedImage, Image

from avloc_ros.config import setting
from avloc_ros.decode.overlay import SHOWN, draw_overlay
from avloc_ros.msg import SpeakerArray, SpeakerGrid
from avloc_ros.nodes.base.compose import run_node
from avloc_ros.nodes.base.node_base import PipelineNode
from avloc_ros.nodes.base.stamp_join import StampJoin
from avloc_ros.nodes.messages.conversions import (
    image_to_compressed,
    image_to_message,
    stamp_ns,
)
from avloc_ros.nodes.messages.quality_of_service import RELIABILITIES, image_quality, result_quality
from avloc_ros.nodes.messages.speaker_messages import grid_from_message, speakers_from_message
from avloc_ros.nodes.pictures.camera_watch import CameraMountConfig, CameraWatch
from avloc_ros.nodes.pictures.picture_input import TRANSPORT_HELP, TRANSPORTS, listen_to_pictures, picture_of

STREAMS = ("image", "speaker_grid", "speakers")
FLUSH_PERIOD_S = 0.02
HOLD_NS = 1_000_000_000  # speakers older than this are not drawn on a picture


@dataclass(frozen=True)
class OverlayConfig:
    """Settings of the overlay node."""

    image_transport: str = setting(
        "raw", TRANSPORT_HELP, choices=TRANSPORTS, read_only=True
    )
    image_reliability: str = setting("best_effort", "QoS of `image`", choices=RELIABILITIES, read_only=True)
    max_wait_s: float = setting(0.8, "time a picture waits for its speakers", low=0.0, high=5.0, read_only=True)
    most_fps: float = setting(12.5, "pictures drawn a second at most, for people to see; 0: every picture", low=0.0, high=240.0)
    draw_grid: bool = setting(True, "draw the grid over the picture")
    show: str = setting(
        "probability", "of the grid: where talkers are, or how the fusion weighted ear (orange) and eye (blue)", choices=SHOWN
    )
    jpeg_quality: int = setting(85, "of `overlay/compressed`", low=1, high=100)
    array_frame: str = setting("microphone_array", "frame of the speakers, until they name another", read_only=True)
    camera: CameraMountConfig = field(default_factory=CameraMountConfig)


class OverlayNode(PipelineNode):
    """`image`, `speaker_grid`, `speakers`, `camera_info` -> `overlay`, `overlay/compressed`, drawn only if wanted."""

    NAME = "overlay"
    CONFIG = OverlayConfig

    def build(self) -> None:
        """Subscribe to the pictures and to what is drawn on them."""
        self._camera = CameraWatch(self, self.config.camera)
        self._array_frame = self.config.array_frame
        self._newest: dict[str, Any] = {}
        self._drawn_ns = -HOLD_NS
        self._join = StampJoin(STREAMS, self.config.max_wait_s, self._on_moment, time.monotonic)
        self.announce(Image, "overlay", image_quality("reliable"), is_promised=False)
        self.announce(CompressedImage, "overlay/compressed", image_quality("reliable"), is_promised=False)
        listen_to_pictures(self, partial(self._on_part, "image"), "nothing to draw on")
        self.listen(SpeakerGrid, "speaker_grid", partial(self._on_part, "speaker_grid"), result_quality())
        on_speakers = partial(self._on_part, "speakers")
        self.listen(SpeakerArray, "speakers", on_speakers, result_quality(), consequence="no speakers to draw")
        self.listen(CameraInfo, "camera_info", self._on_camera_info, image_quality())
        self.every(FLUSH_PERIOD_S, self._join.flush)

    def release(self) -> None:
        """Leave TF."""
        if hasattr(self, "_camera"):
            self._camera.close()
            del self._camera

    def reset(self) -> None:
        """Forget the pictures that wait."""
        self._join.reset()
        self._newest.clear()
        self._drawn_ns = -HOLD_NS

    def reconfigure(self, config: OverlayConfig) -> None:
        """Look the camera up anew."""
        self._camera.reset(config.camera)

    def _on_camera_info(self, info: CameraInfo) -> None:
        self._camera.update(info, self._array_frame)

    def _on_part(self, stream: str, message: Any) -> None:
        if stream == "speakers" and message.header.frame_id:
            self._array_frame = message.header.frame_id
        if self.is_in_order(stream, message) and self._is_wanted():
            self._newest[stream] = message
            self._join.add(stream, stamp_ns(message.header.stamp), message)

    def _is_wanted(self) -> bool:
        return self.has_listeners("overlay") or self.has_listeners("overlay/compressed")

    def _is_due(self, stamp: int) -> bool:
        """Whether the last drawn picture is long enough ago (a tenth less, since stamps jitter)."""
        return not self.config.most_fps or 1e-9 * (stamp - self._drawn_ns) > 0.9 / self.config.most_fps

    def _on_moment(self, stamp: int, parts: dict[str, Any]) -> None:
        if "image" not in parts or not self._is_due(stamp):
            return
        self._drawn_ns = stamp
        for stream in STREAMS:  # what came too late for its own picture is better on the next one than not at all
            late = self._newest.get(stream)
            if stream not in parts and late is not None and abs(stamp_ns(late.header.stamp) - stamp) < HOLD_NS:
                parts[stream] = late
        self.in_background(partial(self._draw, stamp, parts))

    def _draw(self, stamp: int, parts: dict[str, Any]) -> None:
        message = parts["image"]
        frame = picture_of(message)
        grid = grid_from_message(parts["speaker_grid"]) if "speaker_grid" in parts and self.config.draw_grid else None
        speakers = speakers_from_message(parts["speakers"]) if "speakers" in parts else None
        picture = draw_overlay(frame.image, grid, speakers, self._camera.model, show=self.config.show)
        drawn = replace(frame, image=picture)
        if self.has_listeners("overlay"):
            self.send("overlay", image_to_message(drawn), stamp)
        if self.has_listeners("overlay/compressed"):
            self.send("overlay/compressed", image_to_compressed(drawn, self.config.jpeg_quality), stamp)
        self.health.well("failure:worker")


def main() -> int:
    """Run this node until it is told to stop."""
    return run_node(OverlayNode)
