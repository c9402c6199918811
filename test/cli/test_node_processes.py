"""Nodes in processes of their own: which ones, that a failure ends the pipeline, and that none outlives it."""

from __future__ import annotations

import signal
import subprocess
import sys
import time

import psutil
import pytest

from avloc_ros.cli import node_processes
from avloc_ros.cli.node_processes import NodeProcesses, parted
from avloc_ros.cli.pipeline_options import SYSTEMS

PATIENCE_S = 60.0


@pytest.fixture
def cores(monkeypatch):
    def have(count: int) -> None:
        monkeypatch.setattr(node_processes.os, "sched_getaffinity", lambda _pid: set(range(count)), raising=False)

    return have


def test_the_ear_and_the_overlay_get_a_process_each_where_there_are_cores(cores):
    cores(2)
    names = list(SYSTEMS["dsw"])
    own, apart = parted(names, one_process=False)
    assert own == ["visual_detector", "fusion", "speaker_tracker", "attention"]
    assert apart == ["audio_tracker", "overlay"]
    assert parted(names, one_process=True) == (names, [])
    assert parted(["sound_events"], one_process=False) == (["sound_events"], [])  # somebody must stay here
    cores(1)
    assert parted(names, one_process=False) == (names, [])


def test_a_node_that_cannot_start_ends_the_pipeline_with_its_status(capfd):
    with NodeProcesses(["fusion"], {"fusion": {"threshold": 7.0}}, None) as others:
        wait_until(others.have_ended)
    assert others.status == 2
    said = capfd.readouterr().err
    assert "threshold" in said and "the process of fusion ended with status 2" in said


def test_a_node_that_cannot_be_configured_goes_on_and_shows_in_the_status_at_the_end(capfd):
    said = ""
    with NodeProcesses(["fusion"], {"fusion": {"kind": "scalar", "weights": "no/such.onnx"}}, None) as others:
        end = time.monotonic() + PATIENCE_S
        while "cannot configure" not in said:
            assert time.monotonic() < end
            time.sleep(0.2)
            said += capfd.readouterr().err
        assert not others.have_ended() and others.status == 0
    assert others.status == 2


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGKILL])
def test_no_process_outlives_the_pipeline(end):
    live = subprocess.Popen(
        [sys.executable, "-m", "avloc_ros.cli.main", "live", "--no-table", "--namespace", "/outlive"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_until(lambda: len(threads_of_dds(live.pid)) == 3)  # this process, ear, overlay: all on the network
        family = [psutil.Process(pid) for pid in threads_of_dds(live.pid)]
        live.send_signal(end)
        assert live.wait(PATIENCE_S) == (0 if end == signal.SIGINT else -signal.SIGKILL)
        _, left = psutil.wait_procs(family, PATIENCE_S)
        assert not left
    finally:
        if live.poll() is None:
            live.kill()


def threads_of_dds(pid: int) -> list[int]:
    """Those of a process and its children in which a node runs (DDS has begun its threads)."""
    family = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
    return [one.pid for one in family if one.num_threads() > 5]


def wait_until(is_true) -> None:
    end = time.monotonic() + PATIENCE_S
    while not is_true():
        assert time.monotonic() < end
        time.sleep(0.1)
