"""The plain rule that a fusion must beat: the face nearest to the SRP peak, else the peak, while there is a voice."""

from __future__ import annotations

import numpy as np

from avloc_ros.decode.peaks import find_peaks
from avloc_ros.evaluation.metrics.frame_report import Candidate
from avloc_ros.geometry import CameraModel, angles_from_direction
from avloc_ros.systems.audio_grids import AudioGrids
from avloc_ros.types import FaceDetections

NEAR_SHARE = 0.125  # of the picture's width: 90 of 720 px
VOICE_FROM = 0.5  # voice probability of the audio tracker
ASSUMED_RANGE_M = 2.0


def nearest_face(
    audio: AudioGrids | None, seen: FaceDetections | None, camera: CameraModel | None
) -> list[Candidate]:
    """Candidates of one frame: the rule's report first, then the other faces by distance, then other peaks.

    No memory, no tuning: one report per frame with a voice.
    """
    if camera is None or audio is None or audio.image is None:
        return []
    peaks = [(peak.u, peak.v) for peak in find_peaks(audio.image, 0.0, 4)]
    faces = [face.centre for face in seen.faces] if seen is not None else []
    if peaks:
        faces.sort(key=lambda face: np.hypot(face[0] - peaks[0][0], face[1] - peaks[0][1]))
    takes_face = bool(faces) and (not peaks or abs(faces[0][0] - peaks[0][0]) < NEAR_SHARE * camera.width)
    order = [*faces, *peaks] if takes_face else [*peaks[:1], *faces, *peaks[1:]]
    speaks = audio.voice_probability >= VOICE_FROM and bool(peaks)
    return [
        _candidate(point, camera, audio.voice_probability if k == 0 else 0.0, speaks and k == 0)
        for k, point in enumerate(order)
    ]


def _candidate(point: tuple[float, float], camera: CameraModel, score: float, reported: bool) -> Candidate:
    azimuth, elevation = angles_from_direction(camera.directions(np.array(point), ASSUMED_RANGE_M))
    return Candidate(score, reported, float(point[0]), float(point[1]), float(azimuth), float(elevation))
