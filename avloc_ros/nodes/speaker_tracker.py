"""Node: grids and faces -> speakers with identities, as a message, as TF frames and as markers."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np
import tf2_ros
from geometry_msgs.msg import TransformStamped
from sensor_msgs.msg import CameraInfo, Image
from visualization_msgs.msg import MarkerArray

from avloc_ros.config import setting
from avloc_ros.geometry import CameraModel, quaternion_x_towards
from avloc_ros.msg import FaceArray, SpeakerArray, SpeakerGrid
from avloc_ros.nodes.base.compose import run_node
from avloc_ros.nodes.base.node_base import PipelineNode
from avloc_ros.nodes.base.stamp_join import StampJoin
from avloc_ros.nodes.messages.conversions import (
    depth_from_message,
    quaternion_message,
    stamp_message,
    stamp_ns,
    vector_message,
)
from avloc_ros.nodes.messages.quality_of_service import image_quality, result_quality
from avloc_ros.nodes.messages.speaker_markers import speaker_markers
from avloc_ros.nodes.messages.speaker_messages import (
    faces_from_message,
    grid_from_message,
    speakers_to_message,
)
from avloc_ros.nodes.pictures.camera_watch import CameraMountConfig, CameraWatch
from avloc_ros.nodes.pictures.depth_ranges import face_ranges
from avloc_ros.tracking.config import SpeakerTrackerConfig
from avloc_ros.tracking.evidence import RangeReading
from avloc_ros.tracking.speaker_tracker import SpeakerTracker
from avloc_ros.types import FaceDetections, Speaker, Speakers

STREAMS = {
    "speaker_grid": (SpeakerGrid, "no fused grid"),
    "faces": (FaceArray, "speakers are followed by sound alone"),
    "audio_sphere": (SpeakerGrid, "nobody is heard, and nobody is found outside the picture"),
}
FLUSH_PERIOD_S = 0.02
DEPTH_SLOP_NS = 100_000_000


@dataclass(frozen=True)
class SpeakerTrackerNodeConfig:
    """Settings of the speaker tracker node."""

    max_wait_s: float = setting(
        0.6, "time to wait for the other inputs of a moment; above the fusion's", low=0.0, high=5.0, read_only=True
    )
    array_frame: str = setting("microphone_array", "frame of the speakers, until audio_sphere names another", read_only=True)
    frame_prefix: str = setting("", "put before the names of TF frames: <prefix>voice_<id>")
    publish_tf: bool = setting(True, "publish a TF frame per speaker")
    use_depth: bool = setting(False, "take ranges from `depth_image`, registered to the picture", read_only=True)
    camera: CameraMountConfig = field(default_factory=CameraMountConfig)
    tracker: SpeakerTrackerConfig = field(default_factory=SpeakerTrackerConfig)


@dataclass(frozen=True)
class _Moment:
    """What the streams, the camera and the depth image say of one moment.

    parts: SpeakerGrid of speaker_grid and audio_sphere, FaceArray of faces; depths: (stamp, metres per pixel), the newest ones.
    """

    stamp_ns: int
    parts: dict[str, Any]
    camera: CameraModel | None
    depths: tuple[tuple[int, np.ndarray], ...]
    array_frame: str

    def faces(self) -> FaceDetections | None:
        """The faces, in a picture whose size they do not tell; None where they, or the camera, are not known."""
        message = self.parts.get("faces")
        if message is None or self.camera is None:
            return None
        grid = self.parts.get("speaker_grid")
        size = (self.camera.width, self.camera.height)
        if grid is not None:  # made from the very picture, which may have another size than camera_info says
            size = round(grid.layout.u_step * grid.layout.cols), round(grid.layout.v_step * grid.layout.rows)
        return faces_from_message(message, size)

    def ranges(self, faces: FaceDetections | None) -> tuple[RangeReading | None, ...]:
        """The depth image's range of each face; () where there is no depth image of this time."""
        if faces is None or not self.depths or self.camera is None:
            return ()
        when, depth = min(self.depths, key=lambda item: abs(item[0] - self.stamp_ns))
        return face_ranges(depth, faces, self.camera) if abs(when - self.stamp_ns) <= DEPTH_SLOP_NS else ()


