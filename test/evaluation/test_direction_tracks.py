"""LE, LR, LP, LF and tracking scores of directions, worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from avloc_ros.evaluation.metrics.direction_tracks import DirectionFrame, localization_of, score_directions
from avloc_ros.geometry import direction_from_angles


def frame(true, found):
    """Azimuths in degrees by name, at elevation 0."""
    def vectors(places):
        return direction_from_angles(np.deg2rad(np.array(list(places.values()), float)), 0.0)

    return DirectionFrame(tuple(true), vectors(true), tuple(found), vectors(found))


def test_errors_recall_precision_and_f():
    frames = [frame({"a": 0, "b": 90}, {"x": 4, "y": 98, "z": 180}), frame({"a": 0}, {})]
    score = localization_of(frames)
    assert score.le_deg == pytest.approx((4 + 8) / 2)
    assert (score.lr, score.lp, score.lf) == pytest.approx((2 / 3, 2 / 3, 2 / 3))


def test_a_report_beyond_the_gate_is_false_unless_there_is_no_gate():
    frames = [frame({"a": 0}, {"x": 45})]
    assert localization_of(frames).le_deg is None and localization_of(frames).lf == 0
    assert localization_of(frames, None).le_deg == pytest.approx(45)
    assert localization_of(frames, None).lr == 1


def test_distances_go_around_the_back_and_over_the_pole():
    behind = frame({"a": 179}, {"x": -179})
    assert behind.angles_deg()[0, 0] == pytest.approx(2)
    up = direction_from_angles(np.array([0.0]), np.deg2rad(np.array([85.0])))
    over = direction_from_angles(np.array([np.pi]), np.deg2rad(np.array([85.0])))
    assert DirectionFrame(("a",), up, ("x",), over).angles_deg()[0, 0] == pytest.approx(10)


def test_identities_do_not_go_from_one_recording_to_the_next():
    first, second = [frame({"a": 0}, {"x": 0})] * 3, [frame({"a": 0}, {"y": 0})] * 3
    apart, joined = score_directions([first, second]), score_directions([first + second])
    assert apart.clear_mot.switches == 0 and joined.clear_mot.switches == 1
    assert apart.hota == pytest.approx(1.0)
    assert joined.hota == pytest.approx(np.sqrt(0.5))
    assert apart.to_mapping()["mota"] == 1.0 and apart.to_mapping()["motp_deg"] == pytest.approx(0)
