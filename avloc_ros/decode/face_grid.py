"""Faces to a grid: the video half of the stream-weight fusion."""

from __future__ import annotations

import cv2
import numpy as np

from avloc_ros.geometry import cell_centres, cell_of, image_grid
from avloc_ros.types import FaceDetections, InputError, Modality, SpeakerGrid

REACH_CELLS = 2.5  # beyond it a face says nothing about a cell
SYSTEM = "faces"


def faces_to_grid(
    detections: FaceDetections,
    rows: int = 20,
    cols: int = 24,
    binary: bool = False,
    spread_cells: float = 1.0,
    threshold: float = 0.5,
) -> SpeakerGrid:
    """The VIDEO grid (rows, cols) over the picture: each face marks the cell of its centre with its score.

    binary: 1 in that cell and nothing else, as the paper does (docs/papers.md: dsw).
    spread_cells: the other cells get score * 0.5 ** ((d^2 - d0^2) / spread^2), with d their centre's distance from the
    face's centre and d0 that of the face's own cell, in cells. With the default of 1 a cell one width away gets about
    half, as a grid says "a talker is within one cell width"; the logarithm is a parabola, so that sub-cell interpolation
    of the peak finds the face's centre again. 0 marks the own cell only. Where faces meet, the larger value stands.
    The detections' visibility goes on as video_weight, brought to the grid's cells.
    Raises InputError on a negative spread and on a grid without cells.
    """
    if spread_cells < 0 or min(rows, cols) < 1:
        raise InputError(
            f"a face grid of {rows}x{cols} cells with spread {spread_cells}: need at least 1x1 and spread >= 0"
        )
    layout = image_grid(*detections.image_size, rows, cols)
    centres = cell_centres(layout)  # (rows, cols, 2)
    probability = np.zeros((rows, cols), np.float32)
    for face in detections.faces:
        own = cell_of(layout, *face.centre)
        if own is None:
            continue
        score = 1.0 if binary else face.score
        if binary or spread_cells == 0:
            probability[own] = max(probability[own], score)
            continue
        offsets = (centres - face.centre) / (layout.u_step, layout.v_step)
        squares = (offsets**2).sum(axis=-1)  # (rows, cols) in cells^2
        share = np.minimum(0.5 ** ((squares - squares[own]) / spread_cells**2), 1.0)
        probability = np.maximum(
            probability, np.where(squares < (REACH_CELLS * spread_cells) ** 2, score * share, 0)
        )
        probability[own] = max(probability[own], score)
    return SpeakerGrid(
        detections.stamp_ns,
        layout,
        Modality.VIDEO,
        probability.astype(np.float32),
        threshold,
        SYSTEM,
        detections.frame_id,
        video_weight=_on_cells(detections.visibility, rows, cols),
    )


def _on_cells(visibility: np.ndarray | None, rows: int, cols: int) -> np.ndarray | None:
    """A map over the picture as (rows, cols)."""
    if visibility is None or visibility.shape == (rows, cols):
        return visibility
    return cv2.resize(visibility.astype(np.float32), (cols, rows), interpolation=cv2.INTER_AREA)
