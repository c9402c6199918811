"""From grids and speakers to candidates, the form that every metric reads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from avloc_ros.decode.peaks import peaks_of_frames
from avloc_ros.evaluation.metrics.frame_report import Candidate
from avloc_ros.geometry import CameraModel, angles_from_direction, layout_directions
from avloc_ros.types import GridLayout, Peak, Projection, Speaker, SpeakerGrid, Speakers

MAX_CANDIDATES = 12
LEAST_SCORE = 0.05  # the lowest threshold of the sweep: below it a candidate only serves to fill up
APART_PX = 40.0

Grids = Sequence[SpeakerGrid | None]


def grid_candidates(
    grids: Grids, camera: CameraModel | None, threshold: float | None, range_m: float
) -> list[list[Candidate]]:
    """Peaks of the grid of each frame, highest first; those above the threshold (None: the grid's own) are reported."""
    found: list[list[Candidate]] = [[] for _ in grids]
    layouts = {grid.layout for grid in grids if grid is not None}
    for layout in layouts:
        numbers = [k for k, grid in enumerate(grids) if grid is not None and grid.layout == layout]
        same = [grid for grid in grids if grid is not None and grid.layout == layout]
        peaks = peaks_of_frames(layout, np.stack([grid.probability for grid in same]), 0.0, MAX_CANDIDATES)
        floors = [grid.threshold if threshold is None else threshold for grid in same]
        for number, candidates in zip(numbers, _placed(layout, peaks, floors, camera, range_m), strict=True):
            found[number] = candidates
    return found


def speaker_candidates(
    speakers: Speakers,
    spare: Sequence[Candidate],
    camera: CameraModel | None,
    threshold: float | None,
    range_m: float,
) -> list[Candidate]:
    """Speakers, likeliest first, then, as guesses of last resort, what the fused grid shows beside them (`spare`)."""
    order = sorted(speakers.speakers, key=lambda s: -s.speaking_probability)
    candidates = [_speaker_candidate(speaker, camera, threshold, range_m) for speaker in order]
    if camera is not None:
        beside = [c for c in spare if all(_apart_px(c, other) > APART_PX for other in candidates)]
        candidates += [replace(c, score=-1.0, reported=False) for c in beside]
    return candidates


def worth_keeping(candidates: Sequence[Candidate], talkers: int) -> tuple[Candidate, ...]:
    """All that some threshold reports, and as many in the picture as can be needed to fill up for `talkers`."""
    kept, in_picture = [], 0
    for candidate in candidates:
        needed = candidate.in_picture and in_picture < talkers
        if needed or candidate.reported or candidate.score >= LEAST_SCORE:
            kept.append(candidate)
            in_picture += candidate.in_picture
    return tuple(kept)


def _placed(
    layout: GridLayout,
    peaks: Sequence[Sequence[Peak]],
    floors: Sequence[float],
    camera: CameraModel | None,
    range_m: float,
) -> list[list[Candidate]]:
    """Candidates of frames of one layout, with their pixels and angles."""
    points = np.array([(peak.u, peak.v) for frame in peaks for peak in frame], float).reshape(-1, 2)
    if not len(points):
        return [[] for _ in peaks]
    directions = layout_directions(layout, points, camera, range_m)  # (peaks, 3)
    azimuth, elevation = angles_from_direction(directions)
    if layout.projection == Projection.IMAGE:
        pixels: Sequence[tuple[float, float] | None] = [(float(u), float(v)) for u, v in points]
    else:
        pixels = _pixels(directions * range_m, camera)
    places = iter(zip(pixels, azimuth.tolist(), elevation.tolist(), strict=True))
    return [
        [_candidate(peak.probability, floor, *next(places)) for peak in frame]
        for frame, floor in zip(peaks, floors, strict=True)
    ]


def _candidate(
    score: float, floor: float, pixel: tuple[float, float] | None, azimuth: float, elevation: float
) -> Candidate:
    u, v = pixel if pixel is not None else (None, None)
    return Candidate(score, score >= floor, u, v, azimuth, elevation)


def _speaker_candidate(
    speaker: Speaker, camera: CameraModel | None, threshold: float | None, range_m: float
) -> Candidate:
    azimuth, elevation = angles_from_direction(speaker.direction)
    probability = speaker.speaking_probability
    reported = speaker.is_speaking if threshold is None else probability >= threshold
    pixel = speaker.face.centre if speaker.face is not None and camera is not None else None
    if pixel is None:
        point = speaker.position if speaker.position is not None else speaker.direction * range_m
        (pixel,) = _pixels(point[None], camera)
    u, v = pixel if pixel is not None else (None, None)
    return Candidate(probability, reported, u, v, float(azimuth), float(elevation), speaker.id)


def _pixels(points: np.ndarray, camera: CameraModel | None) -> list[tuple[float, float] | None]:
    """Where points (n, 3) of the array frame are in the picture; None outside it."""
    if camera is None:
        return [None] * len(points)
    pixels, inside = camera.project(points)
    return [(float(u), float(v)) if ok else None for (u, v), ok in zip(pixels, inside, strict=True)]


def _apart_px(first: Candidate, second: Candidate) -> float:
    if first.u_px is None or second.u_px is None or first.v_px is None or second.v_px is None:
        return np.inf
    return float(np.hypot(first.u_px - second.u_px, first.v_px - second.v_px))


