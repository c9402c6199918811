"""What contestants make of the stages: peaks of the fused grid, each fusion once, grids of any size."""

from __future__ import annotations

import argparse
import json
import shutil
from dataclasses import replace

import numpy as np
import pytest

from avloc_ros.cli import evaluate as command
from avloc_ros.decode.face_grid import faces_to_grid
from avloc_ros.decode.peaks import find_peaks
from avloc_ros.evaluation import grid_sizes
from avloc_ros.evaluation.chain import reports
from avloc_ros.evaluation.chain.contestants import Contestant
from avloc_ros.evaluation.chain.reports import RecordingReports
from avloc_ros.evaluation.chain.stages import StageFrame
from avloc_ros.evaluation.grid_sizes import accuracy_by_grid, as_rows, parse_sizes
from avloc_ros.evaluation.inputs.recording_input import EvaluationInput
from avloc_ros.evaluation.metrics.localisation import PictureGeometry
from avloc_ros.evaluation.recording import Recording
from avloc_ros.geometry import CameraModel, image_grid, sphere_grid
from avloc_ros.runtime.weights import shipped_weights
from avloc_ros.systems.flat_fusion import weighted_fusion
from avloc_ros.systems.localizer import LocalizerConfig
from avloc_ros.systems.srp import AudioGrids
from avloc_ros.types import Face, FaceDetections, InputError, Modality, SpeakerGrid

CAMERA = CameraModel(720, 450, 318.5, 268.1, 360.0, 225.0)


class EyeOnly:
    """A stand-in for trained weights: trusts the eye; counts its steps."""

    def __init__(self):
        self.steps = 0

    def step(self, audio, video):
        self.steps += 1
        probability = weighted_fusion(audio.probability, video.probability, 0.1, 0.9)
        return replace(video, probability=probability, modality=Modality.FUSED, threshold=0.3)


def item_of(make, frames):
    truth = {k: (make.row(k, "a", 200.0, 150.0), make.row(k, "b", 500.0, 300.0)) for k in range(frames)}
    return EvaluationInput("x", None, 25.0, frames, None, CAMERA, 16000, truth, lambda: iter(()))


def stages_of(frames):
    rng = np.random.default_rng(0)
    found = []
    for k in range(frames):
        stamp = k * 40_000_000
        image = image_grid(720, 450)
        sphere = sphere_grid()
        grids = [
            SpeakerGrid(stamp, layout, Modality.AUDIO, 0.4 * rng.random(layout.shape, np.float32), 0.2, "srp")
            for layout in (image, sphere)
        ]
        faces = (Face(180, 130, 40, 40, 0.9), Face(480, 280, 40, 40, 0.7))
        seen = FaceDetections(stamp, faces, (720, 450))
        found.append(StageFrame(k, stamp, AudioGrids(*grids, 0.9), seen, 1.0, 2.0))
    return found


def test_candidates_are_the_peaks_of_the_fused_grid_and_a_fusion_runs_once(make, monkeypatch):
    fusion = EyeOnly()
    monkeypatch.setattr(reports, "open_fusion_of", lambda choice, config: fusion)
    stages = stages_of(6)
    recording = RecordingReports(item_of(make, 6), stages, LocalizerConfig())
    contestant = Contestant("spatial", "none", refine=True)
    frames = recording.report(contestant)
    recording.report(replace(contestant, threshold=0.6))
    recording.report(replace(contestant, tracker="sphere"))
    assert fusion.steps == 6 and recording.own_threshold(contestant) == 0.3
    for stage, frame in zip(stages, frames, strict=True):
        video = faces_to_grid(stage.faces)
        expected = find_peaks(EyeOnly().step(stage.audio.image, video), 0.3)
        assert [(c.u_px, c.v_px, c.score) for c in frame.reported()] == [(p.u, p.v, p.probability) for p in expected]
        assert frame.reported()[0].azimuth_rad == pytest.approx(np.arctan2(360 - expected[0].u, 318.5), abs=0.01)
        assert frame.processing_ms > 3.0  # both front ends count
    assert frames[0].candidates[0].score > frames[0].candidates[-1].score


def test_the_sphere_reports_beyond_the_picture(make):
    frames = RecordingReports(item_of(make, 3), stages_of(3), LocalizerConfig()).report(Contestant("sphere", "none"))
    candidates = [c for frame in frames for c in frame.candidates]
    assert any(not c.in_picture for c in candidates)
    for c in candidates:
        assert c.in_picture == CAMERA.project(
            2.0 * np.array([np.cos(c.elevation_rad) * np.cos(c.azimuth_rad),
                            np.cos(c.elevation_rad) * np.sin(c.azimuth_rad), np.sin(c.elevation_rad)])
        )[1]  # fmt: skip


