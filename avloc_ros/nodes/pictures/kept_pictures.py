"""The newest pictures of a camera, kept small until it is known which of them are looked at."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from sensor_msgs.msg import CompressedImage, Image

from avloc_ros.features.inputs.image import reduced_picture
from avloc_ros.nodes.messages.conversions import stamp_ns
from avloc_ros.nodes.pictures.picture_input import picture_of
from avloc_ros.types import VideoFrame


@dataclass(frozen=True)
class KeptPicture:
    """A picture in the size in which it is looked at, or a message that is still compressed."""

    stamp_ns: int
    content: VideoFrame | CompressedImage

    def frame(self) -> VideoFrame:
        """The picture, BGR. Raises InputError where it cannot be read."""
        return self.content if isinstance(self.content, VideoFrame) else picture_of(self.content)


class KeptPictures:
    """size: (width, height) in which a network looks at them. At most `capacity` are kept.

    A raw picture is reduced as it comes: sixty of 1280x720 would be 166 MB, of 224x112 they are 4.5 MB. A compressed one is small
    as it is, and unpacking those that nobody looks at would cost more than all the rest.
    """

    def __init__(self, size: tuple[int, int], capacity: int) -> None:
        self.size = size
        self._kept: deque[KeptPicture] = deque(maxlen=capacity)

    def __len__(self) -> int:
        return len(self._kept)

    def clear(self) -> None:
        """Forget them all."""
        self._kept.clear()

    def add(self, message: Image | CompressedImage) -> None:
        """Take in a picture. Raises InputError where a raw one cannot be read."""
        stamp, content = stamp_ns(message.header.stamp), message
        if isinstance(message, Image):
            frame, (width, height) = picture_of(message), self.size
            content = VideoFrame(stamp, reduced_picture(frame.image, height, width), frame.frame_id)
        self._kept.append(KeptPicture(stamp, content))

    def at(self, stamp: int) -> KeptPicture | None:
        """What was on the camera at a moment, None where nothing was."""
        shown = [picture for picture in self._kept if picture.stamp_ns <= stamp]
        return max(shown, key=lambda picture: picture.stamp_ns, default=None)
