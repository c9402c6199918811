"""Node: pictures -> faces, and where a talker may be as far as the eye can tell."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import partial

from sensor_msgs.msg import CameraInfo, CompressedImage, Image

from avloc_ros.config import setting
from avloc_ros.decode.face_grid import faces_to_grid
from avloc_ros.msg import FaceArray, SpeakerGrid
from avloc_ros.nodes.base.compose import run_node
from avloc_ros.nodes.base.lone_sense import works_by
from avloc_ros.nodes.base.node_base import PipelineNode
from avloc_ros.nodes.messages.quality_of_service import RELIABILITIES, image_quality, result_quality
from avloc_ros.nodes.messages.speaker_messages import faces_to_message, grid_to_message
from avloc_ros.nodes.pictures.picture_input import TRANSPORT_HELP, TRANSPORTS, listen_to_pictures, picture_of
from avloc_ros.systems.faces import FaceConfig, FaceTracker
from avloc_ros.types import InputError, VideoFrame


@dataclass(frozen=True)
class VisualDetectorConfig:
    """Settings of the visual detector node."""

    device: str = setting("auto", "where to infer: auto, cpu, cuda, cuda:N; auto falls back to the CPU and says so")
    image_transport: str = setting("raw", TRANSPORT_HELP, choices=TRANSPORTS, read_only=True)
    image_reliability: str = setting("best_effort", "QoS of `image`", choices=RELIABILITIES, read_only=True)
    image_depth: int = setting(5, "pictures that may wait in the middleware", low=1, high=100, read_only=True)
    rows: int = setting(20, "rows of the image grid, as of the audio tracker", low=2, high=200)
    cols: int = setting(24, "columns of the image grid, as of the audio tracker", low=2, high=200)
    binary: bool = setting(False, "faces mark their cell with 1 instead of the detector's score (the paper)")
    faces: FaceConfig = field(default_factory=FaceConfig)


class VisualDetectorNode(PipelineNode):
    """`image` -> `faces`, `visual_grid`."""

    NAME = "visual_detector"
    CONFIG = VisualDetectorConfig

    def build(self) -> None:
        """Load the detector and subscribe."""
        self._detector = FaceTracker(_face_config(self.config))
        self._size: tuple[int, int] | None = None
        self._calibrated_size: tuple[int, int] | None = None
        self.announce(FaceArray, "faces", result_quality())
        self.announce(SpeakerGrid, "visual_grid", result_quality())
        self.health.values["detector"] = self._detector.status().kind
        self.health.values["device"] = self._detector.status().device
        listen_to_pictures(self, self._on_image, "no faces", self.config.image_depth)
        self.listen(CameraInfo, "camera_info", self._on_camera_info, image_quality())

    def release(self) -> None:
        """Close the detector."""
        if hasattr(self, "_detector"):
            self._detector.close()
            del self._detector

    def reset(self) -> None:
        """Forget the frames before a jump of time."""
        self.in_background(self._detector.reset, droppable=False)

    def reconfigure(self, config: VisualDetectorConfig) -> None:
        """Other settings of the detector: load it again, on the worker thread."""
        if _face_config(config) != _face_config(self.config):
            self.in_background(partial(self._exchange, _face_config(config)), droppable=False)

    def excuse(self) -> str:
        """Without a camera there are no faces."""
        return "no camera is there, the pipeline works by ear alone" if works_by(self) == "ear" else ""

    def _on_image(self, message: Image | CompressedImage) -> None:
        if self.is_in_order("image", message):
            frame = picture_of(message)
            self._note_size(frame.size)
            self.in_background(partial(self._step, frame))

    def _on_camera_info(self, info: CameraInfo) -> None:
        self._calibrated_size = (info.width, info.height)

    def _note_size(self, size: tuple[int, int]) -> None:
        if self._size is not None and size != self._size:
            before, now = ("x".join(map(str, pair)) for pair in (self._size, size))
            self.health.note(f"image size changed from {before} to {now}")
        self._size = size
        unlike = self._calibrated_size is not None and self._calibrated_size != size
        words = f"pictures are {size[0]}x{size[1]}, camera_info says {self._calibrated_size}: grids will not match"
        self.health.problems("size", [words] if unlike else [])

    def _step(self, frame: VideoFrame) -> None:
        faces = self._detector.step(frame)
        grid = faces_to_grid(faces, self.config.rows, self.config.cols, self.config.binary)
        self.send("faces", faces_to_message(faces), frame.stamp_ns)
        self.send("visual_grid", grid_to_message(grid), frame.stamp_ns)
        status = self._detector.status()
        self.health.problems("detector", status.reasons)
        self.health.values |= {"precision": status.precision, "notes": "; ".join(status.notes)}
        self.health.values |= {"faces": str(len(faces.faces)), "network looks": str(status.fast)}
        if self.config.faces.small_faces != "off":
            self.health.values["full pass looks"] = str(status.full)
        self.health.well("failure:worker")

    def _exchange(self, config: FaceConfig) -> None:
        try:
            new = FaceTracker(config)
        except InputError as error:
            self.health.problem("model", f"the detector stays as it was: {error}")
            return
        self.health.well("model")
        self._detector.close()
        self._detector = new


def _face_config(config: VisualDetectorConfig) -> FaceConfig:
    """The detector's settings; the node's device holds unless the detector has one of its own."""
    return replace(config.faces, device=config.device) if config.faces.device == "auto" else config.faces


def main() -> int:
    """Run this node until it is told to stop."""
    return run_node(VisualDetectorNode)
