"""Node: a camera of this machine -> `image`, `camera_info`."""

from __future__ import annotations

from dataclasses import dataclass

from avloc_ros.config import setting
from avloc_ros.nodes.base.compose import run_node
from avloc_ros.nodes.base.source_node import TRANSPORTS, SourceNode
from avloc_ros.nodes.messages.quality_of_service import RELIABILITIES
from avloc_ros.nodes.pictures.camera_file import load_camera
from avloc_ros.sources.open_source import open_source
from avloc_ros.sources.stream import Source

AUTO = "auto"  # also what a parameter file that sets `device` of all nodes says: there it is where to infer


@dataclass(frozen=True)
class CameraCaptureConfig:
    """Settings of the camera capture node."""

    device: str = setting("0", "camera by number, device path or URL; auto: the first", read_only=True)
    camera_file: str = setting("", "calibration: YAML of camera_calibration, or of a scene's camera block", read_only=True)
    image_transport: str = setting("raw", "pictures as Image, CompressedImage or both", choices=tuple(TRANSPORTS), read_only=True)
    reliability: str = setting("reliable", "QoS offered", choices=RELIABILITIES, read_only=True)
    frame_prefix: str = setting("", "put before the name of the camera's frame", read_only=True)
    exit_without_device: bool = setting(False, "end the process where the camera cannot be opened", read_only=True)


class CameraCaptureNode(SourceNode):
    """A camera -> `image`, `camera_info`."""

    NAME = "camera_capture"
    CONFIG = CameraCaptureConfig

    def is_vital(self) -> bool:
        """As its settings say."""
        return self.config.exit_without_device

    def open(self) -> Source:
        """The camera. Raises InputError where it is not there."""
        camera = load_camera(self.config.camera_file) if self.config.camera_file else None
        device = "0" if self.config.device == AUTO else self.config.device
        return open_source(f"live:audio=none,camera={device}", camera=camera)


def main() -> int:
    """Run this node until it is told to stop."""
    return run_node(CameraCaptureNode)
