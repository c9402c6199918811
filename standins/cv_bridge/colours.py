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
_CV2_NAME = {"mono": "GRAY", "uyvy": "YUV_UYVY", "yuyv": "YUV_YUY2", **_BAYER_CV2}


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
    names = [_CV2_NAME.get(colour, colour.upper()) for colour in (source.colour, target.colour)]
    code = getattr(cv2, f"COLOR_{names[0]}2{names[1]}", None)
    if code is None:
        raise ValueError(f"no conversion from {source.colour} to {target.colour}")
    return cv2.cvtColor(image, code)
