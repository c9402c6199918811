"""Scenes in simulated rectangular rooms: `avloc simulate`. Works with nothing but what PyPI brings.

Voices and noises come from folders where given, else from espeak-ng and a noise generator; faces from clips before a
blue background where given, else from the two portraits of the demo.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.signal import lfilter

from avloc_ros.geometry import MicrophoneArray, direction_from_angles, wrap_angle
from avloc_ros.simulation.clean_speech import resampled
from avloc_ros.simulation.espeak import SyntheticVoice, speak
from avloc_ros.simulation.measured import read_mono
from avloc_ros.simulation.measured_rooms import Response
from avloc_ros.simulation.moving_sound import ShoeboxRoom
from avloc_ros.simulation.performance import Supply, perform
from avloc_ros.simulation.portrait_clip import portrait_clip
from avloc_ros.simulation.portraits import Portrait, load_portraits
from avloc_ros.simulation.scene_plan import (
    CONDITIONS,
    DURATION_S,
    FPS,
    SILENT_SHARE,
    SNR_DB,
    PlannedNoise,
    PlannedTalker,
    ScenePlan,
    Wishes,
    draw_camera,
    draw_darkness,
)
from avloc_ros.simulation.talker_clip import TalkerClip, load_talker_clip, yunet_detector
from avloc_ros.sources.scene import Scene
from avloc_ros.types import InputError

ROOM_SIZE_M = ((3.5, 3.0, 2.4), (8.0, 7.0, 3.2))
DISTANCE_M = (0.8, 3.5)
SEPARATION_RAD = np.deg2rad(25.0)
FACE_HEIGHT_M = (-0.15, 0.45)  # above the array
PORTRAITS = ("collins", "hopper")
VARIANTS = ("f1", "f2", "f3", "f4", "f5", "m1", "m2", "m3", "m4", "m5", "m6", "m7")
WORDS = (
    "the water in this small valley was cold and clear when we came home last summer with eight old friends who had "
    "never seen such a river before and wanted to hear its voice again under those wide trees near her garden wall"
).split()


@dataclass(frozen=True)
class ShoeboxParts:
    """What rooms and talkers are drawn from; empty tuples: synthetic voices, generated noise, the two portraits."""

    array: MicrophoneArray
    sample_rate_hz: int = 16000
    rt60_s: tuple[float, float] = (0.15, 0.8)
    voices: tuple[Path, ...] = ()
    noises: tuple[Path, ...] = ()
    clips: tuple[Path, ...] = ()
    face_model: Path | None = None

    def __post_init__(self) -> None:
        if self.sample_rate_hz % FPS:
            raise InputError(
                f"a rate of {self.sample_rate_hz} Hz: need a multiple of {FPS}, like 16000, 44100 or 48000"
            )
        if not 0.1 <= self.rt60_s[0] <= self.rt60_s[1] <= 2.0:
            raise InputError(f"reverberation times {self.rt60_s}: need 0.1 <= low <= high <= 2.0 seconds")
        if self.clips and self.face_model is None:
            raise InputError(
                "clips of talkers need a YuNet ONNX file that measures their faces (--face-model)"
            )


def compose_shoebox(folder: Path, index: int, *, parts: ShoeboxParts, seed: int, wishes: Wishes) -> Scene:
    """Draw, simulate and write scene number `index`; the same parts, seed and index give the same scene."""
    rng = np.random.default_rng([seed, index, 77])
    room = draw_shoebox(rng, parts)
    plan = _draw_plan(rng, parts, room, index, wishes)
    needed = [t.response for t in plan.talkers] + list(plan.noise.responses if plan.noise else ())
    places = np.array([position_m(response) for response in needed])
    responses = dict(
        zip(needed, room.responses(parts.array.positions_m, places, parts.sample_rate_hz), strict=True)
    )
    voices = {t.name: _voice(rng, t, parts.sample_rate_hz) for t in plan.talkers}
    noise = _noise(rng, plan.noise, parts.sample_rate_hz)
    supply = Supply(
        array=parts.array,
        sample_rate_hz=parts.sample_rate_hz,
        response_of=responses.__getitem__,
        clip_of=lambda talker: _clip(parts, talker, voices[talker.name]),
        voice_of=lambda talker: voices[talker.name],
        noise_of=lambda _: noise,
    )
    extra = {"seed": seed, "index": index, "room_size_m": room.size_m, "rt60_s": room.rt60_s}
    return perform(folder, supply, plan, rng, audio_only=wishes.audio_only, extra=extra)


def draw_shoebox(rng: np.random.Generator, parts: ShoeboxParts) -> ShoeboxRoom:
    """A room with the array at least 1 m from its walls; its reverberation time is one that the room can have."""
    low, high = np.array(ROOM_SIZE_M)
    size = low + (high - low) * rng.random(3)
    width, depth, height = size
    surface = 2 * (width * depth + width * height + depth * height)
    shortest = (
        24 * np.log(10) / 343.0 * size.prod() / surface / 0.98
    )  # Sabine, walls that absorb almost everything
    rt60_s = max(float(rng.uniform(*parts.rt60_s)), shortest)
    place = np.array([rng.uniform(1.0, width - 1.0), rng.uniform(1.0, depth - 1.0), rng.uniform(0.8, 1.6)])
    return ShoeboxRoom(_triple(size), _triple(place), round(rt60_s, 3), max_order=14)


def position_m(response: Response) -> np.ndarray:
    """Where a simulated source stands, array frame (3,)."""
    return direction_from_angles(response.azimuth_rad or 0.0, response.elevation_rad) * (
        response.distance_m or 1.0
    )


def draw_place(rng: np.random.Generator, room: ShoeboxRoom, taken: list[Response]) -> Response:
    """A place in the room apart from those that are taken. Raises InputError where the room is full."""
    for _ in range(2000):
        azimuth, distance = float(rng.uniform(-np.pi, np.pi)), float(rng.uniform(*DISTANCE_M))
        elevation = float(np.arctan2(rng.uniform(*FACE_HEIGHT_M), distance))
        name = Path(f"simulated_{np.rad2deg(azimuth):.1f}deg_{distance:.2f}m")
        place = Response(name, "shoebox", azimuth, distance, elevation_rad=elevation)
        apart = all(abs(float(wrap_angle(azimuth - (t.azimuth_rad or 0.0)))) > SEPARATION_RAD for t in taken)
        if apart and room.holds(position_m(place), 0.3):
            return place
    raise InputError(
        f"no place left for another source in a room of {room.size_m} m with {len(taken)} sources"
    )


def _draw_plan(
    rng: np.random.Generator, parts: ShoeboxParts, room: ShoeboxRoom, index: int, wishes: Wishes
) -> ScenePlan:
    condition = wishes.condition or CONDITIONS[index % len(CONDITIONS)]
    places: list[Response] = []
    for _ in range(wishes.talkers or int(rng.choice([1, 2, 3], p=[0.35, 0.4, 0.25]))):
        places.append(draw_place(rng, room, places))
    talkers = _draw_talkers(rng, parts, places, wishes)
    camera = draw_camera(rng, places, [t.has_face for t in talkers])
    noise = None
    if "noisy" in condition:
        snr_db = float(rng.uniform(*SNR_DB)) if wishes.snr_db is None else wishes.snr_db
        path = parts.noises[int(rng.integers(len(parts.noises)))] if parts.noises else Path("generated")
        noise = PlannedNoise(path, (draw_place(rng, room, places),), snr_db)
    darkness = draw_darkness(rng) if "dark" in condition and not wishes.audio_only else None
    frames = round((wishes.duration_s or rng.uniform(*DURATION_S)) * FPS)
    return ScenePlan(condition, frames, "shoebox", camera, talkers, noise, darkness)


def _draw_talkers(
    rng: np.random.Generator, parts: ShoeboxParts, places: list[Response], wishes: Wishes
) -> tuple[PlannedTalker, ...]:
    faces = (
        []
        if wishes.audio_only
        else [str(x) for x in rng.permutation([str(c) for c in parts.clips] or PORTRAITS)]
    )
    voices = (
        rng.choice(len(parts.voices), len(places), replace=len(parts.voices) < len(places))
        if parts.voices
        else ()
    )
    talkers = []
    for number, place in enumerate(places):
        face = faces[number] if number < len(faces) else None
        clip = Path(face) if face and parts.clips else None
        voice = parts.voices[int(voices[number])] if parts.voices else None
        silent = face is not None and number > 0 and bool(rng.random() < SILENT_SHARE)
        name = f"{Path(face).stem if face else 'voice'}_{number}"
        talkers.append(PlannedTalker(name, place, clip, voice, silent, None if clip else face))
    return tuple(talkers)


def _voice(rng: np.random.Generator, talker: PlannedTalker, rate: int) -> np.ndarray:
    """An excerpt of the talker's file, or a sentence of drawn words in a drawn voice."""
    if talker.voice is not None:
        samples = read_mono(talker.voice, rate)
        length = min(len(samples), 3 * rate)
        first = int(rng.integers(len(samples) - length + 1))
        return samples[first : first + length]
    variant = rng.choice(VARIANTS[:5] if talker.portrait else VARIANTS)
    voice = SyntheticVoice(f"en-us+{variant}", int(rng.integers(25, 75)), int(rng.integers(140, 190)))
    samples, spoken_rate = speak(" ".join(rng.choice(WORDS, 8)), voice)
    return resampled(samples, spoken_rate, rate)


def _noise(rng: np.random.Generator, planned: PlannedNoise | None, rate: int) -> np.ndarray:
    if planned is None or planned.path != Path("generated"):
        return np.zeros(0) if planned is None else read_mono(planned.path, rate)
    return lfilter([1.0], [1.0, -float(rng.uniform(0.0, 0.97))], rng.standard_normal(4 * rate))


def _clip(parts: ShoeboxParts, talker: PlannedTalker, voice: np.ndarray) -> TalkerClip | None:
    if talker.clip is not None and parts.face_model is not None:
        return load_talker_clip(talker.clip, yunet_detector(parts.face_model), parts.sample_rate_hz)
    if talker.portrait is None:
        return None
    return portrait_clip(_portrait(talker.portrait), voice, parts.sample_rate_hz)


def _portrait(name: str) -> Portrait:
    return next(portrait for portrait in load_portraits() if portrait.name == name)


def _triple(values: np.ndarray) -> tuple[float, float, float]:
    first, second, third = (round(float(value), 3) for value in values)
    return first, second, third
