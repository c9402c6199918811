"""Conversion of an array from one encoding to another."""

from __future__ import annotations

import cv2
import numpy as np
from cv_bridge.encodings import Encoding

# What cv2 calls Bayer patterns by is the second row's second and third pixel: RGGB is its "BG".
_BAYER_CV2 = {
    "bayer_rggb": "BayerBG",
    "bayer_bggr": "BayerRG",
    "bayer_gbrg": "BayerGR",
    "bayer_grbg": "BayerGB",
}
_CV2_NAME = {"mono": "GRAY", **_BAYER_CV2}
_PACKED_YUV_CV2 = {"uyvy": "UYVY", "yuyv": "YUY2"}


def convert(image: np.ndarray, source: Encoding, target: Encoding) -> np.ndarray:
    """The image in another encoding: colour space first, then depth (full scale stays full scale).

    Encodings without a colour space (8UC3, ...) convert only to encodings with as many channels, unchanged.
    ValueError where there is no such conversion.
    """
    if source.colour != target.colour:
        image = _convert_colour(image, source, target)
    if source.type_name == target.type_name:
        return image
    scale = {("8U", "16U"): 65535.0 / 255.0, ("16U", "8U"): 255.0 / 65535.0}.get(
        (source.type_name, target.type_name)
    )
    if scale is None:
        return image.astype(target.dtype)
    return np.rint(image * scale).astype(target.dtype)


def _convert_colour(image: np.ndarray, source: Encoding, target: Encoding) -> np.ndarray:
    if not source.colour or not target.colour:
        if source.channels != target.channels:
            raise ValueError(f"{source.channels} channels do not fit {target.channels}")
        return image
    packing = _PACKED_YUV_CV2.get(source.colour)
    from_name = "YUV" if packing else _CV2_NAME.get(source.colour, source.colour.upper())
    to_name = _CV2_NAME.get(target.colour, target.colour.upper())
    code = getattr(cv2, f"COLOR_{from_name}2{to_name}" + (f"_{packing}" if packing else ""), None)
    if code is None:
        raise ValueError(f"no conversion from {source.colour} to {target.colour}")
    return cv2.cvtColor(image, code)
