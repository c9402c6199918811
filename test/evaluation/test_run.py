"""Evaluation of small recordings from end to end: inputs are found, reports hold what the format promises."""

from __future__ import annotations

import argparse
import csv
import json
import os
from pathlib import Path

import numpy as np
import pytest

from avloc_ros.cli import evaluate as command
from avloc_ros.evaluation.inputs.find import find_inputs
from avloc_ros.evaluation.inputs.labelled_clips import turned_by_rotation
from avloc_ros.microphone_array import MicrophoneArray
from avloc_ros.sources.audio_file import write_audio
from avloc_ros.sources.scene import write_scene
from avloc_ros.sources.truth import TruthRow
from avloc_ros.types import InputError

SQUARE = MicrophoneArray(np.array([[1, 1, 0], [-1, 1, 0], [-1, -1, 0], [1, -1, 0]]) * 0.03, name="square")
FIGURES = (
    "frames le_px_mean le_px_median le_cell_px_mean frame_recall frame_recall_strict false_positives sweep "
    "azimuth_error_deg_median azimuth_within_10deg count_accuracy mota id_switches latency_ms"
).split()


def arguments(*words):
    parser = argparse.ArgumentParser()
    command.register(parser.add_subparsers())
    return parser.parse_args(["evaluate", *map(str, words)])


def noise(seconds, channels=4, rate_hz=16000):
    return np.random.default_rng(1).normal(0, 0.01, (int(seconds * rate_hz), channels)).astype(np.float32)


def make_scene(folder, azimuth_rad=0.5):
    rows = [TruthRow(k, k / 25, "anna", *[None] * 6, azimuth_rad, 0.0, 2.0, k > 5, False) for k in range(20)]
    return write_scene(folder, array=SQUARE, audio=noise(0.8), sample_rate_hz=16000, truth=rows)


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("--out", "{file}/report"), "is not a folder"),
        (("--out", "{file}"), "is not a folder"),
        (("--out", "{new}", "--grid-sizes", "3"), "--grid-sizes 3"),
        (("--out", "{new}", "--live"), "--live belongs to"),
        (("--out", "{new}", "--system", "av_seld", "--compare", "--config", "{file}"), "--compare, --config: not with"),
        (("--out", "{new}", "--system", "av_seld", "--threshold", "2"), "--threshold is 2.0"),
    ],
)
def test_what_cannot_be_is_told_before_hours_of_work(tmp_path, monkeypatch, words, reason):
    def too_early(*_):
        raise AssertionError("recordings are looked for before the options are checked")

    monkeypatch.setattr(command, "runner", too_early)
    monkeypatch.setattr("avloc_ros.datasets.events.event_folders.read_event_folders", too_early)
    (tmp_path / "file").touch()
    given = [word.format(file=tmp_path / "file", new=tmp_path / "new" / "report") for word in words]
    with pytest.raises(InputError, match=reason):
        command.run(arguments(tmp_path / "scenes", *given))
    assert not (tmp_path / "new").exists()


def test_a_folder_of_scenes_leaves_the_whole_report(tmp_path, capsys):
    pytest.importorskip("jinja2", reason="reports are written with jinja2")
    pytest.importorskip("matplotlib", reason="plots are drawn with matplotlib")
    for name in ("one", "two", "three"):
        make_scene(tmp_path / "scenes" / name)
    out = tmp_path / "report"
    assert command.run(arguments(tmp_path / "scenes", "--out", out, "--fusion", "audio")) == 0
    metrics = json.loads((out / "metrics.json").read_text())
    for key in (*FIGURES, "system", "weights", "command", "machine", "inputs"):
        assert key in metrics, key
    assert set(metrics["inputs"]) == {"one", "two", "three"} and metrics["frames"] == 60
    assert all(key in metrics["inputs"]["one"] for key in FIGURES)
    assert [row["threshold"] for row in metrics["sweep"]] == [round(0.05 * k, 2) for k in range(1, 20)]
    with (out / "tracks.csv").open() as file:
        assert next(csv.reader(file))[1:] == (
            "frame,time_s,id,u_px,v_px,azimuth_rad,elevation_rad,speaking_probability".split(",")
        )
    assert (out / "sweep.png").stat().st_size > 1000 and "<table" in (out / "index.html").read_text()
    assert "audio+tracking" in capsys.readouterr().out