class SpeakerTrackerNode(PipelineNode):
    """`speaker_grid`, `faces`, `audio_sphere`, `camera_info`, TF -> `speakers`, `markers`, TF `<prefix>voice_<id>`."""

    NAME = "speaker_tracker"
    CONFIG = SpeakerTrackerNodeConfig
    QUEUE_CAPACITY = 5  # a fifth of a second: on a machine that lags, more would only add delay

    def build(self) -> None:
        """Subscribe to all that tells of a moment."""
        self._tracker = SpeakerTracker(self.config.tracker)  # belongs to the worker thread
        self._array_frame = self.config.array_frame
        self._camera = CameraWatch(self, self.config.camera)
        self._depths: deque[tuple[int, np.ndarray]] = deque(maxlen=5)
        self._join = StampJoin(tuple(STREAMS), self.config.max_wait_s, self._take, time.monotonic)
        self._broadcaster = tf2_ros.TransformBroadcaster(self)
        self.announce(SpeakerArray, "speakers", result_quality())
        self.announce(MarkerArray, "markers", result_quality(), is_promised=False)
        for stream, (message_type, consequence) in STREAMS.items():
            self.listen(message_type, stream, partial(self._on_part, stream), result_quality(), consequence=consequence)
        self.listen(CameraInfo, "camera_info", self._on_camera_info, image_quality(), consequence="faces have no bearing")
        if self.config.use_depth:
            self.listen(Image, "depth_image", self._on_depth, image_quality(), consequence="ranges come from face widths")
        self.every(FLUSH_PERIOD_S, self._join.flush)

    def release(self) -> None:
        """Leave TF."""
        if hasattr(self, "_camera"):
            self._camera.close()
            del self._camera
        if hasattr(self, "_broadcaster"):
            self.destroy_publisher(self._broadcaster.pub_tf)
            del self._broadcaster

    def reset(self) -> None:
        """Forget all speakers."""
        self._join.reset()
        self._depths.clear()
        self.in_background(lambda: self._tracker.reset(), droppable=False)

    def reconfigure(self, config: SpeakerTrackerNodeConfig) -> None:
        """Other settings of the tracker begin with no speakers; refused where their network cannot be opened."""
        if config.tracker != self.config.tracker:
            self.in_background(partial(self._exchange, SpeakerTracker(config.tracker)), droppable=False)
        self._camera.reset(config.camera)

    # -------------------------------------------------------------------------------------------- inputs
    def _on_part(self, stream: str, message: Any) -> None:
        if not self.is_in_order(stream, message):
            return
        if stream == "audio_sphere" and message.header.frame_id:
            self._array_frame = message.header.frame_id
        part = message if stream == "faces" else grid_from_message(message)
        self._join.add(stream, stamp_ns(message.header.stamp), part)

    def _on_camera_info(self, info: CameraInfo) -> None:
        try:
            self._camera.update(info, self._array_frame)
        finally:
            self.health.problems("camera", filter(None, [self._camera.reason]))

    def _on_depth(self, message: Image) -> None:
        self._depths.append((stamp_ns(message.header.stamp), depth_from_message(message)))

    def _take(self, stamp: int, parts: dict[str, Any]) -> None:
        """Everything known of one moment, to the worker: the executor has the next messages to take in meanwhile."""
        moment = _Moment(stamp, parts, self._camera.model, tuple(self._depths), self._array_frame)
        self.in_background(partial(self._track, moment))

    # -------------------------------------------------------------------------------------------- worker thread
    def _exchange(self, tracker: SpeakerTracker) -> None:
        self._tracker = tracker

    def _track(self, moment: _Moment) -> None:
        faces = moment.faces()
        grid, sphere = moment.parts.get("speaker_grid"), moment.parts.get("audio_sphere")
        found = self._tracker.step(moment.stamp_ns, grid, faces, sphere, moment.camera, moment.ranges(faces))
        self._publish(replace(found, frame_id=moment.array_frame))
        for event in found.events:
            self.health.note(event)
        self.health.values["speakers"] = str(len(found.speakers))
        self.health.values["speaking"] = " ".join(s.id for s in found.speakers if s.is_speaking)
        self.health.well("failure:worker")

    def _publish(self, found: Speakers) -> None:
        if self.config.publish_tf and found.speakers and self.is_active:  # before the message that names the frames
            self._broadcaster.sendTransform([self._transform(speaker, found) for speaker in found.speakers])
        self.send("speakers", speakers_to_message(found), found.stamp_ns)
        if self.has_listeners("markers"):
            self.send("markers", speaker_markers(found, stamp_message(found.stamp_ns)), found.stamp_ns)

    def _transform(self, speaker: Speaker, found: Speakers) -> TransformStamped:
        """Where the voice is; a bearing alone has no translation, and x towards the speaker."""
        message = TransformStamped(child_frame_id=f"{self.config.frame_prefix.lstrip('/')}voice_{speaker.id}")
        message.header.stamp = stamp_message(found.stamp_ns)
        message.header.frame_id = found.frame_id
        position = np.zeros(3) if speaker.position is None else speaker.position
        message.transform.translation = vector_message(position)
        message.transform.rotation = quaternion_message(quaternion_x_towards(speaker.direction))
        return message


def main() -> int:
    """Run this node until it is told to stop."""
    return run_node(SpeakerTrackerNode)
