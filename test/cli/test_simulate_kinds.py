"""`avloc simulate --events` and `--egocentric` from the outside."""

from __future__ import annotations

import json

import numpy as np
import pytest

from avloc_ros.cli.main import main
from avloc_ros.cli.simulate_kinds import _clips
from avloc_ros.datasets.events.event_scenes import scene_recordings
from avloc_ros.decode.event_classes import STARSS_CLASSES, table_of
from avloc_ros.sources.scene import load_scene
from avloc_ros.types import InputError

EVENTS = ["simulate", "--events", "--duration", "3", "--set", "room_order=0", "--set", "events=3", "--snr-db", "20"]


def test_event_scenes_are_those_of_their_seed(tmp_path):
    pytest.importorskip("soundfile")
    assert main([*EVENTS, "--count", "2", "--seed", "4", "--out", str(tmp_path / "a")]) == 0
    assert main([*EVENTS, "--first", "1", "--count", "1", "--seed", "4", "--out", str(tmp_path / "b")]) == 0
    first, second = scene_recordings([tmp_path / "a"])
    (again,) = scene_recordings([tmp_path / "b"])
    assert again.name == second.name and again.rows() == second.rows() != first.rows()
    assert np.array_equal(again.samples(24000), second.samples(24000))
    assert second.samples(24000).shape == (72000, 4)
    assert json.loads((tmp_path / "a" / "scene0000" / "scene.json").read_text())["snr_db"] == 20


def test_egocentric_scenes_are_written(tmp_path):
    pytest.importorskip("pyroomacoustics")
    pytest.importorskip("espeakng_loader")
    pytest.importorskip("skimage")
    arguments = ["simulate", "--egocentric", "--count", "1", "--duration", "2", "--out", str(tmp_path / "scenes")]
    small = {"width": 160, "height": 90, "most_people": 2, "reflections": 0, "tables": 0}
    assert main([*arguments, *(text for k, v in small.items() for text in ("--set", f"{k}={v}"))]) == 0
    scene = load_scene(tmp_path / "scenes" / "scene0000")
    assert {row.speaker for row in scene.truth} > {"wearer"} and (scene.folder / "masks.npz").is_file()
    assert scene.camera is not None and scene.camera.width == 160 and len(scene.read_audio()) == 32000


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--events", "--egocentric"], "choose one"),
        (["--events", "--talkers", "2"], "--talkers: not with --events"),
        (["--egocentric", "--array", "head_6mic"], "--array: not with --egocentric"),
        (["--egocentric", "--event-clips", "x"], "--event-clips: not with --egocentric"),
        (["--set", "events=3"], "belong to --events or --egocentric"),
        (["--events", "--set", "event=3"], "did you mean 'events'"),
        (["--egocentric", "--duration", "0.5"], "'seconds' is 0.5"),
        (["--egocentric", "--rt60", "0.9", "0.3"], "shortest_rt60_s is 0.9"),
    ],
)
def test_options_that_do_not_belong_together_are_refused(tmp_path, capsys, arguments, words):
    assert main(["simulate", "--out", str(tmp_path / "new"), *arguments]) == 2
    assert words in " ".join(capsys.readouterr().err.split())


def test_clips_lie_in_folders_named_like_classes(tmp_path):
    for name in ("bell", "knock", "other"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.wav").write_bytes(b"")
    assert {name: len(files) for name, files in _clips(tmp_path).items()} == {"bell": 1, "knock": 1, "other": 1}
    assert table_of(_clips(tmp_path)) == ("bell", "knock", "other") and table_of(("knock", "bell")) == STARSS_CLASSES
    with pytest.raises(InputError, match="need one per class"):
        _clips(tmp_path / "bell")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="empty"):
        _clips(tmp_path)
