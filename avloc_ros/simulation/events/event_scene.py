"""Scenes of overlapping, partly moving sound events in rectangular rooms, FOA or of an array, with truth_events.csv.

Directional interferers of no class sound too, and are not in the truth. Clips come from folders per class where given,
else from formulas. Classes are those of STARSS, or a user's own where clips of others are given.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from avloc_ros.config import setting
from avloc_ros.decode.event_classes import STARSS_CLASSES, table_of
from avloc_ros.geometry import direction_from_angles
from avloc_ros.microphone_array import MicrophoneArray
from avloc_ros.simulation.events.clip_changes import ClipChanges, changed_clip
from avloc_ros.simulation.events.event_panorama import draw_things, panorama_frames
from avloc_ros.simulation.events.event_sounds import event_sound
from avloc_ros.simulation.events.foa_room import FoaRoom, OpenArrayRoom
from avloc_ros.simulation.measured import read_mono
from avloc_ros.simulation.sound.moving_sound import heard_along
from avloc_ros.sources.dcase_csv import FRAME_S, TRUTH_NAME, EventRow, write_events
from avloc_ros.sources.scene import write_scene
from avloc_ros.types import InputError

FOA_MICROPHONE = MicrophoneArray(np.zeros((4, 3)), ("W", "Y", "Z", "X"), name="foa")
STEP_S = 0.4  # between the responses of a moving event
LONGEST_S = 6.0
CLIP_RMS = 0.2  # of clips that have their power in common
EVENT_STREAM = 13  # keeps these scenes apart from others of the same seed
ReadClip = Callable[[Path, int], np.ndarray]  # a sound file and a rate to float (samples,)


@dataclass(frozen=True)
class EventSceneConfig:
    """What scenes are drawn from."""

    sample_rate_hz: int = setting(24000, "sample rate", low=8000, high=96000)
    duration_s: float = setting(30.0, "length of a scene", low=3.0, high=600.0)
    events: int = setting(12, "events that are tried to be placed", low=1, high=500)
    most_at_once: int = setting(3, "events at a time", low=1, high=5)
    pair_share: float = setting(
        0.0, "share of the events placed beside others that take the class of one of them", low=0.0, high=1.0
    )
    moving_share: float = setting(0.3, "share of the events that move", low=0.0, high=1.0)
    interferers: int = setting(2, "directional sounds of no class", low=0, high=20)
    lowest_rt60_s: float = setting(0.2, "reverberation time, from ...", low=0.1, high=2.0)
    highest_rt60_s: float = setting(0.7, "... to", low=0.1, high=2.0)
    lowest_snr_db: float = setting(
        6.0, "level of the events above the noise all around, from ...", low=-20.0, high=80.0
    )
    highest_snr_db: float = setting(30.0, "... to", low=-20.0, high=80.0)
    room_order: int = setting(6, "reflections that are traced", low=0, high=20)
    clip_share: float = setting(1.0, "share of the events with clips of their class that use one", low=0.0, high=1.0)
    clip_level: str = setting(
        "peak", "what clips have in common as they are placed: by peak, ticks are softer than noises", choices=("peak", "power")
    )
    changes: ClipChanges = field(default_factory=ClipChanges)
    picture_width: int = setting(448, "of the 360-degree pictures, twice their height; 0: none", low=0, high=4096)
    picture_fps: float = setting(10.0, "pictures a second", low=1.0, high=60.0)
    visible_share: float = setting(0.85, "share of the events with a picture that are seen", low=0.0, high=1.0)
    silent_things: int = setting(2, "things in the picture that never sound", low=0, high=50)

    def __post_init__(self) -> None:
        if self.picture_width % 4:
            raise InputError(f"picture_width is {self.picture_width}: need a multiple of 4")


@dataclass(frozen=True)
class PlannedEvent:
    """One event: class (-1: interferer), label frames [first, end), and where it starts and ends (3,), array frame."""

    class_index: int
    first: int
    end: int
    start_m: np.ndarray
    end_m: np.ndarray
    clip: Path | None = None

    def place_m(self, share: float) -> np.ndarray:
        """Where it is after a share of its time: on the arc around the microphone between start and end."""
        straight = (1 - share) * self.start_m + share * self.end_m
        range_m = (1 - share) * np.linalg.norm(self.start_m) + share * np.linalg.norm(self.end_m)
        return straight / np.linalg.norm(straight) * range_m

    def share(self, frame: float) -> float:
        """How much of its time has passed at a label frame."""
        return float(np.clip((frame - self.first) / max(1, self.end - self.first), 0.0, 1.0))


@dataclass(frozen=True)
class EventScenePlan:
    """A room and the events in it, whose classes are places in a table; the noise level is below the loudest events."""

    room: FoaRoom
    events: tuple[PlannedEvent, ...]
    frames: int
    snr_db: float
    clips: Mapping[str, tuple[Path, ...]] = field(default_factory=dict)

    @property
    def classes(self) -> tuple[str, ...]:
        """The table of its classes."""
        return table_of(self.clips)

    def rows(self) -> list[EventRow]:
        """The truth: events with a class, sources numbered in the order of their onset."""
        rows = []
        known = [event for event in self.events if event.class_index >= 0]
        for source, event in enumerate(known):
            for frame in range(event.first, event.end):
                place_m = event.place_m(event.share(frame + 0.5))
                distance_m = float(np.linalg.norm(place_m))
                rows.append(EventRow.towards(frame, event.class_index, source, place_m, distance_m))
        return rows


def scene_random(seed: int, index: int) -> np.random.Generator:
    """The random numbers of scene number `index`: the same seed gives the same scenes."""
    return np.random.default_rng([seed, index, EVENT_STREAM])


def compose_event_scene(
    folder: Path,
    config: EventSceneConfig,
    random: np.random.Generator,
    clips: Mapping[str, tuple[Path, ...]] | None = None,
    array: MicrophoneArray | None = None,
) -> EventScenePlan:
    """Draw, render and write one scene: audio.wav (W, Y, Z, X), video.mp4 (360 degrees), truth_events.csv, scene.json.
    array: omnidirectional microphones that hear it in place of FOA.

    clips: files per class name. Names of STARSS_CLASSES alone: classes without files use formulas; with any other name, the
    names are the classes, and each needs files. Raises InputError where one has none.
    """
    chosen = dict(clips or {})
    silent = [name for name in table_of(chosen) if not chosen.get(name) and name not in STARSS_CLASSES]
    if silent:
        raise InputError(f"no clips of {', '.join(silent)}: a class of your own needs some")
    plan = draw_event_scene(config, random, chosen)
    write_event_scene(folder, plan, config, random, array)
    return plan


def write_event_scene(
    folder: Path,
    plan: EventScenePlan,
    config: EventSceneConfig,
    random: np.random.Generator,
    array: MicrophoneArray | None = None,
) -> None:
    """Render a plan and write it as a scene."""
    audio = render(plan, config, random, array=array)
    extra = {
        "audio_format": "foa" if array is None else "mic",
        "room": f"{plan.room.size_m}",
        "rt60_s": plan.room.rt60_s,
        "snr_db": plan.snr_db,
        "classes": list(plan.classes),
    }
    write_scene(
        folder,
        array=array or FOA_MICROPHONE,
        audio=audio,
        sample_rate_hz=config.sample_rate_hz,
        images=scene_pictures(plan, config, random) if config.picture_width else None,
        fps=config.picture_fps,
        extra=extra,
    )
    write_events(folder / TRUTH_NAME, plan.rows())


def draw_event_scene(
    config: EventSceneConfig, random: np.random.Generator, clips: Mapping[str, tuple[Path, ...]]
) -> EventScenePlan:
    """A room, events that overlap at most as often as wished, and interferers."""
    room, frames = _draw_room(config, random), int(config.duration_s / FRAME_S + 1e-6)
    classes = table_of(clips)
    busy = np.zeros(frames, int)
    events: list[PlannedEvent] = []
    for number in range(config.events + config.interferers):
        class_index = int(random.integers(len(classes))) if number < config.events else -1
        length = int(random.integers(5, round(LONGEST_S / FRAME_S)))
        first = int(random.integers(0, max(1, frames - length)))
        end = min(frames, first + length)
        if class_index >= 0 and (busy[first:end] >= config.most_at_once).any():
            continue
        busy[first:end] += class_index >= 0
        if class_index >= 0 and config.pair_share:
            beside = [one.class_index for one in events if one.class_index >= 0 and one.first < end and first < one.end]
            if beside and random.random() < config.pair_share:
                class_index = beside[int(random.integers(len(beside)))]
        start_m, end_m = _draw_path(room, random, moves=random.random() < config.moving_share)
        files = clips.get(classes[class_index], ()) if class_index >= 0 else ()
        clip = files[int(random.integers(len(files)))] if files and random.random() < config.clip_share else None
        events.append(PlannedEvent(class_index, first, end, start_m, end_m, clip))
    events.sort(key=lambda event: event.first)
    snr_db = float(random.uniform(config.lowest_snr_db, config.highest_snr_db))
    return EventScenePlan(room, tuple(events), frames, snr_db, clips)


def render(
    plan: EventScenePlan,
    config: EventSceneConfig,
    random: np.random.Generator,
    read: ReadClip = read_mono,
    array: MicrophoneArray | None = None,
) -> np.ndarray:
    """FOA samples (n, 4) of a plan, or those of an array (n, mics), peak 0.5. read: what brings a clip to a rate."""
    rate, room = config.sample_rate_hz, plan.room if array is None else OpenArrayRoom(**vars(plan.room))
    microphones_m = np.zeros((1, 3)) if array is None else array.positions_m
    audio = np.zeros((round(plan.frames * FRAME_S * rate), 4 if array is None else array.channels))
    for event in plan.events:
        dry = _dry(event, plan, config, random, read) * 10 ** (random.uniform(-9, 0) / 20)
        steps = np.arange(0, len(dry) / rate + STEP_S, STEP_S) / FRAME_S + event.first
        path_m = np.stack([event.place_m(event.share(frame)) for frame in steps])
        heard = heard_along(dry, path_m, room, microphones_m, rate, STEP_S)
        start = round(event.first * FRAME_S * rate)
        audio[start : start + len(heard)] += heard[: len(audio) - start]
    loud = float(np.sqrt(np.mean(np.square(audio[:, 0])))) or 1.0
    diffuse = random.standard_normal(audio.shape)
    if array is None:
        diffuse *= np.array([1.0, *[3**-0.5] * 3])  # SN3D: a third of the power per axis
    audio += diffuse * loud * 10 ** (-plan.snr_db / 20)
    return audio * (0.5 / max(float(np.abs(audio).max()), 1e-9))


def scene_pictures(
    plan: EventScenePlan, config: EventSceneConfig, random: np.random.Generator
) -> Iterator[np.ndarray]:
    """BGR pictures of a plan; drawn after `render`, with the same random numbers, they are those of the written scene."""
    things = draw_things(plan.events, plan.frames, config.visible_share, config.silent_things, random, plan.classes)
    return panorama_frames(things, plan.frames, config.picture_fps, config.picture_width, random)


def _dry(
    event: PlannedEvent, plan: EventScenePlan, config: EventSceneConfig, random: np.random.Generator, read: ReadClip
) -> np.ndarray:
    rate, duration_s = config.sample_rate_hz, (event.end - event.first) * FRAME_S
    if event.clip is not None:
        others = [read(path, rate) for path in plan.clips[plan.classes[event.class_index]]] if config.changes.blend_share else []
        recorded = changed_clip(read(event.clip, rate), others, rate, config.changes, random)
        samples = np.resize(np.roll(recorded, -int(random.integers(len(recorded)))), round(duration_s * rate))
        if config.clip_level == "power":
            return samples * (CLIP_RMS / max(float(np.sqrt(np.mean(np.square(samples)))), 1e-9))
        return samples / max(float(np.abs(samples).max()), 1e-9)
    if event.class_index >= 0:
        return event_sound(plan.classes[event.class_index], duration_s, rate, random)
    time = np.arange(round(duration_s * rate)) / rate  # an interferer: a slow sweep with noise, like no class
    sweep = np.sin(2 * np.pi * (300 * time + 150 * np.sin(2 * np.pi * 0.3 * time)))
    return 0.5 * sweep + 0.2 * random.standard_normal(len(time))


def _draw_room(config: EventSceneConfig, random: np.random.Generator) -> FoaRoom:
    size_m = random.uniform((4.0, 3.5, 2.4), (9.0, 8.0, 3.4))
    place_m = np.array([*random.uniform(1.2, size_m[:2] - 1.2), random.uniform(1.0, 1.6)])
    rt60_s = float(random.uniform(config.lowest_rt60_s, max(config.lowest_rt60_s, config.highest_rt60_s)))
    size, place = (tuple(round(float(v), 3) for v in values) for values in (size_m, place_m))
    return FoaRoom(
        (size[0], size[1], size[2]), (place[0], place[1], place[2]), round(rt60_s, 3), config.room_order
    )


def _draw_path(room: FoaRoom, random: np.random.Generator, moves: bool) -> tuple[np.ndarray, np.ndarray]:
    for _ in range(1000):
        azimuth, elevation = random.uniform(-np.pi, np.pi), random.uniform(-0.5, 0.7)
        turn = random.choice((-1, 1)) * random.uniform(0.3, 1.2) if moves else 0.0
        range_m = random.uniform(0.8, 3.5)
        ends = [
            direction_from_angles(azimuth + angle, elevation) * range_m for angle in (0.0, turn / 2, turn)
        ]
        if all(room.holds(end) for end in ends):
            return ends[0], ends[2]
    raise InputError(f"no place for a source in a room of {room.size_m} m")
