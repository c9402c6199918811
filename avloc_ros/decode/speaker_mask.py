"""A mask of active speakers to a binary picture, to one blob per speaker, and to a grid."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from avloc_ros.geometry import cell_of, image_grid
from avloc_ros.types import InputError, Modality, SpeakerGrid

SPEAKING = 255
SMALLEST_BLOB_PX, SMALLEST_BLOB = 4, 4e-4  # pixels of the network's picture, and their share of it: less is no face


@dataclass(frozen=True)
class SpeakerBlob:
    """A connected part of a mask: its centre in the picture's pixels, and its mean probability."""

    u: float
    v: float
    probability: float


def binary_mask(probability: np.ndarray, threshold: float, width: int, height: int) -> np.ndarray:
    """SPEAKING where a pixel is a speaker's, else 0: uint8 (height, width), of a probability (rows, cols) of any size."""
    if probability.shape != (height, width):
        probability = cv2.resize(probability, (width, height), interpolation=cv2.INTER_LINEAR)
    return np.where(probability >= threshold, np.uint8(SPEAKING), np.uint8(0))


def speaker_blobs(probability: np.ndarray, threshold: float, width: int, height: int) -> list[SpeakerBlob]:
    """One blob per connected part of float32 (rows, cols) at or above the threshold, likeliest first.

    Centres are weighted by probability, in pixels of a picture of width x height.
    """
    rows, cols = probability.shape
    count, labels, stats, _ = cv2.connectedComponentsWithStats((probability >= threshold).astype(np.uint8))
    v, u = np.mgrid[0:rows, 0:cols] + 0.5
    found, smallest = [], max(SMALLEST_BLOB_PX, SMALLEST_BLOB * probability.size)
    for number in range(1, count):  # 0 is the background
        if stats[number, cv2.CC_STAT_AREA] < smallest:
            continue
        inside = labels == number
        weights = probability[inside]
        centre_u, centre_v = (float(np.average(axis[inside], weights=weights)) for axis in (u, v))
        found.append(SpeakerBlob(centre_u * width / cols, centre_v * height / rows, float(weights.mean())))
    return sorted(found, key=lambda blob: -blob.probability)


def blobs_to_grid(
    blobs: list[SpeakerBlob], stamp_ns: int, size: tuple[int, int], shape: tuple[int, int], *, threshold: float, system: str,
    frame_id: str = "camera", window_s: float = 0.05,
) -> SpeakerGrid:  # fmt: skip
    """The FUSED grid (rows, cols) over a picture of (width, height): each blob's probability in the cell of its centre.

    One cell per talker, as the refined grids of a trained fusion have it; its weights are 1 in every cell, for the network
    weighs ear and eye inside itself. Raises InputError on a grid without cells.
    """
    if min(shape) < 1:
        raise InputError(f"a grid of {shape[0]}x{shape[1]} cells: need at least 1x1")
    layout = image_grid(*size, *shape)
    cells = np.zeros(shape, np.float32)
    for blob in blobs:
        cell = cell_of(layout, blob.u, blob.v)
        if cell is not None:
            cells[cell] = max(cells[cell], blob.probability)
    weights = np.ones(shape, np.float32)
    return SpeakerGrid(
        stamp_ns, layout, Modality.FUSED, cells, threshold, system, frame_id, window_s, audio_weight=weights, video_weight=weights
    )
