"""What asl_unet sees: a few reduced pictures, grey or in colour, scaled."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from avloc_ros.config import setting


@dataclass(frozen=True)
class PictureScaleConfig:
    """How pixel values reach the network: (value / 255 - mean) / deviation."""

    mean: float = setting(0.45, "grey level that becomes 0", low=0.0, high=1.0)
    deviation: float = setting(0.25, "grey levels that become 1", low=0.01, high=1.0)


def picture_maps(images: Sequence[np.ndarray], colours: int, scale: PictureScaleConfig) -> np.ndarray:
    """Pictures uint8 (rows, cols, 3) BGR as float32 (pictures, colours, rows, cols): RGB, or one grey."""
    maps = []
    for image in images:
        if colours == 1:
            maps.append(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)[None])
        else:
            maps.append(image[..., ::-1].transpose(2, 0, 1))
    values = np.stack(maps).astype(np.float32) / 255
    return (values - np.float32(scale.mean)) / np.float32(scale.deviation)
