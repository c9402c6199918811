"""Draws how far each cell is left to ear and eye: the share of the audio weight, as colours over the picture."""

from __future__ import annotations

import cv2
import numpy as np

from avloc_ros.types import Modality, Projection, SpeakerGrid

OPACITY = 0.5
EYE_BGR = np.array([235.0, 140.0, 40.0])  # blue: the eye is trusted
EAR_BGR = np.array([30.0, 120.0, 250.0])  # orange: the ear is trusted


def audio_share(grid: SpeakerGrid) -> np.ndarray | None:
    """LA / (LA + LV) of a fused grid, float32 (rows, cols) in [0, 1]; 0.5 where both are 0, None without weights."""
    if grid.modality != Modality.FUSED or grid.audio_weight is None or grid.video_weight is None:
        return None
    audio = np.broadcast_to(np.nan_to_num(grid.audio_weight).astype(np.float32), grid.layout.shape)
    video = np.broadcast_to(np.nan_to_num(grid.video_weight).astype(np.float32), grid.layout.shape)
    total = audio + video
    return np.where(total > 1e-6, audio / np.maximum(total, 1e-6), 0.5).astype(np.float32)


def with_weights(image: np.ndarray, grid: SpeakerGrid | None) -> np.ndarray:
    """A copy of the picture (rows, columns, 3) BGR under the colours of the weights; without weights as it is."""
    share = audio_share(grid) if grid is not None and grid.layout.projection == Projection.IMAGE else None
    if share is None:
        return image.copy()
    colours = (EYE_BGR + share[..., None] * (EAR_BGR - EYE_BGR)).astype(np.uint8)  # (rows, cols, 3)
    smooth = cv2.resize(colours, (image.shape[1], image.shape[0]), interpolation=cv2.INTER_LINEAR)
    return cv2.addWeighted(image, 1 - OPACITY, smooth, OPACITY, 0.0)
