"""The command line: exit states, words on bad input, options that become parameters."""

from __future__ import annotations

import argparse
import errno
import json
import os
import re
import signal
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from rosbags.highlevel import AnyReader

from avloc_ros.cli import bench, pipeline_options
from avloc_ros.cli.main import COMMANDS, INTERRUPTED, build_parser, keep_ros_logs_in_cache, main
from avloc_ros.cli.record import what_did_not_come
from avloc_ros.microphone_array import MicrophoneArray
from avloc_ros.sources.scene import load_scene, write_scene
from avloc_ros.types import InputError


def test_every_command_explains_itself(capsys: pytest.CaptureFixture[str]) -> None:
    for command in COMMANDS:
        with pytest.raises(SystemExit) as end:
            build_parser().parse_args([command, "--help"])
        assert end.value.code == 0
        assert f"avloc {command}" in capsys.readouterr().out


def test_parser_needs_neither_ros_nor_media_libraries() -> None:
    code = (
        "import sys; from avloc_ros.cli.main import build_parser; build_parser();"
        "print([m for m in ('rclpy', 'av', 'torch', 'onnxruntime', 'pyroomacoustics', 'matplotlib') if m in sys.modules])"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"


def test_ros_logs_go_to_the_cache_unless_the_user_says_where(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    environment: dict[str, str] = {}
    keep_ros_logs_in_cache(environment)
    assert environment == {"ROS_LOG_DIR": str(tmp_path / "avloc_ros" / "ros_log")}
    for own in ({"ROS_LOG_DIR": "/elsewhere"}, {"ROS_HOME": "/elsewhere"}):
        keep_ros_logs_in_cache(given := dict(own))
        assert given == own


def test_bad_input_ends_with_2_and_says_why(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["arrays", str(tmp_path / "none.yaml")]) == 2
    assert "none.yaml" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (["convert", "{scene}", "{file}/bag"], "is not a folder"),
        (["simulate", "--out", "{file}/scenes", "--count", "1"], "Not a directory"),
        (["simulate", "--events", "--out", "{scene}", "--set", "tempo=["], "--set tempo=["),
        (["live", "--param", "fusion.kind:=["], "--param fusion.kind:=["),
        (["bench", "--out", "{file}/bench"], "is not a folder"),
        (["bench", "--out", "{scene}", "--device", "cuda:99"], "device 'cuda:99'"),
        (["bench", "--out", "{scene}", "--frames", "0"], "--frames is 0"),
        (["train", "dsw_tiny", "{scene}", "--out", "{file}/weights"], "is not a folder"),
    ],
)
def test_a_path_that_cannot_be_written_and_a_value_that_cannot_be_read_show_no_traceback(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], command: list[str], words: str
) -> None:
    (tmp_path / "file").touch()
    write_scene(tmp_path / "scene", audio=np.zeros((1600, 2)), sample_rate_hz=16_000)
    places = {"file": tmp_path / "file", "scene": tmp_path / "scene"}
    assert main([part.format(**places) for part in command]) == 2
    said = capsys.readouterr().err
    assert words.format(**places) in said and "Traceback" not in said and "failure of ours" not in said


def test_a_failure_of_the_system_that_is_no_path_keeps_its_traceback(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_options: argparse.Namespace) -> None:
        raise OSError(errno.EIO, "input/output error")

    monkeypatch.setattr("avloc_ros.cli.arrays.run", fail)
    assert main(["arrays"]) == 1
    said = capsys.readouterr().err
    assert "Traceback" in said and "failure of ours" in said


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("positions_m: [[0, 0, 0], [0, 0, 0], [0, 0.1, 0]]", "mic0 and mic1 are at the same place"),
        ("positions_m: [[0, 0, 0], [0, 0.1, 0]]\nsound_speed: 340", "did you mean 'sound_speed_mps'"),
        ("positions_m: [[0, 0, 0], [0, 0.1, 0]]\nsound_speed_mps: fast", "must be numbers"),
    ],
)
def test_an_array_that_would_mislead_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, words: str
) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    assert main(["arrays", str(path)]) == 2
    assert words in " ".join(capsys.readouterr().err.split())


