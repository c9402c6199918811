"""Event files read, written, and scored by the command."""

from __future__ import annotations

import json

import pytest

from avloc_ros.cli.main import main
from avloc_ros.sources.dcase_csv import EventRow, parse_events, read_events, write_events
from avloc_ros.types import InputError


def test_five_six_and_seven_fields_say_the_same():
    polar, far, cartesian = parse_events("3,1,0,90,0\n3,1,0,90,0,250\n\n3,1,0,0,2,0,250\n")
    assert polar == EventRow(3, 1, 0, 90, 0) and far == EventRow(3, 1, 0, 90, 0, 2.5)
    assert cartesian.azimuth_deg == pytest.approx(90) and cartesian.distance_m == pytest.approx(2.5)
    assert parse_events("0,0,0,0,1,0,0")[0].distance_m is None


def test_written_files_read_back(tmp_path):
    rows = [EventRow(4, 2, 1, -170.25, 33.5, 1.25), EventRow(0, 0, 0, 10, -5)]
    for cartesian in (False, True):
        write_events(tmp_path / "a.csv", rows, cartesian=cartesian, digits=9)
        back = read_events(tmp_path / "a.csv")
        assert [r.frame for r in back] == [0, 4] and back[1].distance_m == pytest.approx(1.25)
        assert back[1].azimuth_deg == pytest.approx(-170.25, abs=1e-5)
        assert back[1].elevation_deg == pytest.approx(33.5, abs=1e-5)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("0,0,0,10", "4 fields"),
        ("x,0,0,10,10", "frame is 'x'"),
        ("0,-1,0,10,10", "class is -1"),
        ("0,13,0,10,10", "class 13"),
        ("0,0,0,ten,10", "'ten' is not a number"),
        ("0,0,0,10,95", "elevation 95"),
        ("0,0,0,0,0,0,1", "no direction"),
        ("0,0,0,nan,10", "not finite"),
    ],
)
def test_a_bad_line_is_named_with_its_file(tmp_path, line, words):
    path = tmp_path / "events.csv"
    path.write_text("0,0,0,1,1\n" + line + "\n")
    with pytest.raises(InputError, match="events.csv:2") as caught:
        read_events(path, classes=13)
    assert words in str(caught.value)


def folders(tmp_path, predicted):
    reference_folder, predicted_folder = tmp_path / "ref" / "dev-test", tmp_path / "pred"
    reference_folder.mkdir(parents=True)
    predicted_folder.mkdir()
    write_events(reference_folder / "mix1.csv", [EventRow(f, 0, 0, 20, 0) for f in range(21)])
    (reference_folder / "silent.csv").write_text("")
    for name, rows in predicted.items():
        write_events(predicted_folder / name, rows, cartesian=True)
    return [
        "--dcase-ref",
        str(tmp_path / "ref"),
        "--dcase-pred",
        str(predicted_folder),
        "--out",
        str(tmp_path / "out"),
    ]


def test_the_command_leaves_metrics(tmp_path):
    arguments = folders(
        tmp_path, {"mix1.csv": [EventRow(f, 0, 0, 25, 0) for f in range(21)], "silent.csv": []}
    )
    assert main(["evaluate", *arguments]) == 0
    metrics = json.loads((tmp_path / "out" / "metrics.json").read_text())
    assert metrics["micro"]["f20"] == pytest.approx(1) and metrics["micro"]["le_cd_deg"] == pytest.approx(
        5, abs=1e-3
    )
    assert metrics["macro"]["lr_cd"] == pytest.approx(1 / 13) and len(metrics["classwise"]) == 13
    assert metrics["unscored"] == ["silent.csv"]


def test_the_command_refuses_what_does_not_fit(tmp_path, capsys):
    arguments = folders(tmp_path, {"mix1.csv": []})
    assert main(["evaluate", *arguments]) == 2 and "silent.csv" in capsys.readouterr().err
    assert main(["evaluate", *arguments[:2], "--out", str(tmp_path)]) == 2
    assert main(["evaluate", "--out", str(tmp_path)]) == 2
