"""Sound event systems on whole scenes, and what the demo's page says of them."""

from __future__ import annotations

import json

import numpy as np
import pytest

from avloc_ros.cli.main import main
from avloc_ros.evaluation.pages.event_demo_report import ReportedEvent, event_summary, true_events
from avloc_ros.geometry import direction_from_angles
from avloc_ros.simulation.events.event_scene import FOA_MICROPHONE
from avloc_ros.sources.dcase_csv import EventRow, write_events
from avloc_ros.sources.scene import write_scene

RATE, TELEPHONE = 24000, 3


@pytest.fixture(scope="module")
def scene(tmp_path_factory):
    """Two bursts from two directions, one after the other, 7 s: more than two chunks of the network."""
    folder = tmp_path_factory.mktemp("scenes") / "scene0000"
    sound, rows = np.zeros((7 * RATE, 4)), []
    for source, (first, end, azimuth_deg) in enumerate(((10, 28, 40.0), (36, 62, -120.0))):
        x, y, z = direction_from_angles(np.radians(azimuth_deg), 0.0)
        part = slice(first * RATE // 10, end * RATE // 10)
        noise = np.random.default_rng(source).standard_normal((end - first) * RATE // 10) * 0.1
        sound[part] = noise[:, None] * [1.0, y, z, x]
        rows += [EventRow(frame, TELEPHONE, source, azimuth_deg, 0.0) for frame in range(first, end)]
    write_scene(folder, array=FOA_MICROPHONE, audio=sound, sample_rate_hz=RATE, fps=10.0, extra={"audio_format": "foa"})
    write_events(folder / "truth_events.csv", rows)
    return folder


@pytest.mark.parametrize("extra", [[], ["--live"]])
def test_a_network_that_hears_by_physics_scores_as_it_should(scene, compass_weights, tmp_path, extra):
    arguments = ["evaluate", str(scene), "--system", "av_seld", "--weights", str(compass_weights), "--out", str(tmp_path / "out")]
    assert main([*arguments, *extra]) == 0
    scores = json.loads((tmp_path / "out" / "metrics.json").read_text())
    assert scores["micro"]["f20"] == pytest.approx(1.0, abs=0.1) and scores["micro"]["lr_cd"] == pytest.approx(1.0, abs=0.1)
    assert scores["micro"]["le_cd_deg"] < 5
    assert ("onsets" in scores) == bool(extra)
    if extra:
        assert scores["onsets"]["events"] == 2 and scores["onsets"]["onset_within_0.6s"] == 1.0
        assert 0.3 <= scores["onsets"]["onset_delay_s_median"] - scores["onsets"]["processing_s"] <= 0.45
    assert scores["weights"] == "compass" and (tmp_path / "out" / "predictions").is_dir()


def test_weights_of_another_kind_are_refused(scene, tmp_path, compass_weights):
    arguments = ["evaluate", str(scene), "--system", "coloc", "--weights", str(compass_weights.parent), "--out", str(tmp_path)]
    assert main(arguments) == 2


def test_the_delay_runs_from_the_sound_to_the_message():
    truth = true_events([EventRow(frame, 0, 0, 30.0, 0.0) for frame in range(10, 20)], ("bell",))
    heard = [ReportedEvent("e1", "bell", 1.0 + k / 10, 1.45 + k / 10, 1.0, 34.0, 0.0) for k in range(8)]
    wrong = [ReportedEvent("e2", "bell", 4.0, 4.5, 4.0, 34.0, 0.0)]
    found = event_summary([*heard, *wrong], truth, [10.0])
    assert found["onset_delay_s_median"] == pytest.approx(0.45) and found["onset_within_0.6s"] == 1.0
    assert found["frames_found"] == pytest.approx(0.8) and found["direction_error_deg_median"] == pytest.approx(4.0)
    assert found["false_events"] == 1 and found["events_told"] == 1
    assert found["corrected_events"] == 0
    silent = event_summary([], truth, [])
    assert silent["onset_delay_s_median"] is None and silent["onset_within_0.6s"] == 0.0 and silent["frames_found"] == 0.0


def test_an_event_whose_class_is_corrected_is_told_when_its_class_is():
    truth = true_events([EventRow(frame, 1, 0, 30.0, 0.0) for frame in range(10, 20)], ("bell", "knock"))
    names = ["bell"] * 2 + ["knock"] * 6
    heard = [ReportedEvent("e1", name, 1.0 + k / 10, 1.45 + k / 10, 1.0, 30.0, 0.0) for k, name in enumerate(names)]
    found = event_summary(heard, truth, [])
    assert found["onset_delay_s_median"] == pytest.approx(0.65) and found["frames_found"] == pytest.approx(0.6)
    assert found["false_events"] == 0 and found["corrected_events"] == 1
