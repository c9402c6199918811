"""`--system` of demo, live and replay: every system has what its commands need."""

from __future__ import annotations

import argparse

import numpy as np
import pytest

from avloc_ros.cli import demo
from avloc_ros.cli.pipeline_options import (
    NODES,
    SYSTEMS,
    add_pipeline_options,
    pipeline_nodes,
    pipeline_parameters,
)
from avloc_ros.simulation.events.event_demo import ROOM, SCRIPT, _planned


def parsed(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    add_pipeline_options(parser)
    return parser.parse_args(words)


@pytest.mark.parametrize("system", demo.SYSTEMS)
def test_every_system_of_the_demo_is_one_that_live_runs(system):
    shown = demo.demo_of(system)
    options = parsed("--no-overlay", *shown.live)
    nodes = pipeline_nodes(options)
    assert set(nodes) == set(SYSTEMS[system]) - {"overlay"} and set(nodes) <= set(NODES)
    assert shown.topic in shown.recorded


def test_systems_run_side_by_side_and_say_what_they_set_of_their_nodes():
    options = parsed("--system", "dsw", "--system", "coloc", "--device", "cpu", "-p", "sound_events.system.hop_s:=0.4")
    nodes = pipeline_nodes(options)
    assert nodes[:2] == ["audio_tracker", "visual_detector"] and nodes[-1] == "sound_events"
    parameters = pipeline_parameters(options, nodes)
    own = {"system.backend": "coloc", "device": "cpu", "system.hop_s": 0.4}
    assert own.items() <= parameters["sound_events"].items()
    assert pipeline_nodes(parsed()) == list(SYSTEMS["dsw"])


def test_the_demo_scene_stays_inside_its_room_with_two_things_at_once_and_silence_between():
    events = [_planned(*line) for line in SCRIPT]
    for event in events:
        assert all(ROOM.holds(event.place_m(share)) for share in np.linspace(0, 1, 9)), event.class_index
    sounding = [sum(event.first <= frame < event.end for event in events) for frame in range(200)]
    assert max(sounding) >= 2 and min(sounding) == 0


def test_a_demo_in_which_nothing_came_says_what_the_nodes_said(tmp_path):
    log = tmp_path / "nodes.log"
    log.write_text("[WARN] [1.0] [a]: slow\n[ERROR] [2.0] [b]: no output: no weights 'x'\n[ERROR] [3.0] [b]: no audio\n")
    assert demo.first_error(log) == ": no output: no weights 'x'"
    log.write_text("[INFO] [3.0] [demo.b]: end\n")
    assert demo.first_error(log) == ""
