"""From probabilities over the sphere to the grids of an audio tracker: the sphere's, and the camera's where there is one."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from avloc_ros.features.directions.sphere_sampling import SphereSampling
from avloc_ros.geometry import CameraModel, GridLayout, cell_centres, image_grid, layout_directions
from avloc_ros.systems.audio_grids import AudioGrids
from avloc_ros.types import AudioWindow, Modality, SpeakerGrid


class SphereView:
    """Image cells are interpolated from the sphere at the directions in which the camera sees them."""

    def __init__(self, source: str, layout: GridLayout, image_shape: tuple[int, int], assumed_range_m: float) -> None:
        """source: name of the tracker; image_shape: rows and columns of the image grid."""
        self.camera: CameraModel | None = None
        self._source, self._layout = source, layout
        self._image_shape, self._range_m = image_shape, assumed_range_m
        self._image: tuple[GridLayout, SphereSampling] | None = None

    def look_through(self, camera: CameraModel | None) -> None:
        """Another camera, picture size or mounting; None: no image grid."""
        self.camera, self._image = camera, None
        if camera is not None:
            seen = image_grid(camera.width, camera.height, *self._image_shape)
            directions = layout_directions(seen, cell_centres(seen), camera, self._range_m)
            self._image = seen, SphereSampling(self._layout, directions)

    def grids(
        self,
        window: AudioWindow,
        probability: np.ndarray,
        threshold: float,
        voice: float,
        frame_id: str,
        reasons: tuple[str, ...],
    ) -> AudioGrids:
        """Both grids of a window, probability (rows, cols) of the sphere; frame_id: the array's."""
        sphere = SpeakerGrid(
            window.stamp_ns, self._layout, Modality.AUDIO, probability, threshold, self._source, frame_id,
            window.duration_s, audio_weight=np.asarray(voice, np.float32),
        )  # fmt: skip
        image = None
        if self.camera is not None and self._image is not None:
            layout, sampled = self._image
            image = replace(
                sphere, layout=layout, probability=sampled(probability), frame_id=self.camera.frame_id
            )
        return AudioGrids(image, sphere, voice, reasons)