def test_array_in_millimetres_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "mm.yaml"
    path.write_text("positions_m: [[50, 0, 0], [-50, 0, 0]]")
    assert main(["arrays", str(path)]) == 2
    assert "millimetres" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("positions", "words"),
    [
        ([[0, 0, 0], [0, 0.1, 0], [0, 0.2, 0]], "one angle"),
        ([[0, 0, 0], [0, 0.1, 0], [0.1, 0, 0]], "all azimuths"),
        ([[0, 0, 0], [0, 0.1, 0], [0.1, 0, 0]], "not diff_track"),
        ([[0, 0, 0], [0, 0.1, 0], [0.1, 0, 0], [0, 0, 0.1]], "azimuth and elevation"),
        ([[0, 0, 0], [0, 0.05, 0], [0.05, 0, 0], [0, 0, 0.05]], "any_array, srp, diff_track"),
    ],
)
def test_arrays_says_what_a_geometry_tells_apart(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], positions: list[list[float]], words: str
) -> None:
    path = tmp_path / "mine.json"
    path.write_text(json.dumps({"mics_m": positions}))
    assert main(["arrays", str(path)]) == 0
    assert words in " ".join(capsys.readouterr().out.split())


def test_existing_output_is_never_overwritten(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["demo", "--out", str(tmp_path)]) == 2
    assert "exists" in capsys.readouterr().err
    assert main(["record", "--out", str(tmp_path)]) == 2
    assert "exists" in capsys.readouterr().err


def test_a_signal_ends_a_recording_and_its_bag_is_whole(tmp_path: Path) -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        folder = tmp_path / number.name
        ending = threading.Timer(1.5, os.kill, (os.getpid(), number))
        ending.start()
        assert main(["record", "--out", str(folder)]) == 0
        ending.join()
        with AnyReader([folder]) as bag:
            assert bag.message_count == 0


