"""The systems of the table: each turns the stages of a recording into candidates per frame.

`audio`, `video`, `flat` report peaks of a grid; `nearest_face` is the plain rule; with the tracker, speakers of the
whole chain are reported.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from avloc_ros.decode.peaks import find_peaks
from avloc_ros.evaluation.frame_report import Candidate, FrameReport
from avloc_ros.evaluation.inputs import EvaluationInput
from avloc_ros.evaluation.nearest_face import NearestFace
from avloc_ros.evaluation.stages import StageFrame
from avloc_ros.geometry import CameraModel, angles_from_direction, layout_directions
from avloc_ros.systems.localizer import FusedTracking, LocalizerConfig, LocalizerOutput
from avloc_ros.types import InputError, Speaker, SpeakerGrid

TRACKERS = ("sphere", "none")
FUSIONS = ("flat", "audio", "video", "nearest_face")
MAX_CANDIDATES = 12


@dataclass(frozen=True)
class Contestant:
    """One row of the table. threshold: None is the system's own."""

    fusion: str = "flat"
    tracker: str = "sphere"
    threshold: float | None = None

    def __post_init__(self) -> None:
        if self.fusion not in FUSIONS or self.tracker not in TRACKERS:
            raise InputError(
                f"no system with fusion '{self.fusion}' and tracker '{self.tracker}': "
                f"fusion is one of {', '.join(FUSIONS)}, tracker one of {', '.join(TRACKERS)}"
            )
        if self.fusion == "nearest_face" and self.tracker != "none":
            raise InputError("the plain rule nearest_face reports by itself: give --tracker none with it")

    @property
    def name(self) -> str:
        return self.fusion + ("+tracking" if self.tracker != "none" else "")


COMPARED = (
    Contestant("audio", "none"),
    Contestant("video", "none"),
    Contestant("flat", "none"),
    Contestant("flat", "sphere"),
    Contestant("nearest_face", "none"),
)


def report_frames(
    contestant: Contestant, item: EvaluationInput, stages: list[StageFrame], config: LocalizerConfig
) -> list[FrameReport]:
    """What one system says about every frame of a recording."""
    tracking = FusedTracking(config, item.camera)
    rule = NearestFace()
    reports = []
    for stage in stages:
        audio = stage.audio if contestant.fusion != "video" else None
        faces = stage.faces if contestant.fusion != "audio" else None
        started = time.perf_counter()
        output = tracking.step(audio, faces, stage.stamp_ns)
        candidates = _candidates(contestant, output, item.camera, config, rule)
        own_ms = (time.perf_counter() - started) * 1e3
        shared_ms = (stage.audio_ms if audio is not None else 0) + (
            stage.faces_ms if faces is not None else 0
        )
        truth = item.truth.get(stage.frame, ())
        reports.append(
            FrameReport(stage.frame, stage.frame / item.fps, truth, tuple(candidates), own_ms + shared_ms)
        )
    return reports


def grid_candidates(
    grid: SpeakerGrid, camera: CameraModel | None, threshold: float, range_m: float
) -> list[Candidate]:
    """Peaks of an image or sphere grid, highest first; all those above the threshold are reported."""
    peaks = find_peaks(grid, 0.0, MAX_CANDIDATES)
    if not peaks:
        return []
    points = np.array([[peak.u, peak.v] for peak in peaks])
    azimuth, elevation = angles_from_direction(layout_directions(grid.layout, points, camera, range_m))
    in_picture = not grid.layout.wraps
    return [
        Candidate(
            peak.probability,
            peak.probability >= threshold,
            peak.u if in_picture else None,
            peak.v if in_picture else None,
            float(azimuth[k]),
            float(elevation[k]),
        )
        for k, peak in enumerate(peaks)
    ]


def speaker_candidates(
    output: LocalizerOutput, camera: CameraModel | None, threshold: float | None, range_m: float
) -> list[Candidate]:
    """Speakers, likeliest first, then, as guesses of last resort, what the grid shows beside them."""
    speakers = sorted(output.speakers.speakers, key=lambda s: -s.speaking_probability)
    candidates = [_speaker_candidate(speaker, camera, threshold, range_m) for speaker in speakers]
    if output.fused is not None and camera is not None:
        spare = grid_candidates(output.fused, camera, np.inf, range_m)
        candidates += [replace(c, score=-1.0) for c in spare if all(_apart_px(c, o) > 40 for o in candidates)]
    return candidates


def _candidates(
    contestant: Contestant,
    output: LocalizerOutput,
    camera: CameraModel | None,
    config: LocalizerConfig,
    rule: Callable[[LocalizerOutput, CameraModel | None], list[Candidate]],
) -> list[Candidate]:
    range_m = config.srp.assumed_range_m
    if contestant.tracker != "none":
        return speaker_candidates(output, camera, contestant.threshold, range_m)
    if contestant.fusion == "nearest_face":
        return rule(output, camera)
    grid = output.fused
    if grid is None and output.audio is not None:
        grid = output.audio.sphere
    if grid is None:
        return []
    threshold = grid.threshold if contestant.threshold is None else contestant.threshold
    return grid_candidates(grid, camera, threshold, range_m)


def _speaker_candidate(
    speaker: Speaker, camera: CameraModel | None, threshold: float | None, range_m: float
) -> Candidate:
    azimuth, elevation = angles_from_direction(speaker.direction)
    pixel = _pixel(speaker, camera, range_m)
    probability = speaker.speaking_probability
    reported = speaker.is_speaking if threshold is None else probability >= threshold
    u, v = pixel if pixel is not None else (None, None)
    return Candidate(probability, reported, u, v, float(azimuth), float(elevation), speaker.id)


def _pixel(speaker: Speaker, camera: CameraModel | None, range_m: float) -> tuple[float, float] | None:
    """Where the speaker is in the picture: the face's centre, else the projected direction; None outside."""
    if camera is None:
        return None
    if speaker.face is not None:
        return speaker.face.centre
    point = speaker.position if speaker.position is not None else speaker.direction * range_m
    pixel, inside = camera.project(point)
    return (float(pixel[0]), float(pixel[1])) if inside else None


def _apart_px(first: Candidate, second: Candidate) -> float:
    if first.u_px is None or second.u_px is None or first.v_px is None or second.v_px is None:
        return np.inf
    return float(np.hypot(first.u_px - second.u_px, first.v_px - second.v_px))
