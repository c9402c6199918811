"""What a node says about itself, at times of our own choosing; and the thread that works for it."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from avloc_ros.nodes.base.health import Health, Level
from avloc_ros.nodes.base.worker import Worker


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
    made.expect("audio", "/room/audio", "nothing to localise")
    made.expect("camera_info", "/room/camera_info", "")
    made.promise("speakers")
    made.watch()
    return made


def test_a_silent_input_is_named_with_topic_cause_and_consequence(health, clock):
    assert health.report().message == "starting"
    clock.now_s += 2.0
    report = health.report()  # others may be starting too: nothing red yet
    assert report.level == Level.OK and report.message.startswith("starting; no audio yet")
    health.problem("array", "no microphone array", Level.ERROR)
    assert health.report().level == Level.WARN
    health.well("array")
    clock.now_s += 4.0
    report = health.report()
    assert report.level == Level.WARN
    assert report.message == "waiting: no audio yet on /room/audio (nobody publishes it): nothing to localise"
    health.problem("array", "no microphone array", Level.ERROR)  # waiting would not help
    assert health.report().level == Level.ERROR
    health.well("array")
    clock.now_s += 25.0
    report = health.report()
    assert report.level == Level.ERROR
    assert report.message == "no output: no audio yet on /room/audio (nobody publishes it): nothing to localise"
    health.received("audio")
    health.published("speakers", 0.03)
    assert health.report().message == "running"
    clock.now_s += 3.2
    assert "no audio for 3.2 s" in health.report().message


def test_a_node_that_is_given_something_does_not_wait(health, clock):
    health.expect("faces", "/room/faces", "speakers are followed by sound alone")
    clock.now_s += 6.0
    assert health.report().message.startswith("waiting: ")
    health.received("audio")
    report = health.report()
    assert report.level == Level.ERROR and report.message.startswith("no output: no faces yet")


def test_a_sense_that_never_was_is_no_warning_but_one_that_stopped_is(health, clock):
    health.expect("faces", "/room/faces", "speakers are followed by sound alone")
    for _ in range(10):
        clock.now_s += 1.0
        health.received("audio")
        health.published("speakers", 0.03)
    report = health.report()
    assert report.level == Level.OK
    assert report.message.startswith("running; no faces yet on /room/faces (nobody publishes it): speakers are followed by")
    health.received("faces")
    assert health.report().message == "running"
    clock.now_s += 2.0
    health.received("audio")
    health.published("speakers", 0.03)
    report = health.report()
    assert report.level == Level.WARN and report.message.startswith("no faces for 2.0 s")


def test_a_publisher_that_cannot_reach_us_is_a_warning_from_the_start(clock):
    health = Health(lambda topic: "its publisher offers best effort, we ask for reliable" if topic == "/b" else "", clock)
    health.expect("a", "/a", "nothing")
    health.expect("b", "/b", "no b")
    clock.now_s += 2.0
    health.received("a")
    assert health.report().level == Level.WARN


def test_a_node_without_work_by_right_is_idle_and_only_until_it_had_some(clock):
    health = Health(lambda topic: "nobody publishes it", clock, excuse=lambda: "no camera")
    health.expect("image", "/image", "no faces")
    health.promise("faces")
    clock.now_s += 60.0
    assert (health.report().level, health.report().message) == (Level.OK, "idle: no camera")
    health.received("image")
    clock.now_s += 60.0
    assert health.report().level == Level.ERROR


def test_an_output_that_was_not_promised_may_end(clock):
    health = Health(clock_s=clock)  # as attention, in a room where nobody speaks any more
    health.expect("speakers", "/speakers", "nobody to attend to")
    health.published("active_speaker_bearing", 0.1)
    clock.now_s += 60.0
    health.received("speakers")
    assert (health.report().level, health.report().message) == (Level.OK, "running")


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