def test_the_result_does_not_depend_on_the_number_of_processes(tmp_path):
    for name in ("one", "two"):
        make_scene(tmp_path / "scenes" / name)
    from avloc_ros.evaluation.chain.contestants import Contestant
    from avloc_ros.evaluation.run import evaluate_paths

    contestants = [Contestant("audio", "sphere"), Contestant("audio", "none")]
    paths = [tmp_path / "scenes"]
    one, two = (evaluate_paths(paths, contestants, jobs=jobs) for jobs in (1, 2))
    for name in one.recordings:
        for a, b in zip(one.recordings[name], two.recordings[name], strict=True):
            assert a.name == b.name
            assert [f.candidates for f in a.frames] == [f.candidates for f in b.frames]


def test_bad_input_is_named(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        find_inputs([tmp_path / "nowhere"])
    with pytest.raises(InputError, match="nothing to evaluate"):
        find_inputs([tmp_path])
    write_scene(tmp_path / "untold", array=SQUARE, audio=noise(0.2), sample_rate_hz=16000)
    with pytest.raises(InputError, match=r"no truth\.csv"):
        find_inputs([tmp_path / "untold"])
    with pytest.raises(InputError, match="allowed: 0 to 1"):
        command.run(arguments(tmp_path, "--out", tmp_path / "o", "--threshold", "3"))


def test_a_bag_gives_the_same_windows_as_its_scene(tmp_path):
    pytest.importorskip("rosbags", reason="bags are read with rosbags")
    from avloc_ros.sources.bags.bag_scene import scene_to_bag

    scene = make_scene(tmp_path / "scene")
    scene_to_bag(scene, tmp_path / "bag")
    (from_scene,), (from_bag,) = (find_inputs([tmp_path / name]) for name in ("scene", "bag"))
    assert from_bag.truth == from_scene.truth and from_bag.fps == from_scene.fps
    windows = {number: window for number, window, _ in from_bag.moments() if window is not None}
    for number, window, _ in from_scene.moments():
        if number in windows:
            assert np.abs(windows[number].samples - window.samples).max() < 1e-3
    assert len(windows) >= from_scene.frames - 1


def test_labelled_clips_turn_with_their_channels(tmp_path):
    write_audio(tmp_path / "clip.wav", noise(1.0), 16000)
    (tmp_path / "labels.csv").write_text(
        "file,n_sources,distance_cm,azimuth_deg,elevation_deg\nclip.wav,2,150,180;225,20;35\n"
    )
    with pytest.raises(InputError, match="--array"):
        find_inputs([tmp_path])
    for turns, expected in ((0, (180, 225)), (1, (270, 315)), (3, (90, 135))):
        (item,) = find_inputs([tmp_path], SQUARE, turns)
        azimuths = [np.degrees(row.azimuth_rad) % 360 for row in item.truth[3]]
        assert azimuths == pytest.approx(expected)
    with pytest.raises(InputError, match="no regular polygon"):
        turned_by_rotation(MicrophoneArray(np.array([[0.0, 0, 0], [1, 0, 0], [0, 0.2, 0]])), 1)


@pytest.mark.parametrize("turns", [0, 3])
def test_real_recordings_are_within_five_degrees(turns):
    data = os.environ.get("AVLOC_DATA")
    if not data:
        pytest.skip("AVLOC_DATA is not set: the recordings are not in the repository")
    from avloc_ros.evaluation.chain.contestants import Contestant
    from avloc_ros.evaluation.run import evaluate_paths

    array = MicrophoneArray.load(Path(data) / "arrays" / "respeaker_usb_4mic.json")
    clips = Path(data) / "array_recordings" / "respeaker4_multissl"
    evaluation = evaluate_paths([clips], [Contestant("audio")], array=array, rotate_channels=turns)
    errors = [recording.clip_error_deg for recording in evaluation.recordings[evaluation.main]]
    single = [error for error in errors if error is not None]
    assert len(single) == 3 and max(single) < 5
