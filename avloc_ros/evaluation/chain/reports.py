"""Runs contestants over the stages of one recording; what several of them share is computed once."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from avloc_ros.decode.face_grid import faces_to_grid
from avloc_ros.evaluation.chain.candidates import grid_candidates, speaker_candidates, worth_keeping
from avloc_ros.evaluation.chain.contestants import Contestant
from avloc_ros.evaluation.chain.fusions import Fusion, FusionChoice, open_fusion_of
from avloc_ros.evaluation.chain.nearest_face import nearest_face
from avloc_ros.evaluation.chain.stages import StageFrame
from avloc_ros.evaluation.inputs.recording_input import EvaluationInput
from avloc_ros.evaluation.metrics.frame_report import Candidate, FrameReport
from avloc_ros.systems.localizer import LocalizerConfig
from avloc_ros.tracking.speaker_tracker import SpeakerTracker
from avloc_ros.types import SpeakerGrid

Timed = tuple[SpeakerGrid | None, float]  # a grid, and the milliseconds that it took


class RecordingReports:
    """One recording, one audio tracker: `report` says what a contestant makes of it."""

    def __init__(self, item: EvaluationInput, stages: Sequence[StageFrame], config: LocalizerConfig) -> None:
        self.item, self.stages, self.config = item, stages, config
        self._video: list[Timed] | None = None
        self._fused: dict[FusionChoice, list[Timed]] = {}

    def report(self, contestant: Contestant) -> list[FrameReport]:
        """Candidates of every frame. Raises InputError where the contestant's fusion cannot be opened."""
        candidates, own_ms = self._candidates(contestant)
        hears, sees = contestant.fusion != "video", contestant.fusion not in ("audio", "sphere")
        return [
            FrameReport(
                stage.frame,
                stage.frame / self.item.fps,
                truth := self.item.truth.get(stage.frame, ()),
                worth_keeping(found, sum(row.speaking for row in truth)),
                took_ms + hears * stage.audio_ms + sees * stage.faces_ms,
            )
            for stage, found, took_ms in zip(self.stages, candidates, own_ms, strict=True)
        ]

    def own_threshold(self, contestant: Contestant) -> float | None:
        """The median threshold that decides on the peaks; None where something else decides."""
        if contestant.threshold is not None:
            return contestant.threshold
        if contestant.tracker != "none" or contestant.fusion == "nearest_face":
            return None
        found = [grid.threshold for grid, _ in self._reported_grids(contestant) if grid is not None]
        return float(np.median(found)) if found else None

    def _candidates(self, contestant: Contestant) -> tuple[list[list[Candidate]], list[float]]:
        """Per frame the candidates, and the milliseconds after the front ends."""
        if contestant.tracker != "none":
            return self._tracked(contestant)
        started = time.perf_counter()
        if contestant.fusion == "nearest_face":
            found = [nearest_face(stage.audio, stage.faces, self.item.camera) for stage in self.stages]
            return found, self._shared_ms(started)
        grids = self._reported_grids(contestant)
        shared = [grid for grid, _ in grids]
        started = time.perf_counter()
        found = grid_candidates(shared, self.item.camera, contestant.threshold, self._range_m)
        peaks_ms = self._shared_ms(started)
        return found, [took_ms + more for (_, took_ms), more in zip(grids, peaks_ms, strict=True)]

    def _tracked(self, contestant: Contestant) -> tuple[list[list[Candidate]], list[float]]:
        """The chain as the nodes run it: fused grid, faces and sphere into the speaker tracker."""
        tracker = SpeakerTracker(self.config.tracker)
        hears, sees = contestant.fusion != "video", contestant.fusion != "audio"
        fused = self._fused_grids(contestant.choice)
        spare = grid_candidates([grid for grid, _ in fused], self.item.camera, None, self._range_m)
        found, took = [], []
        for stage, (grid, grid_ms), others in zip(self.stages, fused, spare, strict=True):
            started = time.perf_counter()
            sphere = stage.audio.sphere if hears and stage.audio is not None else None
            faces = stage.faces if sees else None
            speakers = tracker.step(stage.stamp_ns, grid, faces, sphere, self.item.camera, ())
            took.append(grid_ms + (time.perf_counter() - started) * 1e3)
            found.append(
                speaker_candidates(speakers, others, self.item.camera, contestant.threshold, self._range_m)
            )
        return found, took

    def _reported_grids(self, contestant: Contestant) -> list[Timed]:
        """The fused grid; where there is no picture to fuse in, the audio sphere."""
        spheres = [stage.audio.sphere if stage.audio is not None else None for stage in self.stages]
        if contestant.choice is None:
            return [(sphere, 0.0) for sphere in spheres]
        fused = self._fused_grids(contestant.choice)
        if contestant.fusion == "video" or self.item.camera is not None:
            return fused
        return [(sphere, took_ms) for sphere, (_, took_ms) in zip(spheres, fused, strict=True)]

    def _fused_grids(self, choice: FusionChoice | None) -> list[Timed]:
        if choice is None:
            return [(None, 0.0) for _ in self.stages]
        if choice not in self._fused:
            fusion = open_fusion_of(choice, self.config)
            images = [stage.audio.image if stage.audio is not None else None for stage in self.stages]
            self._fused[choice] = [
                _stepped(fusion, choice.kind, image, video, video_ms)
                for image, (video, video_ms) in zip(images, self._video_grids(), strict=True)
            ]
        return self._fused[choice]

    def _video_grids(self) -> list[Timed]:
        if self._video is None:
            rows, cols = self.config.srp.image_rows, self.config.srp.image_cols
            self._video = []
            for stage in self.stages:
                started = time.perf_counter()
                grid = None
                if stage.faces is not None:
                    grid = faces_to_grid(stage.faces, rows, cols, self.config.binary_faces)
                    grid = replace(grid, stamp_ns=stage.stamp_ns)
                self._video.append((grid, (time.perf_counter() - started) * 1e3))
        return self._video

    @property
    def _range_m(self) -> float:
        return self.config.srp.assumed_range_m

    def _shared_ms(self, started: float) -> list[float]:
        """What was computed for all frames at once, as milliseconds per frame."""
        count = len(self.stages)
        return [(time.perf_counter() - started) * 1e3 / max(count, 1)] * count


def _stepped(
    fusion: Fusion, kind: str, audio: SpeakerGrid | None, video: SpeakerGrid | None, video_ms: float
) -> Timed:
    """One step of a fusion; None where the senses that it rests on are missing in this frame."""
    senses = {"audio": (audio,), "video": (video,)}.get(kind, (audio, video))
    if all(grid is None for grid in senses):
        return None, 0.0
    started = time.perf_counter()
    grid = fusion.step(audio, video)
    return grid, (time.perf_counter() - started) * 1e3 + (video_ms if kind != "audio" else 0.0)
