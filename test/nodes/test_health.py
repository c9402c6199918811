"""What a node says about itself, at times of our own choosing; and the thread that works for it."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from avloc_ros.nodes.health import Health, Level
from avloc_ros.nodes.worker import Worker


class Clock:
    def __init__(self) -> None:
        self.now_s = 50.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def health(clock) -> Health:
    made = Health(lambda topic: "nobody publishes it", clock)
    made.expect("audio", "/room/audio", "nothing to localise", 1.0)
    made.expect("camera_info", "/room/camera_info", "", 1.0)
    made.promise("speakers")
    made.watch()
    return made


def test_a_silent_input_is_named_with_topic_cause_and_consequence(health, clock):
    assert health.report().message == "starting"
    clock.now_s += 2.0
    report = health.report()
    assert report.level == Level.ERROR
    assert report.message == "no output: no audio yet on /room/audio (nobody publishes it): nothing to localise"
    health.received("audio")
    health.published("speakers", 0.03)
    assert health.report().message == "running"
    clock.now_s += 3.2
    assert "no audio for 3.2 s" in health.report().message


def test_rates_and_percentiles_are_those_of_numpy(health, clock):
    latencies_ms = np.random.default_rng(1).gamma(3, 10, 400)
    for latency in latencies_ms:
        health.received("audio")
        health.published("speakers", latency / 1e3)
    clock.now_s += 4.0
    values = health.report().values
    assert values["audio rate_hz"] == "100.0" and values["speakers rate_hz"] == "100.0"
    told = [float(word) for word in values["speakers latency_ms p50 p95 p99"].split()]
    assert np.allclose(told, np.percentile(latencies_ms, [50, 95, 99]), atol=0.06)


def test_problems_last_until_over_and_notes_for_a_while(health, clock):
    health.received("audio")
    health.published("speakers", 0.0)
    assert health.problem("format", "wrong encoding")
    assert not health.problem("format", "wrong encoding")  # no news
    health.note("time jumped back")
    report = health.report()
    assert report.level == Level.WARN and report.message == "wrong encoding; time jumped back"
    health.well("format")
    clock.now_s += 0.9
    assert health.report().message == "time jumped back"
    clock.now_s += 2.5
    health.received("audio")
    health.published("speakers", 0.0)
    assert health.report().message == "running"


def test_overload_is_told_while_it_lasts(health, clock):
    health.received("audio")
    health.published("speakers", 0.0)
    health.dropped("by overload", 6)
    clock.now_s += 0.5
    report = health.report()
    assert "12 inputs a second dropped" in report.message and report.values["dropped by overload"] == "6"
    clock.now_s += 0.4
    assert health.report().message == "running"


def test_an_inactive_node_says_so(health):
    assert health.report(is_active=False).message == "not active"


def test_the_worker_keeps_the_order_drops_the_oldest_and_survives_errors():
    done, dropped, errors, gate = [], [], [], threading.Event()
    worker = Worker("test", 2, lambda: dropped.append(1), errors.append)
    worker.submit(gate.wait, droppable=False)
    assert worker.wait_idle(0.0) is False
    for number in range(5):
        worker.submit(lambda number=number: done.append(number))
        if number == 2:
            worker.submit(lambda: done.append("reset"), droppable=False)
    worker.submit(lambda: 1 / 0, droppable=False)
    gate.set()
    assert worker.wait_idle(5.0)
    assert done == ["reset", 3, 4] and len(dropped) == 3
    assert isinstance(errors[0], ZeroDivisionError)
    worker.stop()
