"""Sound events from a stream, with a network whose answers follow from physics (conftest: compass_weights)."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from avloc_ros.decode.multi_accdoa import decode_multi_accdoa
from avloc_ros.features.inputs.foa_features import FoaFeatureConfig, foa_features
from avloc_ros.geometry import angle_between, direction_from_angles
from avloc_ros.microphone_array import MicrophoneArray
from avloc_ros.runtime.engines import OnnxEngine
from avloc_ros.simulation.events.event_sounds import event_sound
from avloc_ros.systems.av_seld import AvSeldNetwork, picture_size
from avloc_ros.systems.event_network import EventNetworkConfig
from avloc_ros.systems.sound_events import SoundEventsConfig, SoundEventSystem
from avloc_ros.types import AudioWindow, EventState, InputError, SoundEvents

RATE = 24000
FRAME = RATE // 10
FRAME_NS = 100_000_000
FEATURES = FoaFeatureConfig(fft_length=1024, window_length=1024, hop_length=600, mel_bands=64)


def settings(weights: Path, **values: float) -> SoundEventsConfig:
    return SoundEventsConfig(network=EventNetworkConfig(weights=str(weights), device="cpu"), **values)


def plane_wave(azimuth_deg: float, begin_s: float, end_s: float, length_s: float, rate: int = RATE) -> np.ndarray:
    """Noise from one direction as FOA (n, 4), silent outside [begin, end)."""
    x, y, z = direction_from_angles(np.radians(azimuth_deg), 0.2)
    sound = np.random.default_rng(1).standard_normal(round(length_s * rate)) * 0.1
    time_s = np.arange(len(sound)) / rate
    sound *= (time_s >= begin_s) & (time_s < end_s)
    return (sound[:, None] * np.array([1.0, y, z, x])).astype(np.float32)


def streamed(system: SoundEventSystem, samples: np.ndarray, rate: int = RATE) -> list[tuple[int, SoundEvents]]:
    """(label frame that had come, what was told then)."""
    size = rate // 10
    told = []
    for number in range(len(samples) // size):
        window = AudioWindow(number * FRAME_NS, samples[number * size : (number + 1) * size], rate)
        told += [(number, events) for events in system.step(window)]
    return told


def test_an_event_is_told_with_direction_onset_and_offset_in_time(compass_weights):
    system = SoundEventSystem(settings(compass_weights))
    told = streamed(system, plane_wave(50, 1.0, 3.0, 5.0))
    assert [events.stamp_ns for _, events in told] == [k * FRAME_NS for k in range(len(told))]  # each frame once
    events = [(came, event) for came, frame in told for event in frame.events]
    assert {event.id for _, event in events} == {"e1"} and events[0][1].class_id == "telephone"
    came, onset = events[0]
    assert onset.state == EventState.ONSET and onset.onset_ns / 1e9 == pytest.approx(1.0, abs=0.101)
    assert (came + 1) * 0.1 - onset.onset_ns / 1e9 <= system.latency_s + 1e-9  # told within what it promises,
    assert system.latency_s <= 0.5  # which leaves time to compute of the 0.6 s that are asked
    assert events[-1][1].state == EventState.OFFSET and events[-1][1].offset_ns / 1e9 == pytest.approx(3.0, abs=0.15)
    truth = direction_from_angles(np.radians(50), 0.2)
    middle = [event for _, event in events][5:-5]
    assert max(np.degrees(angle_between(event.direction, truth)) for event in middle) < 3


def test_streaming_equals_the_network_on_the_same_chunks_of_the_file(compass_weights):
    """The reference cuts the chunks out of the whole recording and knows nothing of rings and hops."""
    samples = plane_wave(-70, 0.5, 2.2, 4.0) + plane_wave(20, 2.2, 3.4, 4.0)
    system = SoundEventSystem(settings(compass_weights, hop_s=0.3, lookahead_s=0.2))
    engine, padded = OnnxEngine(compass_weights, "cpu"), np.pad(samples, ((3 * RATE, 0), (0, 0)))
    seen: dict[int, list[np.ndarray]] = {}  # what the tracker gets of each frame, with those before
    original = system._tracker.step

    def spied(stamp_ns: int, heard: list, level_db: float, earlier: list) -> SoundEvents:
        seen[stamp_ns // FRAME_NS] = [_vectors(events) for events in [*earlier, heard]]
        return original(stamp_ns, heard, level_db, earlier)

    system._tracker.step = spied
    streamed(system, samples)
    assert sorted(seen) == list(range(max(seen) + 1)) and len(seen) >= 36
    for frame, looks in seen.items():
        came = 5 + 3 * (frame // 3)  # label frames that had come when this one was judged, by hops of 3 with 2 to look ahead
        chunk = padded[came * FRAME : came * FRAME + 3 * RATE]
        vectors = engine.run({"features": foa_features(chunk, FEATURES)[None]})["vectors"][0]
        last = 30 + frame - came  # counted from the end of the chunk
        assert len(looks) == system.config.events.class_frames + frame % 3 + 1  # also those of the same hop, and the frame itself
        for directions, events in zip(looks, decode_multi_accdoa(vectors, 13)[last + 1 - len(looks) : last + 1], strict=True):
            expected = _vectors(events)
            assert expected.shape == directions.shape and np.allclose(directions, expected, atol=1e-5), frame


def _vectors(events: list) -> np.ndarray:
    return np.array([event.direction * event.score for event in events])


def test_a_slow_machine_loses_no_frame(compass_weights):
    """Windows that wait are taken in without running the network; the next run judges all of them, as it would have."""
    samples = plane_wave(50, 0.5, 2.0, 3.0)
    fast, slow = (SoundEventSystem(settings(compass_weights)) for _ in range(2))
    wanted = {events.stamp_ns: events for _, events in streamed(fast, samples)}
    told = []
    for number in range(30):
        window = AudioWindow(number * FRAME_NS, samples[number * FRAME : (number + 1) * FRAME], RATE)
        told.append(slow.step(window, is_newest=number % 7 == 6))
    assert [len(some) for some in told if some] == [6, 7, 7, 7]
    for events in (events for some in told for events in some):
        states = [event.state for event in events.events]
        assert states == [event.state for event in wanted[events.stamp_ns].events], events.stamp_ns


def test_sound_of_another_rate_gives_the_same_events(compass_weights):
    system = SoundEventSystem(settings(compass_weights))
    told = streamed(system, plane_wave(110, 0.0, 3.0, 3.0, 48000), 48000)
    last = told[-1][1].events[0]
    assert np.degrees(angle_between(last.direction, direction_from_angles(np.radians(110), 0.2))) < 3


def test_a_tetrahedron_of_microphones_is_encoded(compass_weights):
    """A plane wave delayed by hand at four microphones, 2 cm from the middle."""
    corners = np.array([[1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]]) / np.sqrt(3) * 0.02
    array = MicrophoneArray(corners, name="tetrahedron")
    direction = direction_from_angles(np.radians(-30), 0.1)
    length = 3 * RATE
    spectrum = np.fft.rfft(np.random.default_rng(2).standard_normal(length) * 0.1)
    frequency_hz = np.fft.rfftfreq(length, 1 / RATE)
    spectrum[(frequency_hz < 300) | (frequency_hz > 4000)] = 0  # where the array can be encoded
    earlier_s = corners @ direction / array.sound_speed_mps
    samples = np.stack([np.fft.irfft(spectrum * np.exp(2j * np.pi * frequency_hz * t), length) for t in earlier_s], 1)
    told = streamed(SoundEventSystem(settings(compass_weights), array), samples.astype(np.float32))
    assert np.degrees(angle_between(told[-1][1].events[0].direction, direction)) < 8
    flat = MicrophoneArray(corners * [1, 1, 0], name="flat")
    with pytest.raises(InputError, match="flat"):
        SoundEventSystem(settings(compass_weights), flat)


def test_a_hole_in_the_sound_starts_anew_and_wrong_input_is_named(compass_weights):
    system = SoundEventSystem(settings(compass_weights))
    sound = plane_wave(0, 0.0, 2.0, 2.0)
    streamed(system, sound)
    (*_, last) = (e for k in range(4) for e in system.step(AudioWindow((100 + k) * FRAME_NS, sound[:FRAME], RATE)))
    assert last.events[0].id == "e2" and last.events[0].onset_ns >= 100 * FRAME_NS
    with pytest.raises(InputError, match="4"):
        system.step(AudioWindow(200 * FRAME_NS, sound[:FRAME, :3], RATE))
    with pytest.raises(InputError, match="hop_s is 0.25"):
        SoundEventSystem(replace(system.config, hop_s=0.25))


def test_coloc_as_it_ships_tells_two_events_one_after_the_other():
    """A telephone that rings, and beside it water that runs a second later, each from its direction."""
    rng = np.random.default_rng(3)
    samples = 1e-4 * rng.normal(size=(6 * RATE, 4))
    places = {"telephone": (60.0, 1), "water_tap": (-70.0, 2)}
    for name, (azimuth_deg, first_s) in places.items():
        x, y, z = direction_from_angles(np.radians(azimuth_deg), 0.1)
        sound = 0.3 * event_sound(name, 3.0, RATE, rng)
        samples[first_s * RATE : first_s * RATE + len(sound)] += sound[:, None] * np.array([1.0, y, z, x])
    system = SoundEventSystem(SoundEventsConfig("coloc", network=EventNetworkConfig(device="cpu")))
    assert system.network.name == "coloc_ear" and system.network.picture_size is None
    events = [event for _, told in streamed(system, samples.astype(np.float32)) for event in told.events]
    assert {event.class_id for event in events} == set(places)
    for name, (azimuth_deg, first_s) in places.items():
        own = [event for event in events if event.class_id == name]
        assert len({event.id for event in own}) <= 2  # a telephone rings with pauses
        assert own[0].onset_ns / 1e9 == pytest.approx(first_s, abs=0.45)  # water beside a telephone: up to .4 s late, by seed
        truth = direction_from_angles(np.radians(azimuth_deg), 0.1)
        assert np.median([np.degrees(angle_between(event.direction, truth)) for event in own]) < 4


def test_shipped_weights_are_found_by_name():
    with_eyes = AvSeldNetwork(EventNetworkConfig("av_seld_small", device="cpu"))
    assert with_eyes.name == "av_seld_small" and with_eyes.picture_size is not None
    assert AvSeldNetwork(EventNetworkConfig(device="cpu")).picture_size is None
    assert picture_size("av_seld_small") == with_eyes.picture_size  # as the card tells, and as the network takes them
    assert picture_size("") is None
