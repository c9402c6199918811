"""Delay from a talker's first word to the first report there, on turns worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from avloc_ros.evaluation.metrics.onsets import onset_delays_s, summarise_onsets


def frames(make, speech, reports, azimuth_deg=30.0):
    """Frames of one talker: speech and reports are the frame numbers; a report is (frame, azimuth)."""
    said = dict(reports)
    return [
        make.frame(
            k,
            [make.row(k, "a", azimuth_deg=azimuth_deg, speaking=k in speech)],
            [make.candidate(0.9, azimuth_deg=said[k])] if k in said else [],
        )
        for k in range(100)
    ]


def test_the_delay_runs_from_the_first_frame_to_the_first_report_within_ten_degrees(make):
    reports = [(12, 45.0), (15, 39.0), (16, 30.0)]
    assert onset_delays_s(frames(make, range(10, 40), reports)) == pytest.approx([5 / 25])


def test_a_pause_of_half_a_second_begins_a_new_turn_and_a_shorter_one_does_not(make):
    short = {*range(10, 20), *range(30, 40)}  # 11 frames from the last word to the next: 0.44 s
    assert onset_delays_s(frames(make, short, [(32, 30.0)])) == pytest.approx([22 / 25])
    long = {*range(10, 20), *range(40, 50)}
    assert onset_delays_s(frames(make, long, [(12, 30.0), (40, 30.0)])) == pytest.approx([2 / 25, 0.0])


def test_turns_that_nobody_reports_are_endless(make):
    long = {*range(10, 20), *range(40, 50)}
    delays = onset_delays_s(frames(make, long, [(30, 30.0), (44, 30.0)]))  # frame 30 is silent: too late
    assert delays == pytest.approx([np.inf, 4 / 25])
    figures = summarise_onsets(delays)
    assert figures["turns"] == 2 and figures["turns_never_reported"] == 0.5
    assert figures["onset_delay_s_median"] == pytest.approx(4 / 25) and figures["onset_delay_s_p90"] is None


def test_percentiles_are_delays_that_were_seen():
    figures = summarise_onsets([k / 25 for k in range(1, 11)])
    assert figures["onset_delay_s_median"] == pytest.approx(5 / 25)
    assert figures["onset_delay_s_p90"] == pytest.approx(9 / 25)
    assert summarise_onsets([]) == {
        "turns": 0, "turns_never_reported": None, "onset_delay_s_median": None, "onset_delay_s_p90": None,
    }  # fmt: skip
