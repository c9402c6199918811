"""Pictures of Image and CompressedImage messages (or objects with the same fields) as BGR arrays."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np

from avloc_ros.types import InputError

# encoding -> (channels, conversion to BGR or None); yuv422 is UYVY, yuv422_yuy2 is YUYV (image_encodings.hpp)
ENCODINGS: dict[str, tuple[int, int | None]] = {
    "bgr8": (3, None),
    "8UC3": (3, None),
    "rgb8": (3, cv2.COLOR_RGB2BGR),
    "bgra8": (4, cv2.COLOR_BGRA2BGR),
    "rgba8": (4, cv2.COLOR_RGBA2BGR),
    "mono8": (1, cv2.COLOR_GRAY2BGR),
    "8UC1": (1, cv2.COLOR_GRAY2BGR),
    "yuv422": (2, cv2.COLOR_YUV2BGR_UYVY),
    "yuv422_yuy2": (2, cv2.COLOR_YUV2BGR_YUY2),
}


def picture_of_image(message: Any) -> np.ndarray:
    """uint8 (rows, columns, 3), BGR; padded rows are cut. Raises InputError on what does not fit."""
    if message.encoding not in ENCODINGS:
        raise InputError(
            f"image encoding '{message.encoding}' is not known: send one of {', '.join(ENCODINGS)}"
        )
    channels, conversion = ENCODINGS[message.encoding]
    rows, cols = int(message.height), int(message.width)
    step = int(message.step) or cols * channels
    data = np.frombuffer(message.data, np.uint8)
    if rows < 1 or cols < 1 or step < cols * channels or data.size < step * rows:
        raise InputError(
            f"image of {cols}x{rows} in {message.encoding} with step {step} has {data.size} bytes: "
            "that does not fit"
        )
    image = data[: step * rows].reshape(rows, step)[:, : cols * channels].reshape(rows, cols, channels)
    return np.array(image) if conversion is None else cv2.cvtColor(np.ascontiguousarray(image), conversion)


def picture_of_compressed(message: Any) -> np.ndarray:
    """uint8 (rows, columns, 3), BGR, of JPEG or PNG. Raises InputError where it cannot be decoded."""
    image = cv2.imdecode(np.frombuffer(message.data, np.uint8), cv2.IMREAD_COLOR)
    if image is None:
        raise InputError(f"compressed image of format '{message.format}' cannot be decoded: send jpeg or png")
    return image
