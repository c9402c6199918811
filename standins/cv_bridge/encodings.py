"""What the names in sensor_msgs/Image.encoding mean: element type, channels, colour space."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

DTYPE_BY_TYPE_NAME = {
    "8U": "uint8", "8S": "int8", "16U": "uint16", "16S": "int16", "32S": "int32", "32F": "float32", "64F": "float64",
}  # fmt: skip
_COLOUR_CHANNELS = {"mono": 1, "bgr": 3, "rgb": 3, "bgra": 4, "rgba": 4}
_PACKED_YUV = {"yuv422": "uyvy", "uyvy": "uyvy", "yuv422_yuy2": "yuyv", "yuyv": "yuyv"}
_TYPE_NAME = re.compile(r"(8U|8S|16U|16S|32S|32F|64F)C?(\d*)")


@dataclass(frozen=True)
class Encoding:
    """One encoding: type_name as in OpenCV ("8U"), channels per pixel, colour space ("" where it has none)."""

    type_name: str
    channels: int
    colour: str

    @property
    def dtype(self) -> np.dtype:
        return np.dtype(DTYPE_BY_TYPE_NAME[self.type_name])


def parse_encoding(name: str) -> Encoding | None:
    """The meaning of an encoding's name, None where it is not known."""
    for colour, channels in _COLOUR_CHANNELS.items():
        if name in (f"{colour}8", f"{colour}16"):
            return Encoding("16U" if name.endswith("16") else "8U", channels, colour)
    if name in _PACKED_YUV:
        return Encoding("8U", 2, _PACKED_YUV[name])
    bayer = re.fullmatch(r"bayer_(rggb|bggr|gbrg|grbg)(8|16)", name)
    if bayer:
        return Encoding(bayer[2] + "U", 1, "bayer_" + bayer[1])
    plain = _TYPE_NAME.fullmatch(name)
    if plain:
        return Encoding(plain[1], int(plain[2] or 1), "")
    return None
