"""Azimuth figures on cases with an obvious answer."""

from __future__ import annotations

import numpy as np
import pytest

from avloc_ros.evaluation.metrics.bearings import (
    azimuth_errors_deg,
    false_reports,
    frame_bearings,
    settled,
    summarise_bearings,
)


def rad(*degrees):
    return [float(np.radians(d)) for d in degrees]


def test_errors_wrap_and_a_missed_talker_is_180_degrees_off():
    assert azimuth_errors_deg(rad(-179), rad(178)) == pytest.approx([3])
    assert azimuth_errors_deg(rad(10), rad(60, 12)) == pytest.approx([180, 2])
    assert azimuth_errors_deg([], rad(5)) == [180]


def test_false_reports_are_those_far_from_every_talker():
    assert false_reports(rad(0, 19, 21, 180), rad(0)) == 2
    assert false_reports(rad(0), []) == 1 and false_reports([], rad(0)) == 0


def test_figures_over_frames(make):
    frames = [
        make.frame(
            k,
            [make.row(k, "a", azimuth_deg=30, speaking=k >= 2)],
            [make.candidate(0.9, azimuth_deg=34)] if k >= 4 else [],
        )
        for k in range(10)
    ]
    assert [len(names) for names in settled(frames)] == [0] * 5 + [
        1
    ] * 5  # 0.1 s after frame 2 is within frame 4
    figures = summarise_bearings(frame_bearings(frames))
    assert figures["azimuth_within_10deg"] == pytest.approx(6 / 8) == figures["count_accuracy"]
    assert figures["azimuth_within_10deg_after_onset"] == 1.0 and figures["false_per_frame"] == 0.0
    assert figures["azimuth_error_deg_median"] == pytest.approx(4)
    assert figures["azimuth_error_deg_mean"] == pytest.approx((2 * 180 + 6 * 4) / 8)
