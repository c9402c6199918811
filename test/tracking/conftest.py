"""A small world for the tracker: talkers at given directions make sphere grids and faces."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from avloc_ros.geometry import (
    CameraModel,
    angle_between,
    cell_centres,
    direction_from_angles,
    image_grid,
    sphere_grid,
)
from avloc_ros.types import Face, FaceDetections, Modality, SpeakerGrid

FRAME_NS = 40_000_000
CAMERA = CameraModel(720, 450, 318.5, 268.1, 360.0, 225.0)


class World:
    """Makes the grids and faces of one frame; azimuths and elevations in degrees."""

    camera = CAMERA
    frame_ns = FRAME_NS

    def sphere(self, frame: int, talkers: list[tuple[float, float]], height: float = 0.9) -> SpeakerGrid:
        layout = sphere_grid()
        centres = cell_centres(layout)
        cells = direction_from_angles(centres[..., 0], centres[..., 1])  # (rows, cols, 3)
        values = np.full(layout.shape, 0.01)
        for azimuth_deg, elevation_deg in talkers:
            there = direction_from_angles(np.radians(azimuth_deg), np.radians(elevation_deg))
            values = np.maximum(
                values, height * np.exp(-0.5 * (angle_between(cells, there) / np.radians(6)) ** 2)
            )
        return SpeakerGrid(
            frame * FRAME_NS,
            layout,
            Modality.AUDIO,
            values.astype(np.float32),
            0.5,
            "test",
            "microphone_array",
        )

    def fused(self, frame: int, cells: dict[tuple[int, int], float], threshold: float = 0.5) -> SpeakerGrid:
        """The grid of a trained fusion: which cells (row, col) hold what; sound weighs .25 in the upper half, .75 below."""
        layout = image_grid(CAMERA.width, CAMERA.height)
        values = np.full(layout.shape, 0.001, np.float32)
        for cell, value in cells.items():
            values[cell] = value
        weight = np.where(np.arange(layout.rows)[:, None] < layout.rows // 2, 0.25, 0.75) * np.ones(layout.shape)
        return SpeakerGrid(
            frame * FRAME_NS, layout, Modality.FUSED, values, threshold, "test", "camera", audio_weight=weight
        )

    def faces(
        self,
        frame: int,
        people: list[tuple[float, float]],
        range_m: float = 2.0,
        mouths: Sequence[float | None] | None = None,
    ) -> FaceDetections:
        found = []
        for (azimuth_deg, elevation_deg), motion in zip(people, mouths or [None] * len(people), strict=True):
            point = direction_from_angles(np.radians(azimuth_deg), np.radians(elevation_deg)) * range_m
            pixel, inside = CAMERA.project(point)
            assert inside, "this person stands outside the picture"
            width = CAMERA.fx * 0.15 / range_m
            left, top = pixel[0] - width / 2, pixel[1] - width / 2
            found.append(Face(left, top, width, width, 0.95, mouth_motion=motion))
        return FaceDetections(frame * FRAME_NS, tuple(found), (720, 450))


@pytest.fixture
def world() -> World:
    return World()
