"""Splits of the figures on recordings whose answer is worked out by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from avloc_ros.evaluation.metrics.localisation import PictureGeometry
from avloc_ros.evaluation.recording import Recording
from avloc_ros.evaluation.splits import splits
from avloc_ros.evaluation.talker_speed import speeds_mps
from avloc_ros.evaluation.trouble import INSIDE, NO_TROUBLE, OUTSIDE, Trouble, place_in_trouble
from avloc_ros.types import InputError

PICTURE = PictureGeometry(720, 450)
LEFT_HALF = {"left_px": 0, "top_px": 0, "width_px": 360, "height_px": 450}
DARK = {"kind": "dark", "region": LEFT_HALF, "from_s": 0.4, "to_s": 10.0}


def two_talkers(make, frames=50):
    """Anna on the left, found until the dark comes at 0.4 s; Bert on the right, found; Cleo off camera, missed."""
    found = []
    for k in range(frames):
        truth = [
            make.row(k, "anna", 100.0, 200.0, 40.0),
            make.row(k, "bert", 600.0, 200.0, -40.0),
            make.row(k, "cleo", azimuth_deg=150.0, speaking=k >= 25),
        ]
        said = [make.candidate(0.9, 603.0, 204.0, -41.0)] + [make.candidate(0.8, 100.0, 200.0, 40.0)] * (k < 10)
        found.append(make.frame(k, truth, said))
    return found


def test_talkers_inside_and_outside_the_dark(make):
    recording = Recording.of("x", two_talkers(make), PICTURE, {"condition": "dark", "trouble": [DARK]})
    found = splits([recording])
    inside, outside = found["by_trouble"]["dark"]["inside"], found["by_trouble"]["dark"]["outside"]
    assert inside["talker_frames"] == outside["talker_frames"] == 40  # from frame 10 on
    assert inside["azimuth_within_10deg"] == 0.0 and inside["missed"] == 1.0
    assert outside["azimuth_within_10deg"] == 1.0 and outside["le_px_mean"] == pytest.approx(5)
    assert inside["le_px_mean"] == pytest.approx(np.hypot(260, 25))  # filled up with the picture's centre
    assert found["by_condition"]["dark"]["recordings"] == 1


def test_on_and_off_camera_and_the_count_by_speakers(make):
    found = splits([Recording.of("x", two_talkers(make), PICTURE)])
    assert found["by_place"]["on_camera"]["azimuth_within_10deg"] == pytest.approx(60 / 100)
    off = found["by_place"]["off_camera"]
    assert off["talker_frames"] == 25 and off["azimuth_within_10deg"] == 0.0
    two, three = found["by_speakers"]["2"], found["by_speakers"]["3"]
    assert two["frames"] == 25 and two["count_accuracy"] == pytest.approx(10 / 25)
    assert three["count_accuracy"] == 0.0 and three["reported_mean"] == 1.0
    assert "by_trouble" not in found and "by_condition" not in found and "switches_per_minute" not in found


def test_recordings_with_different_troubles_are_joined(make):
    noise = {"kind": "directional_noise", "direction": {"azimuth_rad": float(np.radians(50))}, "from_s": 0, "to_s": 9}
    recordings = [
        Recording.of("x", two_talkers(make), PICTURE, {"trouble": [DARK]}),
        Recording.of("y", two_talkers(make), PICTURE, {"trouble": [noise]}),
    ]
    found = splits(recordings)["by_trouble"]
    assert found["dark"]["inside"]["talker_frames"] == 40
    assert found["directional_noise"]["inside"]["talker_frames"] == 50  # Anna is 10 degrees from it
    assert found["directional_noise"]["outside"]["talker_frames"] == 50 + 25


@pytest.mark.parametrize(
    ("entry", "speaker", "frame", "expected"),
    [
        (DARK, "anna", 20, INSIDE), (DARK, "bert", 20, OUTSIDE), (DARK, "anna", 5, NO_TROUBLE),
        (DARK, "cleo", 20, NO_TROUBLE),  # out of the picture: neither in its dark half nor in its lit one
        ({"kind": "dark", "talker": "bert"}, "bert", 0, INSIDE), ({"kind": "dark", "talker": "bert"}, "anna", 0, OUTSIDE),
        ({"kind": "dark", "direction": {"azimuth_rad": 2.7}}, "cleo", 0, INSIDE),
        ({"kind": "dark", "direction": None}, "anna", 0, NO_TROUBLE), ({**DARK, "kind": "blur"}, "anna", 20, NO_TROUBLE),
    ],
)  # fmt: skip
def test_who_stands_in_trouble(make, entry, speaker, frame, expected):
    row = next(row for row in two_talkers(make)[frame].truth if row.speaker == speaker)
    assert place_in_trouble(row, "dark", [Trouble.of(entry)]) == expected


def test_trouble_that_cannot_be_read_is_named():
    with pytest.raises(InputError, match="trouble .*kind"):
        Trouble.of({"region": LEFT_HALF})
    with pytest.raises(InputError, match="needs a kind, and a region"):
        Trouble.of({"kind": "dark", "region": [1, 2]})


def test_switches_per_minute_of_speech(make):
    frames = []
    for k in range(100):
        names = ("s1", "s2") if k < 50 else ("s2", "s1")
        truth = [make.row(k, "a", azimuth_deg=0), make.row(k, "b", azimuth_deg=90, speaking=k >= 25)]
        said = [make.candidate(0.9, azimuth_deg=a, id=n) for a, n in zip((0, 90), names, strict=True)]
        frames.append(make.frame(k, truth, said))
    rates = splits([Recording.of("x", frames, None, has_identities=True)])["switches_per_minute"]
    assert rates["by_speakers"] == {"1": 0.0, "2": pytest.approx(2 / (150 / 25 / 60))}
    assert rates["by_talkers_of_scene"] == {"2": pytest.approx(2 / (175 / 25 / 60))}


def test_a_walk_of_one_metre_per_second_is_measured_as_such(make):
    rows = []
    for k in range(50):
        x, y = 2.0, -1.0 + k / 25  # 1 m/s to the left
        row = make.row(k, "a", azimuth_deg=np.degrees(np.arctan2(y, x)))
        rows += [replace(row, distance_m=float(np.hypot(x, y))), make.row(k, "b", azimuth_deg=10.0)]
    speeds = speeds_mps(rows)
    assert [speeds["a", k] for k in range(50)] == pytest.approx([1.0] * 50)
    assert {speeds["b", k] for k in range(50)} == {0.0}
    recording = Recording.of("x", [make.frame(k, rows[2 * k : 2 * k + 2]) for k in range(50)], None)
    table = splits([recording])["by_speed"]
    assert table["walking"]["talker_frames"] == table["standing"]["talker_frames"] == 50
