"""Two events of one class and a third of another at once are told apart by both systems, by what ships."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from avloc_ros.decode.event_classes import STARSS_CLASSES
from avloc_ros.evaluation.seld.told_pairs import PairCounts
from avloc_ros.geometry import direction_from_angles
from avloc_ros.microphone_array import MicrophoneArray
from avloc_ros.simulation.events.event_sounds import event_sound
from avloc_ros.sources.dcase_csv import EventRow
from avloc_ros.systems.asked_paths import AskedNetwork, ask_alone, asked_again, is_query
from avloc_ros.systems.event_network import EventNetworkConfig
from avloc_ros.systems.sound_events import SoundEventsConfig, SoundEventSystem, looks_at
from avloc_ros.types import AudioWindow, InputError

RATE, FRAME_NS = 24000, 100_000_000
TELEPHONE, CLAPPING = (STARSS_CLASSES.index(name) for name in ("telephone", "clapping"))
EVENTS = (("telephone", 60.0), ("telephone", -80.0), ("clapping", 170.0))  # from 1 s to 4 s
CPU = EventNetworkConfig(device="cpu")


@pytest.fixture(scope="module")
def scene() -> np.ndarray:
    samples = 1e-4 * np.random.default_rng(0).normal(size=(5 * RATE, 4))
    for number, (kind, azimuth_deg) in enumerate(EVENTS):
        x, y, z = direction_from_angles(np.radians(azimuth_deg), 0.1)
        sound = 0.2 * event_sound(kind, 3.0, RATE, np.random.default_rng(number + 1))
        samples[RATE : RATE + len(sound)] += sound[:, None] * np.array([1, y, z, x])
    return samples.astype(np.float32)


def true_rows() -> list[EventRow]:
    return [
        EventRow(frame, STARSS_CLASSES.index(kind), source, azimuth_deg, float(np.degrees(0.1)))
        for frame in range(10, 40)
        for source, (kind, azimuth_deg) in enumerate(EVENTS)
    ]


@pytest.mark.parametrize("backend", ["coloc", "av_seld"])
def test_two_telephones_and_clapping_are_three_events(scene, backend):
    shares = {}
    for query in ("none", "auto"):
        network = SoundEventSystem(SoundEventsConfig(backend, network=replace(CPU, query=query))).network
        told = [
            EventRow.towards(frame, event.class_index, 0, event.direction)
            for frame, events in enumerate(network.events(scene, None, 50))
            for event in events
            if event.score >= network.on
        ]
        pairs = PairCounts()
        pairs.add(true_rows(), told)
        shares[query] = pairs.shares()["pairs_both"]
        claps = sum(row.class_index == CLAPPING for row in told)
    assert shares["none"] == 0.0  # what asking is for
    assert shares["auto"] > 0.7 and claps > 20


def test_they_are_told_apart_through_an_encoded_tetrahedron_too():
    """Plane waves delayed by hand at four microphones, 2 cm from the middle."""
    corners = np.array([[1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]]) / np.sqrt(3) * 0.02
    samples = 1e-3 * np.random.default_rng(0).normal(size=(5 * RATE, 4))
    frequency_hz = np.fft.rfftfreq(len(samples), 1 / RATE)
    for number, (kind, azimuth_deg) in enumerate(EVENTS):
        sound = np.zeros(len(samples))
        sound[RATE : 4 * RATE] = 0.2 * event_sound(kind, 3.0, RATE, np.random.default_rng(number + 1))
        lead_s = corners @ direction_from_angles(np.radians(azimuth_deg), 0.1) / 343.0
        spectra = np.fft.rfft(sound)[:, None] * np.exp(2j * np.pi * frequency_hz[:, None] * lead_s)
        samples += np.fft.irfft(spectra, len(samples), axis=0)
    network = SoundEventSystem(SoundEventsConfig("coloc", network=CPU), MicrophoneArray(corners, name="tetrahedron")).network
    told = network.events(samples.astype(np.float32), None, 50)
    rows = [EventRow.towards(f, event.class_index, 0, event.direction) for f, here in enumerate(told) for event in here]
    pairs = PairCounts()
    pairs.add(true_rows(), rows)
    assert pairs.shares()["pairs_both"] > 0.7


def test_live_both_have_identities_of_their_own(scene):
    system = SoundEventSystem(SoundEventsConfig("coloc", network=CPU))
    size = RATE // 10
    heard: dict[str, set[int]] = {}
    for frame in range(50):
        window = AudioWindow(frame * FRAME_NS, scene[frame * size : (frame + 1) * size], RATE)
        for events in system.step(window):
            for event in events.events:
                if event.class_id == "telephone":
                    azimuth = np.degrees(np.arctan2(event.direction[1], event.direction[0]))
                    heard.setdefault(event.id, set()).add(60 if abs(azimuth - 60) < 20 else -80 if abs(azimuth + 80) < 20 else 0)
    assert {60} in heard.values() and {-80} in heard.values()


def test_what_was_trained_elsewhere_is_not_asked_again_unless_that_is_wished():
    network = SimpleNamespace(classes=STARSS_CLASSES, frames=50, sample_rate_hz=RATE, channels=4, picture_size=None,
                              name="own", on=0.5, off=0.35, engines=())  # fmt: skip
    own = replace(CPU, weights="/somewhere/network.onnx")
    assert asked_again(network, own) is network
    assert asked_again(network, replace(CPU, query="none")) is network
    assert isinstance(asked_again(network, CPU), AskedNetwork)
    with pytest.raises(InputError, match="no weights at /somewhere/query.onnx"):
        asked_again(network, replace(own, query="/somewhere/query.onnx"))
    for key, value in (("classes", STARSS_CLASSES[:5]), ("sample_rate_hz", 16000)):
        with pytest.raises(InputError, match="set it to none"):
            asked_again(SimpleNamespace(**vars(network) | {key: value}), CPU)


def test_silence_has_no_events():
    network = SoundEventSystem(SoundEventsConfig("av_seld", network=CPU)).network
    assert not any(network.events(np.zeros((5 * RATE, 4), np.float32), None, 10))


def test_a_query_by_itself_tells_what_sounds_where_the_sound_flows_from(scene):
    config = SoundEventsConfig("av_seld", network=replace(CPU, weights="direction_query"))
    assert is_query("direction_query") and not is_query("av_seld_small") and not is_query("") and looks_at(config) is None
    system = SoundEventSystem(config)
    assert (system.network.name, system.network.classes) == ("direction_query", STARSS_CLASSES)
    frames = system.network.events(scene, None, 50)[15:35]
    told = [event for frame in frames for event in frame if event.score >= system.network.on]
    right = []
    for event in told:
        azimuth_deg = np.degrees(np.arctan2(event.direction[1], event.direction[0]))
        near = [kind for kind, true_deg in EVENTS if abs((azimuth_deg - true_deg + 180) % 360 - 180) < 15]
        right.append(STARSS_CLASSES[event.class_index] in near)
    assert len(told) > 40 and np.mean(right) > 0.8  # of sixty


def test_a_query_by_itself_listens_to_an_array():
    tetrahedron = MicrophoneArray(0.042 * np.array([[1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]]) / np.sqrt(3))
    network = ask_alone(replace(CPU, weights="direction_query"), tetrahedron)
    assert network.channels == 4 and not any(network.events(np.zeros((5 * RATE, 4), np.float32), None, 10))
    with pytest.raises(InputError, match="does not carry FOA"):
        ask_alone(replace(CPU, weights="direction_query"), MicrophoneArray(np.array([[0, 0.1 * k, 0] for k in range(4)])))