def test_adjacent_cells_above_the_threshold_are_one_detection(make):
    layout = image_grid(720, 450)
    probability = np.zeros(layout.shape, np.float32)
    probability[5, 6:8], probability[6, 6:8], probability[15, 16] = 0.8, (0.9, 0.7), 0.85
    grid = SpeakerGrid(0, layout, Modality.AUDIO, probability, 0.5, "srp")
    stage = StageFrame(0, 0, AudioGrids(grid, grid, 1.0), None, 0.0, 0.0)
    (frame,) = RecordingReports(item_of(make, 1), [stage], LocalizerConfig()).report(Contestant("audio", "none"))
    assert len(frame.reported()) == 2 and frame.reported(0.87)[0].u_px < 240


def test_grid_sizes_that_have_no_weights_get_a_note(make, monkeypatch):
    def only_20x24(choice, config):
        if config.srp.image_rows != 20:
            raise InputError("the weights are for 20x24 cells")

    monkeypatch.setattr(grid_sizes, "open_fusion_of", only_20x24)
    frames = [make.frame(k, [make.row(k, "a", 99.0, 99.0)], [make.candidate(0.9, 102.0, 103.0)]) for k in range(5)]

    def evaluate(contestant, config):
        return [Recording.of("x", frames, PictureGeometry(720, 450, config.srp.image_rows, config.srp.image_cols))]

    sizes = parse_sizes("10x12,20x24")
    small, usual = as_rows(accuracy_by_grid(Contestant("spatial", "none"), LocalizerConfig(), sizes, evaluate))
    assert small["note"] == "the weights are for 20x24 cells" and "le_px_mean" not in small
    assert usual["le_px_mean"] == pytest.approx(5) and not usual["note"]
    for words in ("10", "10x", "1x12", "axb"):
        with pytest.raises(InputError, match="ROWSxCOLUMNS"):
            parse_sizes(words)


@pytest.fixture
def own_weights(tmp_path):
    """The shipped spatial weights with a threshold of 0.123 in their card, and settings that name them."""
    shipped = shipped_weights()["dsw_fusion_spatial"]
    path = shutil.copy(shipped, tmp_path / "own.onnx")
    card = json.loads(shipped.with_suffix(".card.json").read_text())
    path.with_suffix(".card.json").write_text(json.dumps(card | {"threshold": 0.123}))
    (tmp_path / "own.yaml").write_text(f"fusion: {{weights: {path}}}\n")
    return path


def chosen(settings, *words):
    parser = argparse.ArgumentParser()
    command.register(parser.add_subparsers())
    options = parser.parse_args(["evaluate", "x", "--out", "o", "--config", str(settings), *words])
    config = command.chain_config(options.config)
    command.check_fusion_weights(options, config)
    options.audio_tracker = config.audio_tracker
    contestants, _, left_out = command.chosen_systems(options, config)
    assert not left_out
    return config, contestants


@pytest.mark.parametrize("words", [(), ("--fusion", "spatial", "--refine"), ("--system", "dsw")])
def test_weights_of_the_settings_are_those_of_the_rows_of_their_kind(make, own_weights, words):
    config, contestants = chosen(own_weights.with_suffix(".yaml"), *words)
    assert [c.fusion for c in contestants if c.weights] == ["spatial"]
    recording = RecordingReports(item_of(make, 2), stages_of(2), config)
    row = next(replace(c, tracker="none") for c in contestants if c.fusion == "spatial")
    odds = recording.own_threshold(row) / (1 - recording.own_threshold(row))
    assert odds == pytest.approx(config.fusion.caution * 0.123 / 0.877, rel=1e-3)  # as the live fusion raises it


def test_weights_of_the_command_line_go_before_those_of_the_settings(own_weights):
    shipped = str(shipped_weights()["dsw_fusion_spatial"])
    _, contestants = chosen(own_weights.with_suffix(".yaml"), "--system", "dsw", "--weights", f"spatial={shipped}")
    assert [c.weights for c in contestants if c.weights] == [shipped]


def test_weights_that_cannot_be_meant_are_refused(own_weights):
    settings = own_weights.with_suffix(".yaml")
    for words in (("--fusion", "scalar"), ("--fusion", "flat", "--refine")):
        with pytest.raises(InputError, match="set fusion.kind to"):
            chosen(settings, *words)
    assert not any(c.weights for c in chosen(settings, "--fusion", "audio", "--compare")[1])
    own_weights.unlink()
    for words in ((), ("--system", "dsw")):
        with pytest.raises(InputError, match="no weights at .*own.onnx"):
            chosen(settings, *words)
