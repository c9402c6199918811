"""Pictures into a node: by which topic and message, as its settings say, and how a message is read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sensor_msgs.msg import CompressedImage, Image

from avloc_ros.nodes.base.node_base import PipelineNode
from avloc_ros.nodes.messages.conversions import image_from_compressed, image_from_message
from avloc_ros.nodes.messages.quality_of_service import image_quality
from avloc_ros.types import VideoFrame

TRANSPORTS = ("raw", "compressed")
TRANSPORT_HELP = "raw: Image on `image`; compressed: CompressedImage on `image/compressed`"


def listen_to_pictures(
    node: PipelineNode, callback: Callable[[Any], None], consequence: str, depth: int = 5
) -> None:
    """Subscribe to `image` or `image/compressed`, as the node's `image_transport` and `image_reliability` say.

    consequence: what is lost without pictures; depth: how many may wait in the middleware.
    """
    is_raw = node.config.image_transport == "raw"
    node.listen(
        Image if is_raw else CompressedImage,
        "image" if is_raw else "image/compressed",
        callback,
        image_quality(node.config.image_reliability, depth),
        consequence=consequence,
        stream="image",
    )


def picture_of(message: Image | CompressedImage) -> VideoFrame:
    """The picture of either message, BGR. Raises InputError where it cannot be read."""
    return image_from_message(message) if isinstance(message, Image) else image_from_compressed(message)
