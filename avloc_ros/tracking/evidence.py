"""What one frame tells about talkers: bearings with their errors, from faces and from peaks of sound."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from avloc_ros.decode.peaks import find_peaks, talkers_near
from avloc_ros.geometry import CameraModel, layout_directions
from avloc_ros.tracking.config import AudioEvidenceConfig, FaceEvidenceConfig
from avloc_ros.tracking.sphere_filter import tangent_offset
from avloc_ros.types import Face, FaceDetections, Modality, Projection, SpeakerGrid


@dataclass(frozen=True)
class RangeReading:
    """A measured distance from the camera to a face (a depth image), metres, with its standard deviation."""

    range_m: float
    sigma_m: float


@dataclass(frozen=True)
class Bearing:
    """A measured direction (3,), array frame, with noise (2, 2) east and north in rad^2.

    probability: that a talker (a face: anybody) is there. range_m and range_sigma (relative): from the array's origin,
    or None without evidence of range.
    """

    direction: np.ndarray
    noise: np.ndarray
    probability: float
    face: Face | None = None
    range_m: float | None = None
    range_sigma: float = 0.0


def face_bearings(
    detections: FaceDetections,
    camera: CameraModel,
    config: FaceEvidenceConfig,
    readings: tuple[RangeReading | None, ...] = (),
) -> list[Bearing]:
    """One bearing per face of sufficient score; `readings`, where given, holds a depth reading per face or None."""
    camera = camera.scaled_to(*detections.image_size)
    return [
        _face_bearing(face, camera, config, readings[index] if index < len(readings) else None)
        for index, face in enumerate(detections.faces)
        if face.score >= config.smallest_score
    ]


def range_from_width(face: Face, camera: CameraModel, config: FaceEvidenceConfig) -> RangeReading:
    """Distance of a face of known width by similar triangles, with first-order error of both widths."""
    range_m = camera.fx * config.width_m / face.width
    relative = np.hypot(config.width_sigma_m / config.width_m, config.box_sigma_px / face.width)
    return RangeReading(float(range_m), float(range_m * relative))


def sound_bearings(
    grid: SpeakerGrid, camera: CameraModel | None, config: AudioEvidenceConfig, assumed_range_m: float
) -> list[Bearing]:
    """Bearings of the peaks of an audio grid (SPHERE, or IMAGE with a camera), likeliest first.

    Their probability is that of a talker anywhere around the peak, so that an array that hardly tells heights apart,
    and whose peaks are therefore broad and low, is believed as much as another.
    """
    unit = 1.0  # radians
    if grid.layout.projection == Projection.IMAGE and camera is not None:
        unit = camera.fx  # pixels per radian at the centre
    peaks = find_peaks(
        grid,
        config.smallest_peak,
        config.peaks,
        np.radians(config.neighbourhood_deg) * unit / grid.layout.u_step,
    )
    if not peaks:
        return []
    if is_refined(grid):
        probabilities = beside_threshold(np.array([peak.probability for peak in peaks]), grid.threshold)
        probabilities = less_for_echoes(probabilities, config.echo_odds_fused)
    else:
        reach_u, reach_v = np.radians([config.reach_azimuth_deg, config.reach_elevation_deg]) * unit
        probabilities = less_for_echoes(talkers_near(grid, peaks, reach_u, reach_v), config.echo_odds)
    points = np.array([[peak.u, peak.v] for peak in peaks])
    directions = layout_directions(grid.layout, points, camera, assumed_range_m)  # (peaks, 3)
    noise = np.diag(np.radians([config.azimuth_sigma_deg, config.elevation_sigma_deg]) ** 2)
    found = [Bearing(d, noise, float(p)) for d, p in zip(directions, probabilities, strict=True)]
    return sorted(found, key=lambda bearing: -bearing.probability)


def is_refined(grid: SpeakerGrid) -> bool:
    """Whether a grid is of a trained fusion of both senses, which marks one cell per talker: it has weights per cell."""
    weight = grid.audio_weight
    return grid.modality == Modality.FUSED and weight is not None and np.ndim(weight) == 2


def beside_threshold(heights: np.ndarray, threshold: float) -> np.ndarray:
    """Probabilities (peaks,) of peaks of a grid whose network says `threshold` where a talker is as likely as none.

    Networks that count a missed talker more than a false one are too sure; the threshold that suits them, chosen on
    validation data, tells by how much. Odds are divided by those of the threshold.
    """
    odds = heights * (1 - threshold)
    return odds / np.maximum(odds + threshold * (1 - heights), 1e-12)


def less_for_echoes(probabilities: np.ndarray, echo_odds: float) -> np.ndarray:
    """The same (peaks,), but for the surest: the others' odds are divided, for a bare wall shows a talker twice.

    Only as far as the surest one is a talker: beside a doubtful peak the others are doubted no more than before.
    """
    if len(probabilities) < 2 or echo_odds <= 1:
        return probabilities
    surest = int(np.argmax(probabilities))
    lessened = less_beside(probabilities, float(probabilities[surest]), echo_odds)
    lessened[surest] = probabilities[surest]
    return lessened


def less_beside(probabilities: np.ndarray, surest: float, echo_odds: float) -> np.ndarray:
    """Probabilities (peaks,), odds divided by `echo_odds` as far as the probability `surest` of another peak is right."""
    divided = probabilities / (probabilities + echo_odds * (1 - probabilities) + 1e-12)
    return surest * divided + (1 - surest) * probabilities


def beside_outside(inside: list[Bearing], outside: list[Bearing], echo_odds: float) -> list[Bearing]:
    """Bearings of a fusion that sees the picture only, doubted where something surer sounds outside it."""
    surest = max((bearing.probability for bearing in outside), default=0.0)
    probabilities = np.array([bearing.probability for bearing in inside])
    lessened = np.where(probabilities < surest, less_beside(probabilities, surest, echo_odds), probabilities)
    return [replace(bearing, probability=float(p)) for bearing, p in zip(inside, lessened, strict=True)]


def outside_the_picture(bearings: list[Bearing], camera: CameraModel, range_m: float) -> list[Bearing]:
    """Those bearings that the camera does not see, their talkers taken to be `range_m` away."""
    if not bearings:
        return []
    _, inside = camera.project(np.stack([bearing.direction for bearing in bearings]) * range_m)
    return [bearing for bearing, seen in zip(bearings, inside, strict=True) if not seen]


def _face_bearing(
    face: Face, camera: CameraModel, config: FaceEvidenceConfig, reading: RangeReading | None
) -> Bearing:
    if reading is None and config.use_width and face.width > 0:
        reading = range_from_width(face, camera, config)
    centre = np.array(face.centre)
    camera_range_m = reading.range_m if reading else config.assumed_range_m
    relative = reading.sigma_m / reading.range_m if reading else config.assumed_range_sigma
    point = camera.points_at(centre, camera_range_m)
    range_m = float(np.linalg.norm(point))
    direction = point / range_m
    pixel_rad = np.hypot(config.centre_sigma * face.width / camera.fx, np.radians(config.floor_deg))
    farther = camera.directions(centre, camera_range_m * (1 + relative))
    parallax = tangent_offset(direction, farther)  # how far the bearing shifts if the range is one sigma off
    noise = np.eye(2) * pixel_rad**2 + np.outer(parallax, parallax)
    return Bearing(direction, noise, face.score, face, range_m if reading else None, relative)
