"""The converter itself."""

from __future__ import annotations

import array
import sys
from typing import Any

import cv2
import numpy as np
from cv_bridge.colours import convert
from cv_bridge.encodings import DTYPE_BY_TYPE_NAME, Encoding, parse_encoding
from sensor_msgs.msg import CompressedImage, Image

_TYPE_NAME_BY_DTYPE = {dtype: name for name, dtype in DTYPE_BY_TYPE_NAME.items()}


class CvBridgeError(TypeError):
    """An image cannot be converted as asked."""


class CvBridge:
    """Converts between sensor_msgs images and OpenCV arrays."""

    def imgmsg_to_cv2(self, img_msg: Image, desired_encoding: str = "passthrough") -> np.ndarray:
        """The message's image as (height, width) or (height, width, channels).

        passthrough: in the message's own encoding, a view of its data where rows have no padding. CvBridgeError where
        an encoding is not known or does not convert to the other.
        """
        encoding = _known_encoding(img_msg.encoding)
        image = _pixels(img_msg, encoding)
        if desired_encoding in ("passthrough", img_msg.encoding):
            return image
        try:
            return convert(image, encoding, _known_encoding(desired_encoding))
        except (ValueError, cv2.error) as error:
            raise CvBridgeError(
                f"{img_msg.encoding} does not convert to {desired_encoding}: {error}"
            ) from error

    def cv2_to_imgmsg(self, cvim: np.ndarray, encoding: str = "passthrough", header: Any = None) -> Image:
        """A message with a copy of cvim (height, width[, channels]).

        passthrough: the encoding is the array's plain type, as 8UC3. TypeError where cvim is no array, CvBridgeError
        where its type or channels are not those of the encoding.
        """
        if not isinstance(cvim, (np.ndarray, np.generic)):
            raise TypeError(f"cv2_to_imgmsg takes a numpy array, not {type(cvim)}")
        type_name = _array_type_name(cvim)
        if encoding != "passthrough":
            wanted = _known_encoding(encoding)
            if type_name != f"{wanted.type_name}C{wanted.channels}":
                raise CvBridgeError(f"encoding specified as {encoding}, but the image is {type_name}")
        message = Image(height=cvim.shape[0], width=cvim.shape[1])
        if header is not None:
            message.header = header
        message.encoding = type_name if encoding == "passthrough" else encoding
        big_endian_system = sys.byteorder == "big"
        message.is_bigendian = cvim.dtype.byteorder == ">" or (
            cvim.dtype.byteorder == "=" and big_endian_system
        )
        message.data = _byte_array(
            cvim
        )  # an array.array: rosidl takes it as it is, ndarrays element by element
        message.step = len(message.data) // message.height
        return message

    def compressed_imgmsg_to_cv2(
        self, cmprs_img_msg: CompressedImage, desired_encoding: str = "passthrough"
    ) -> np.ndarray:
        """The decoded image (height, width[, 3]): bgr8 or mono8 by itself, or as desired."""
        image = cv2.imdecode(np.frombuffer(cmprs_img_msg.data, np.uint8), cv2.IMREAD_ANYCOLOR)
        if image is None:
            raise CvBridgeError(f"compressed image of format {cmprs_img_msg.format!r} cannot be decoded")
        if desired_encoding == "passthrough":
            return image
        decoded = _known_encoding("mono8" if image.ndim == 2 else "bgr8")
        try:
            return convert(image, decoded, _known_encoding(desired_encoding))
        except (ValueError, cv2.error) as error:
            raise CvBridgeError(
                f"the decoded image does not convert to {desired_encoding}: {error}"
            ) from error

    def cv2_to_compressed_imgmsg(self, cvim: np.ndarray, dst_format: str = "jpg") -> CompressedImage:
        """A message with cvim (bgr8 or mono8) compressed as `dst_format`, a file ending that OpenCV knows."""
        if not isinstance(cvim, (np.ndarray, np.generic)):
            raise TypeError(f"cv2_to_compressed_imgmsg takes a numpy array, not {type(cvim)}")
        done, compressed = cv2.imencode("." + dst_format, cvim)
        if not done:
            raise CvBridgeError(f"the image cannot be compressed as {dst_format}")
        return CompressedImage(format=dst_format, data=_byte_array(compressed))

    def encoding_to_dtype_with_channels(self, encoding: str) -> tuple[str, int]:
        """Name of the numpy type, and channels, of an encoding."""
        known = _known_encoding(encoding)
        return known.dtype.name, known.channels


def _byte_array(values: np.ndarray) -> array.array:
    data = array.array("B")
    data.frombytes(memoryview(np.ascontiguousarray(values)).cast("B"))
    return data


def _known_encoding(name: str) -> Encoding:
    encoding = parse_encoding(name)
    if encoding is None:
        raise CvBridgeError(f"encoding {name!r} is not known")
    return encoding


def _array_type_name(image: np.ndarray) -> str:
    name = _TYPE_NAME_BY_DTYPE.get(image.dtype.name)
    if name is None or image.ndim not in (2, 3):
        raise CvBridgeError(f"an array of {image.dtype} with {image.ndim} dimensions is no image")
    return f"{name}C{image.shape[2] if image.ndim == 3 else 1}"


def _pixels(message: Image, encoding: Encoding) -> np.ndarray:
    dtype = encoding.dtype.newbyteorder(">" if message.is_bigendian else "<")
    shape = (message.height, message.width, encoding.channels)
    strides = (
        message.step,
        dtype.itemsize * encoding.channels,
        dtype.itemsize,
    )  # bytes; step counts the padding
    image = np.ndarray(shape, dtype, buffer=message.data, strides=strides)
    image = np.ascontiguousarray(image).astype(encoding.dtype, copy=False)
    return image[..., 0] if encoding.channels == 1 else image
