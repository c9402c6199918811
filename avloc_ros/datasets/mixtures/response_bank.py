"""A bank of simulated room responses of one array, drawn once and mixed over and over while a network learns."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context

import numpy as np

from avloc_ros.config import setting
from avloc_ros.geometry import CameraModel, direction_from_angles
from avloc_ros.microphone_array import MicrophoneArray
from avloc_ros.simulation.sound.moving_sound import ShoeboxRoom
from avloc_ros.types import InputError

ROOM_SIZE_M = ((3.5, 3.0, 2.4), (8.0, 7.0, 3.2))
MARGIN_M = 0.3  # of sources to the walls
REFLECTION_ORDER = 14
TRIES = 2000


@dataclass(frozen=True)
class BankConfig:
    """How many rooms and places, and what they are like."""

    rooms: int = setting(40, "simulated rooms to train in", low=1, high=100000)
    validation_rooms: int = setting(8, "other rooms for validation", low=1, high=100000)
    places: int = setting(24, "places of sources per room", low=2, high=10000)
    in_view: float = setting(0.8, "share of the places that the camera sees", low=0.0, high=1.0)
    shortest_rt60_s: float = setting(0.15, "shortest reverberation time", low=0.1, high=2.0)
    longest_rt60_s: float = setting(0.8, "longest reverberation time", low=0.1, high=2.0)
    nearest_m: float = setting(0.8, "nearest source", low=0.3, high=20.0)
    farthest_m: float = setting(3.5, "farthest source", low=0.3, high=20.0)
    longest_response_s: float = setting(0.25, "responses are cut after this time", low=0.02, high=2.0)


@dataclass(frozen=True)
class ResponseBank:
    """responses: float32 (rooms, places, microphones, taps); u_px, v_px: (rooms, places), NaN where the camera is blind."""

    responses: np.ndarray
    u_px: np.ndarray
    v_px: np.ndarray

    @property
    def taps(self) -> int:
        return int(self.responses.shape[-1])


def make_bank(
    array: MicrophoneArray,
    camera: CameraModel,
    sample_rate_hz: int,
    config: BankConfig,
    rooms: int,
    seed: int,
    progress: Callable[[int, int], None] | None = None,
    jobs: int = 1,
) -> ResponseBank:
    """Draw and simulate `rooms` rooms (image source method), in `jobs` processes; the same seed gives the same bank."""
    taps = round(config.longest_response_s * sample_rate_hz)
    responses = np.zeros((rooms, config.places, array.channels, taps), np.float32)
    pixels = np.full((rooms, config.places, 2), np.nan, np.float32)
    draw = partial(_draw_room, array, camera, sample_rate_hz, config, taps, seed)
    with ExitStack() as stack:
        found: Iterator[tuple[np.ndarray, np.ndarray]] = map(draw, range(rooms))
        if jobs > 1:
            pool = stack.enter_context(ProcessPoolExecutor(jobs, mp_context=get_context("spawn")))
            found = pool.map(draw, range(rooms), chunksize=4)
        for index, (heard, seen) in enumerate(found):
            responses[index], pixels[index] = heard, seen
            if progress is not None:
                progress(index + 1, rooms)
    return ResponseBank(responses, pixels[..., 0], pixels[..., 1])


def _draw_room(
    array: MicrophoneArray, camera: CameraModel, sample_rate_hz: int, config: BankConfig, taps: int, seed: int, index: int
) -> tuple[np.ndarray, np.ndarray]:
    """Responses (places, microphones, taps) and pixels (places, 2) of one room."""
    rng = np.random.default_rng([seed, index, 41])
    room = draw_room(rng, config)
    places = draw_places(rng, room, camera, config)
    responses = np.zeros((len(places), array.channels, taps), np.float32)
    for place, response in enumerate(room.responses(array.positions_m, places, sample_rate_hz)):
        kept = response[:taps].T  # (microphones, taps)
        responses[place, :, : kept.shape[1]] = kept
    seen, inside = camera.project(places)
    return responses, np.where(inside[:, None], seen, np.nan)


def draw_room(rng: np.random.Generator, config: BankConfig) -> ShoeboxRoom:
    """A room with the array at least 1 m from its walls, and a reverberation time that it can have."""
    low, high = np.array(ROOM_SIZE_M)
    size = low + (high - low) * rng.random(3)
    surface = 2 * (size[0] * size[1] + size[0] * size[2] + size[1] * size[2])
    shortest_s = 24 * np.log(10) / 343.0 * size.prod() / surface / 0.98  # Sabine, walls that absorb almost all
    rt60_s = max(float(rng.uniform(config.shortest_rt60_s, config.longest_rt60_s)), shortest_s)
    place = rng.uniform(1.0, size[0] - 1.0), rng.uniform(1.0, size[1] - 1.0), rng.uniform(0.8, 1.6)
    width, depth, height = (float(length) for length in size)
    return ShoeboxRoom((width, depth, height), place, rt60_s, REFLECTION_ORDER)


def draw_places(
    rng: np.random.Generator, room: ShoeboxRoom, camera: CameraModel, config: BankConfig
) -> np.ndarray:
    """Places (places, 3) in the room, array frame: any pixel of the picture alike, or any azimuth beside it.

    Raises InputError where the camera looks at a wall so near that nobody fits before it.
    """
    found: list[np.ndarray] = []
    for _ in range(TRIES * config.places):
        if len(found) == config.places:
            return np.array(found)
        range_m = rng.uniform(config.nearest_m, config.farthest_m)
        wants_view = rng.random() < config.in_view
        if wants_view:
            place = camera.points_at(rng.uniform((0, 0), (camera.width, camera.height)), range_m)
        else:
            elevation = rng.uniform(-0.15, 0.3)
            place = direction_from_angles(rng.uniform(-np.pi, np.pi), elevation) * range_m
        if bool(camera.project(place)[1]) == wants_view and room.holds(place, MARGIN_M):
            found.append(place)
    raise InputError(
        f"no {config.places} places in a room of {np.round(room.size_m, 1)} m: is the camera's position in metres?"
    )
