"""Runs av_seld and coloc over whole recordings, as the papers do (chunks side by side) or as the robot does (live)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter

import numpy as np

from avloc_ros.datasets.events.event_pictures import read_pictures
from avloc_ros.datasets.events.event_recording import EventRecording, read_sound
from avloc_ros.decode.frame_event import EventsByFrame, FrameEvent
from avloc_ros.evaluation.seld.onset_delays import ToldEvent
from avloc_ros.features.inputs.event_chunk import RollingChunk
from avloc_ros.sources.dcase_csv import EventRow
from avloc_ros.systems.event_network import FRAME_S, EventNetwork
from avloc_ros.systems.sound_events import SoundEventsConfig, SoundEventSystem
from avloc_ros.types import AudioWindow, EventState, SoundEvents, VideoFrame

FRAME_NS = 100_000_000


def events_by_chunks(network: EventNetwork, recording: EventRecording) -> list[EventRow]:
    """What the network says of chunks side by side, the last one filled with silence; no tracker, no hysteresis."""
    samples, rate_hz, frames, pictures = _loaded(recording, network)
    size = round(FRAME_S * rate_hz)
    rows: list[EventRow] = []
    for first in range(0, frames, network.frames):
        chunk = RollingChunk(network.frames, FRAME_S, network.sample_rate_hz, network.channels, network.picture_size)
        for frame in range(first, first + network.frames):
            picture = pictures[frame].transpose(2, 0, 1) if pictures is not None and frame < frames else None
            heard = samples[frame * size : (frame + 1) * size]
            chunk.push(heard, rate_hz, picture)
        heard_by_frame = network.events(chunk.samples(), chunk.pictures() if pictures is not None else None, network.frames)
        rows += _rows(_sure(heard_by_frame, network.on)[: frames - first], first)
    return rows


@dataclass(frozen=True)
class LiveRun:
    """What was told of a recording, its length in label frames, and how long each run of the network took, with tracking."""

    told: list[ToldEvent]
    frames: int
    runs_s: list[float]

    @property
    def rows(self) -> list[EventRow]:
        """What was told, frame by frame."""
        return [event.row for event in self.told]


def events_live(system: SoundEventSystem, recording: EventRecording) -> LiveRun:
    """What the live system tells of each label frame. The last frames, which it never judges, are empty."""
    samples, rate_hz, frames, pictures = _loaded(recording, system.network)
    size = round(FRAME_S * rate_hz)
    system.reset()
    run = LiveRun([], frames, [])
    for frame in range(frames):
        window = AudioWindow(frame * FRAME_NS, samples[frame * size : (frame + 1) * size], rate_hz)
        picture = None if pictures is None else VideoFrame(window.stamp_ns, pictures[frame][..., ::-1])
        begun_s = perf_counter()
        judged = system.step(window, picture)
        if judged:
            run.runs_s.append(perf_counter() - begun_s)
        for events in judged:
            run.told.extend(told_events(events, system.network.classes, (frame + 1) * FRAME_S))
    return run


def told_events(events: SoundEvents, classes: Sequence[str], told_s: float) -> list[ToldEvent]:
    """The events that last in a label frame; told_s: end of the newest sound that had come, seconds of the recording."""
    frame = events.stamp_ns // FRAME_NS
    lasting = [event for event in events.events if event.state != EventState.OFFSET]
    return [
        ToldEvent(
            event.id,
            EventRow.towards(frame, classes.index(event.class_id), number, event.direction),
            event.onset_ns // FRAME_NS,
            told_s,
        )
        for number, event in enumerate(lasting)
    ]


def open_network(config: SoundEventsConfig) -> EventNetwork:
    """The network of these settings, for FOA. Raises InputError where its weights are missing."""
    return SoundEventSystem(replace(config, lookahead_s=0.0)).network


def _loaded(recording: EventRecording, network: EventNetwork) -> tuple[np.ndarray, int, int, np.ndarray | None]:
    """Sound (n, channels), its rate, label frames, and RGB pictures (frames, height, width, 3) where the network looks."""
    samples, rate_hz = read_sound(Path(recording.audio))
    if recording.array is not None:
        samples = recording.samples(rate_hz)
    frames = recording.label_frames(rate_hz, len(samples))
    if network.picture_size is None:
        return samples[:, : network.channels], rate_hz, frames, None
    width, height = network.picture_size
    pictures = (
        np.zeros((frames, height, width, 3), np.uint8)
        if recording.pictures is None
        else read_pictures(recording.pictures, frames, width, height)
    )
    return samples[:, : network.channels], rate_hz, frames, pictures


def _sure(events: EventsByFrame, threshold: float) -> list[list[FrameEvent]]:
    return [[event for event in frame if event.score >= threshold] for frame in events]


def _rows(events: list[list[FrameEvent]], first: int) -> list[EventRow]:
    return [
        EventRow.towards(first + index, event.class_index, number, event.direction)
        for index, frame in enumerate(events)
        for number, event in enumerate(frame)
    ]