def test_a_recording_says_which_topics_did_not_come(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["record", "--out", str(tmp_path / "bag"), "--duration", "0.3"]
    assert main([*command, "--topics", "speakers", "/robot/faces"]) == 0
    assert "nothing came on /speakers, /robot/faces" in capsys.readouterr().err
    for duration in ("nan", "-1"):
        assert main(["record", "--out", str(tmp_path / duration), "--duration", duration]) == 2
        assert not (tmp_path / duration).exists()
    counts = {"/robot/image/compressed": 3, "/robot/audio": 0}
    assert what_did_not_come(("/robot/image", "/robot/audio"), counts) == "nothing came on /robot/audio"
    assert what_did_not_come((), counts) == "" and "nobody publishes" in what_did_not_come((), {})


def pipeline_arguments(*arguments: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    pipeline_options.add_pipeline_options(parser)
    return parser.parse_args(arguments)


def test_parameters_of_the_command_line_win_over_the_file(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(
        "/**:\n  ros__parameters:\n    max_wait_s: 0.1\nfusion:\n  ros__parameters:\n    max_wait_s: 0.2\n"
    )
    options = pipeline_arguments("--params-file", str(path))
    found = pipeline_options.pipeline_parameters(options, ["fusion", "overlay"])
    assert found["fusion"]["max_wait_s"] == 0.2
    assert found["overlay"]["max_wait_s"] == 0.1
    options = pipeline_arguments("--params-file", str(path), "-p", "fusion.max_wait_s:=0.3")
    assert pipeline_options.pipeline_parameters(options, ["fusion"])["fusion"]["max_wait_s"] == 0.3


def test_the_device_of_the_file_holds_unless_one_is_given(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("/**:\n  ros__parameters:\n    device: cuda\n")
    for options, device in (((), "cuda"), (("--device", "cpu"), "cpu")):
        arguments = pipeline_arguments("--params-file", str(path), *options)
        assert pipeline_options.pipeline_parameters(arguments, ["audio_tracker"])["audio_tracker"]["device"] == device


@pytest.mark.parametrize("text", ["fusion.max_wait_s=0.3", "max_wait_s:=0.3", "nobody.max_wait_s:=0.3"])
def test_a_parameter_of_another_form_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "empty.yaml"
    path.write_text("{}")
    with pytest.raises(InputError, match="--param"):
        pipeline_options.pipeline_parameters(pipeline_arguments("--params-file", str(path), "-p", text), ["fusion"])


@pytest.mark.parametrize(
    ("file", "arguments", "words"),
    [
        ("{}", ["-p", "fusion.max_wait:=0.3"], "no parameter 'max_wait'; did you mean 'max_wait_s'"),
        ("fusion:\n  ros__parameters: {max_wait: 0.2}", [], "no parameter 'max_wait'; did you mean 'max_wait_s'"),
        ("/other/fusion:\n  ros__parameters: {max_wait_s: 0.2}", [], "says nothing to fusion in the namespace /robot"),
        ("{}", ["--device", "tpu"], "device 'tpu': allowed are auto, cpu, cuda"),
        ("{}", ["--array", "{folder}/mine.yaml"], "mine.yaml: need a mapping with positions_m"),
    ],
)
def test_what_no_node_would_take_is_refused(tmp_path: Path, file: str, arguments: list[str], words: str) -> None:
    path = tmp_path / "parameters.yaml"
    path.write_text(file)
    (tmp_path / "mine.yaml").touch()
    given = [argument.format(folder=tmp_path) for argument in arguments]
    options = pipeline_arguments("--params-file", str(path), "--namespace", "robot", *given)
    with pytest.raises(InputError, match=re.escape(words)):
        pipeline_options.pipeline_parameters(options, ["fusion"])


def test_parameters_that_rclpy_and_the_middleware_take_are_let_pass(tmp_path: Path) -> None:
    options = pipeline_arguments("-p", "fusion.use_sim_time:=true", "-p", "fusion.qos_overrides./speaker_grid.publisher.depth:=3")
    assert pipeline_options.pipeline_parameters(options, ["fusion"])["fusion"]["use_sim_time"] is True


def test_convert_to_a_bag_and_back(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rng = np.random.default_rng(0)
    sound = rng.uniform(-0.5, 0.5, (16_000, 2))
    array = MicrophoneArray(np.array([[0.0, 0.05, 0.0], [0.0, -0.05, 0.0]]))
    write_scene(tmp_path / "scene", array=array, audio=sound, sample_rate_hz=16_000)
    assert main(["convert", str(tmp_path / "scene"), str(tmp_path / "bag")]) == 0
    assert main(["convert", str(tmp_path / "bag"), str(tmp_path / "again")]) == 0
    first, again = load_scene(tmp_path / "scene"), load_scene(tmp_path / "again")
    np.testing.assert_array_equal(again.read_audio(), first.read_audio())
    assert main(["convert", str(tmp_path / "scene"), str(tmp_path / "bag")]) == 2
    assert "exists" in capsys.readouterr().err


def test_glasses_have_their_own_node_for_the_grid_unless_the_fusion_gives_it():
    options = pipeline_arguments("--system", "asl_unet", "--device", "cpu")
    names = pipeline_options.pipeline_nodes(options)
    assert "active_speaker" in names and "fusion" not in names
    alone = pipeline_options.pipeline_parameters(options, names)["active_speaker"]
    assert alone["device"] == "cpu" and alone.get("publish_grid", True)
    both = pipeline_arguments("--system", "dsw", "--system", "asl_unet")
    names = pipeline_options.pipeline_nodes(both)
    assert {"active_speaker", "fusion"} <= set(names) and len(names) == len(set(names))
    assert pipeline_options.pipeline_parameters(both, names)["active_speaker"]["publish_grid"] is False


def test_a_conversion_that_is_interrupted_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(_source: Path, target: Path, *_: object, **__: object) -> None:
        target.mkdir()
        (target / "half.mcap").touch()
        raise KeyboardInterrupt

    monkeypatch.setattr("avloc_ros.sources.bags.bag_scene.scene_to_bag", interrupted)
    write_scene(tmp_path / "scene", audio=np.zeros((1600, 2)), sample_rate_hz=16_000)
    assert main(["convert", str(tmp_path / "scene"), str(tmp_path / "bag")]) == INTERRUPTED
    assert [path.name for path in tmp_path.iterdir()] == ["scene"]


def test_what_was_measured_outlives_a_ctrl_c(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> dict[str, object]:
        raise KeyboardInterrupt

    monkeypatch.setitem(bench.MEASURES, "stages", lambda options, progress: {"stages": {"ear": {"median_ms": 1.5}}})
    monkeypatch.setitem(bench.MEASURES, "growth", interrupted)
    assert main(["bench", "--out", str(tmp_path / "bench"), "--parts", "growth", "stages"]) == INTERRUPTED
    assert json.loads((tmp_path / "bench" / "bench.json").read_text())["stages"]["ear"]["median_ms"] == 1.5
