"""A bank of simulated room responses, each room with an array of its own: what any-array training mixes voices with.

Early reflections are image sources (pyroomacoustics); after the mixing time a diffuse tail takes over: decaying noise
from many directions, with the delays of the array, at the level at which the image sources end. Rooms are drawn from a
seed; a bank is one .npz file.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy.signal import lfilter

from avloc_ros.datasets.mixtures.array_draws import draw_array, misplaced
from avloc_ros.geometry import direction_from_angles, wrap_angle
from avloc_ros.microphone_array import SPEED_OF_SOUND_MPS, MicrophoneArray
from avloc_ros.simulation.sound.moving_sound import ShoeboxRoom
from avloc_ros.types import InputError

RATE_HZ = 16000
TAPS = 8000  # half a second
ROOM_SIZE_M = ((3.0, 2.8, 2.3), (9.0, 8.0, 3.6))
RT60_S = (0.15, 0.8)
UNEVEN_SHARE = 0.6  # rooms whose walls differ: one bare wall among soft ones gives one strong reflection
VOICES, SOUNDS = 8, 3  # places of talkers, and of other sounds, per room
DISTANCE_M = (0.5, 4.5)
HEIGHT_M = (-0.5, 0.8)  # of mouths above the array
SEPARATION_RAD = np.deg2rad(12.0)
MAX_ORDER = 9
TAIL_DIRECTIONS = 40


@dataclass(frozen=True)
class RoomResponses:
    """One room: the array as its geometry says, responses float16 (places, channels, taps) and their directions (places, 3).

    The first VOICES places are talkers', the others those of other sounds. Responses have a direct path of amplitude 1
    at 1 m.
    """

    array: MicrophoneArray
    responses: np.ndarray
    directions: np.ndarray
    rt60_s: float


@dataclass(frozen=True)
class RoomPlan:
    """A drawn room before its responses: the array as its file says, where its microphones truly are (channels, 3), and
    places of sources (VOICES + SOUNDS, 3), both array frame; lowpass: of the diffuse tail.
    """

    array: MicrophoneArray
    room: ShoeboxRoom
    places_m: np.ndarray
    microphones_m: np.ndarray
    lowpass: float

    @property
    def directions(self) -> np.ndarray:
        return self.places_m / np.linalg.norm(self.places_m, axis=1, keepdims=True)

    @property
    def traced_samples(self) -> int:
        """Image sources are complete up to about order x the mean path between walls."""
        size = self.room.size_m
        surface = 2 * sum(size[a] * size[b] for a, b in ((0, 1), (0, 2), (1, 2)))
        return int(0.6 * MAX_ORDER * 4 * float(np.prod(size)) / surface / SPEED_OF_SOUND_MPS * RATE_HZ)

    def crossfade(self) -> tuple[np.ndarray, np.ndarray]:
        """Gains (TAPS,) of image sources and of a tail that is as loud as they are before `traced_samples`."""
        time = np.arange(TAPS) - self.traced_samples
        rise = np.clip(time / 400.0 + 1.0, 0.0, 1.0)
        fall = 1 - 0.9 * np.clip(time / 400.0, 0.0, 1.0)  # what image sources are left beyond the reach is not all
        decay = 3 * np.log(10) / (self.room.reverberation_s * RATE_HZ)  # of amplitude per sample
        return fall, rise * np.exp(-decay * np.maximum(time, -400))


def plan_room(rng: np.random.Generator, shipped: list[MicrophoneArray]) -> RoomPlan:
    """Draw a room, its array and the places of sources."""
    array = draw_array(rng, shipped)
    room = _draw_box(rng)
    places_m = _draw_places(rng, room)
    return RoomPlan(array, room, places_m, misplaced(rng, array.positions_m), float(rng.uniform(0.2, 0.7)))


def generator_of(seed: int, index: int) -> np.random.Generator:
    """Random numbers of room number `index` of a seed."""
    return np.random.default_rng([seed, index, 41])


def draw_room(seed: int, index: int, shipped: list[MicrophoneArray]) -> RoomResponses:
    """Room number `index` of a seed."""
    rng = generator_of(seed, index)
    plan = plan_room(rng, shipped)
    early = plan.room.responses(plan.microphones_m, plan.places_m, RATE_HZ)
    responses = np.zeros((len(plan.places_m), plan.array.channels, TAPS), np.float32)
    for place, response in enumerate(early):
        responses[place] = _with_tail(rng, response, plan)
    return RoomResponses(plan.array, responses.astype(np.float16), plan.directions, plan.room.reverberation_s)


def make_bank(
    path: Path, seed: int, rooms: int, shipped: list[MicrophoneArray], progress: Callable[[int], None] | None = None
) -> None:
    """Draw rooms and write them into one file."""
    content: dict[str, Any] = {}
    for index in range(rooms):
        room = draw_room(seed, index, shipped)
        content |= {
            f"{index}.responses": room.responses,
            f"{index}.directions": room.directions,
            f"{index}.positions_m": room.array.positions_m,
            f"{index}.rt60_s": np.array(room.rt60_s),
        }
        if progress is not None:
            progress(index + 1)
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez(path, **content)


def load_bank(path: Path) -> list[RoomResponses]:
    """All rooms of a bank. Raises InputError where there is no such file."""
    if not path.is_file():
        raise InputError(f"no room bank at {path}: the training recipe makes it when its folder is writable")
    with np.load(path) as stored:
        count = sum(name.endswith(".rt60_s") for name in stored.files)
        return [
            RoomResponses(
                MicrophoneArray(stored[f"{k}.positions_m"], name=f"room{k}"),
                stored[f"{k}.responses"],
                stored[f"{k}.directions"],
                float(stored[f"{k}.rt60_s"]),
            )
            for k in range(count)
        ]


def _draw_box(rng: np.random.Generator) -> ShoeboxRoom:
    low, high = np.array(ROOM_SIZE_M)
    size = low + (high - low) * rng.random(3)
    width, depth, height = size
    surface = 2 * (width * depth + width * height + depth * height)
    shortest = 24 * np.log(10) / SPEED_OF_SOUND_MPS * size.prod() / surface / 0.98  # Sabine
    rt60_s = max(float(rng.uniform(*RT60_S)), float(shortest))
    place = np.array([rng.uniform(0.6, width - 0.6), rng.uniform(0.6, depth - 0.6), rng.uniform(0.5, 1.7)])
    absorption: tuple[float, ...] = ()
    if rng.random() < UNEVEN_SHARE:
        absorption = tuple(np.where(rng.random(6) < 0.4, rng.uniform(0.02, 0.25, 6), rng.uniform(0.3, 0.97, 6)).tolist())
    return ShoeboxRoom(
        tuple(size.tolist()), tuple(place.tolist()), rt60_s, max_order=MAX_ORDER, wall_absorption=absorption
    )


def _draw_places(rng: np.random.Generator, room: ShoeboxRoom) -> np.ndarray:
    """Places (VOICES + SOUNDS, 3) in the array frame: talkers apart in azimuth, other sounds anywhere, corners too."""
    chosen: list[np.ndarray] = []
    azimuths: list[float] = []
    separation = SEPARATION_RAD
    while len(chosen) < VOICES:
        azimuth, distance = float(rng.uniform(-np.pi, np.pi)), float(rng.uniform(*DISTANCE_M))
        height = float(rng.uniform(*HEIGHT_M))
        point = direction_from_angles(np.array(azimuth), np.arctan2(height, distance)) * np.hypot(distance, height)
        apart = all(abs(float(wrap_angle(azimuth - other))) > separation for other in azimuths)
        if apart and room.holds(point, 0.25):
            chosen.append(point)
            azimuths.append(azimuth)
        else:
            separation *= 0.999  # a narrow room may have no free place left
    origin, size = np.array(room.array_position_m), np.array(room.size_m)
    while len(chosen) < VOICES + SOUNDS:
        share = rng.random(3)
        if rng.random() < 0.5:  # into a corner
            share = np.where(rng.random(3) < 0.5, 0.08, 0.92) + rng.uniform(-0.05, 0.05, 3)
        point = share * size - origin
        if np.linalg.norm(point) > 0.6 and room.holds(point, 0.1):
            chosen.append(point)
    return np.array(chosen)


def _with_tail(rng: np.random.Generator, early: np.ndarray, plan: RoomPlan) -> np.ndarray:
    """Image-source response (taps, channels) with a diffuse tail, (channels, TAPS)."""
    response = np.zeros((early.shape[1], TAPS), np.float32)
    length = min(len(early), TAPS)
    response[:, :length] = early[:length].T
    if plan.traced_samples >= TAPS - 200:
        return response
    level = float(np.sqrt(np.mean(response[:, tail_level_span(plan)] ** 2)))
    fall, rise = plan.crossfade()
    return response * fall + _diffuse(rng, plan.microphones_m, plan.lowpass) * (level * rise)


def tail_level_span(plan: RoomPlan) -> slice:
    """Samples whose level the tail takes over."""
    return slice(max(0, plan.traced_samples - 400), plan.traced_samples)


def _diffuse(rng: np.random.Generator, microphones_m: np.ndarray, lowpass: float) -> np.ndarray:
    """Stationary diffuse noise of unit power (channels, TAPS): noises of their own from directions all around."""
    directions = tail_directions(rng)
    noise = lfilter([1 - lowpass], [1, -lowpass], rng.standard_normal((TAIL_DIRECTIONS, TAPS)))
    frequencies = np.fft.rfftfreq(TAPS, 1 / RATE_HZ)
    lead_s = microphones_m @ directions.T / SPEED_OF_SOUND_MPS  # (channels, directions)
    spectra = np.fft.rfft(noise)
    heard = np.stack([(spectra * np.exp(2j * np.pi * frequencies * lead[:, None])).sum(0) for lead in lead_s])
    samples = np.fft.irfft(heard, TAPS)
    return (samples / np.sqrt(np.mean(samples**2))).astype(np.float32)


def tail_directions(rng: np.random.Generator) -> np.ndarray:
    """A Fibonacci sphere (TAIL_DIRECTIONS, 3), turned at random."""
    index = np.arange(TAIL_DIRECTIONS) + 0.5
    azimuth = np.pi * (1 + 5**0.5) * index + rng.uniform(0, 2 * np.pi)
    return direction_from_angles(azimuth, np.arcsin(1 - 2 * index / TAIL_DIRECTIONS))
