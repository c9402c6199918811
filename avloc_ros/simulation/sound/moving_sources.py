"""Sources on the move around an array in simulated rooms: what diff_track learns from and is measured on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from avloc_ros.config import setting
from avloc_ros.geometry import direction_from_angles, wrap_angle
from avloc_ros.microphone_array import MicrophoneArray
from avloc_ros.simulation.sound.clean_speech import speech_activity
from avloc_ros.simulation.sound.moving_sound import ShoeboxRoom, heard_along
from avloc_ros.types import InputError

SMALLEST_ROOM_M, LARGEST_ROOM_M = np.array([4.0, 3.5, 2.5]), np.array([8.0, 7.0, 3.2])
WALL_MARGIN_M = 0.25
SPLIT_NUMBERS = {"train": 0, "val": 1, "test": 2}

VoiceDraw = Callable[[np.random.Generator, int, int], np.ndarray]  # (rng, samples, rate) -> dry mono (samples,)


@dataclass(frozen=True)
class MovingSourcesConfig:
    """What segments are drawn from. Rooms of the three splits differ."""

    sample_rate_hz: int = setting(24_000, "rate of the sound, Hz", low=8000, high=96_000)
    seconds: float = setting(5.0, "length of a segment, s", low=0.5, high=60.0)
    label_hop_s: float = setting(0.1, "time from one label frame to the next, s", low=0.01, high=1.0)
    rooms: int = setting(20, "rooms per split", low=1)
    shortest_rt60_s: float = setting(0.2, "reverberation time, s", low=0.1, high=2.0)
    longest_rt60_s: float = setting(0.6, "reverberation time, s", low=0.1, high=2.0)
    reflections: int = setting(6, "reflections traced at most", low=0, high=30)
    sources: int = setting(2, "sources per segment", low=1, high=5)
    nearest_m: float = setting(0.8, "distance of a source", low=0.2)
    farthest_m: float = setting(3.0, "distance of a source", low=0.3)
    highest_deg: float = setting(25.0, "elevation of a source, up or down", low=0.0, high=80.0)
    fastest_deg_per_s: float = setting(40.0, "angular speed of a source", low=0.0, high=180.0)
    still_share: float = setting(0.25, "share of sources that stand still", low=0.0, high=1.0)
    lowest_snr_db: float = setting(10.0, "speech over sensor noise", low=-20.0, high=100.0)
    highest_snr_db: float = setting(30.0, "speech over sensor noise", low=-20.0, high=100.0)
    quietest_peak: float = setting(0.2, "largest sample of a segment, of full scale 1", low=1e-4, high=1.0)
    loudest_peak: float = setting(0.8, "largest sample of a segment, of full scale 1", low=1e-4, high=1.0)
    stock: int = setting(
        0, "sources per room that its training segments share in ever new company; 0: each its own", low=0, high=1000
    )

    def __post_init__(self) -> None:
        for low, high in (
            ("shortest_rt60_s", "longest_rt60_s"),
            ("nearest_m", "farthest_m"),
            ("lowest_snr_db", "highest_snr_db"),
            ("quietest_peak", "loudest_peak"),
        ):
            if getattr(self, low) > getattr(self, high):
                raise InputError(
                    f"{low} {getattr(self, low)} is above {high} {getattr(self, high)}: turn them round"
                )
        if 0 < self.stock < self.sources:
            raise InputError(f"stock {self.stock} is fewer than the {self.sources} sources of a segment: raise it, or 0")

    @property
    def label_frames(self) -> int:
        """Label frames of a segment."""
        return round(self.seconds / self.label_hop_s)


@dataclass(frozen=True)
class MovingSource:
    """One source alone, without noise: samples (samples, channels), directions (frames, 3), active (frames,)."""

    samples: np.ndarray
    directions: np.ndarray
    active: np.ndarray


@dataclass(frozen=True)
class MovingSegment:
    """samples float32 (samples, channels). directions (frames, sources, 3): unit vectors at the middle of each label
    frame, array frame. active bool (frames, sources)."""

    samples: np.ndarray
    directions: np.ndarray
    active: np.ndarray


def draw_room_of(config: MovingSourcesConfig, split: str, number: int, seed: int) -> ShoeboxRoom:
    """Room `number` of a split: size, place of the array and reverberation."""
    if split not in SPLIT_NUMBERS:
        raise InputError(f"split '{split}' is not known: take one of {', '.join(SPLIT_NUMBERS)}")
    rng = np.random.default_rng([seed, 31, SPLIT_NUMBERS[split], number])
    size = rng.uniform(SMALLEST_ROOM_M, LARGEST_ROOM_M)
    place = rng.uniform([1.2, 1.2, 0.9], size - [1.2, 1.2, 1.2])
    width, depth, height = size
    surface = 2 * (width * depth + width * height + depth * height)
    shortest = 24 * np.log(10) / 343.0 * size.prod() / surface / 0.98  # Sabine: walls that take almost all
    rt60_s = max(float(rng.uniform(config.shortest_rt60_s, config.longest_rt60_s)), shortest)
    return ShoeboxRoom(_triple(size), _triple(place), round(rt60_s, 3), config.reflections)


def draw_segment(
    config: MovingSourcesConfig,
    array: MicrophoneArray,
    voice: VoiceDraw,
    *,
    split: str,
    index: int,
    seed: int,
    stock: dict[int, MovingSource] | None = None,
) -> MovingSegment:
    """Segment number `index` of a split; the same arguments give the same segment.

    stock: where the shared sources of its room are kept from one segment to the next (config.stock); one per room.
    """
    rng = np.random.default_rng([seed, 57, SPLIT_NUMBERS.get(split, 9), index])
    number = index % config.rooms
    room = draw_room_of(config, split, number, seed)
    if config.stock and split == "train":
        kept = {} if stock is None else stock
        chosen = [int(k) for k in rng.choice(config.stock, config.sources, replace=False)]
        for k in chosen:
            if k not in kept:
                own = np.random.default_rng([seed, 91, number, k])
                kept[k] = draw_source(own, config, room, array, voice)
        return mixed(rng, config, [kept[k] for k in chosen])
    return mixed(rng, config, [draw_source(rng, config, room, array, voice) for _ in range(config.sources)])


def draw_source(
    rng: np.random.Generator,
    config: MovingSourcesConfig,
    room: ShoeboxRoom,
    array: MicrophoneArray,
    voice: VoiceDraw,
) -> MovingSource:
    """One source in a room: what it says, the way it goes, and how it sounds at the array."""
    rate = config.sample_rate_hz
    dry = voice(rng, round(config.seconds * rate), rate)
    path = draw_path(rng, config, room)  # (frames + 1, 3)
    heard = heard_along(dry, path, room, array.positions_m, rate, config.label_hop_s)
    middle = (path[:-1] + path[1:]) / 2
    return MovingSource(
        heard,
        middle / np.linalg.norm(middle, axis=1, keepdims=True),
        speech_activity(dry, rate, 1 / config.label_hop_s, config.label_frames),
    )


def mixed(
    rng: np.random.Generator, config: MovingSourcesConfig, sources: Sequence[MovingSource]
) -> MovingSegment:
    """Sources together, with sensor noise, at a drawn level (evenly in decibels)."""
    heard = np.sum([source.samples for source in sources], axis=0)
    snr_db = rng.uniform(config.lowest_snr_db, config.highest_snr_db)
    power = np.mean(heard**2) / 10 ** (snr_db / 10)
    heard = heard + np.sqrt(power) * rng.standard_normal(heard.shape)
    peak = np.exp(rng.uniform(np.log(config.quietest_peak), np.log(config.loudest_peak)))
    heard = heard * (peak / (np.abs(heard).max() + 1e-12))
    return MovingSegment(
        heard.astype(np.float32),
        np.stack([source.directions for source in sources], axis=1),
        np.stack([source.active for source in sources], axis=1),
    )


def draw_path(rng: np.random.Generator, config: MovingSourcesConfig, room: ShoeboxRoom) -> np.ndarray:
    """Where a source is at every label step, inside the room: (frames + 1, 3) metres, array frame.

    Its azimuth turns at a constant speed, or not at all; nearer where the wall is in the way.
    """
    steps = np.arange(config.label_frames + 1) * config.label_hop_s
    speed = 0.0 if rng.random() < config.still_share else np.deg2rad(rng.uniform(0, config.fastest_deg_per_s))
    azimuth = wrap_angle(rng.uniform(-np.pi, np.pi) + rng.choice([-1, 1]) * speed * steps)
    elevation = np.deg2rad(rng.uniform(-config.highest_deg, config.highest_deg))
    towards = direction_from_angles(azimuth, elevation)
    distance = rng.uniform(config.nearest_m, config.farthest_m)
    free = np.array([_room_along(room, direction) for direction in towards])
    return towards * np.minimum(distance, free)[:, None]


def synthetic_voice(rng: np.random.Generator, samples: int, sample_rate_hz: int) -> np.ndarray:
    """Syllables of a harmonic tone and of noise, with pauses: not speech, but as broad and as patchy."""
    time = np.arange(samples) / sample_rate_hz
    pitch = rng.uniform(90, 240) * (1 + 0.1 * np.sin(2 * np.pi * rng.uniform(0.3, 1.5) * time + rng.uniform(0, 6)))
    phase = 2 * np.pi * np.cumsum(pitch) / sample_rate_hz
    tone = sum(np.sin(k * phase + rng.uniform(0, 6)) / k for k in range(1, 25))
    sound = tone + 0.4 * rng.standard_normal(samples)
    syllables = np.clip(np.sin(2 * np.pi * rng.uniform(3, 5) * time + rng.uniform(0, 6)) + 0.5, 0, 1)
    gate = np.repeat(_turns(rng, samples / sample_rate_hz), sample_rate_hz // 10)
    gate = np.resize(gate, samples).astype(float)
    return 0.1 * sound * syllables * gate + 1e-5 * rng.standard_normal(samples)


def _turns(rng: np.random.Generator, seconds: float) -> np.ndarray:
    """Speaks or not, per 0.1 s."""
    parts: list[np.ndarray] = []
    speaking = bool(rng.random() < 0.6)
    while sum(map(len, parts)) < seconds * 10 + 1:
        parts.append(np.full(int(rng.integers(5, 30 if speaking else 15)), speaking))
        speaking = not speaking
    return np.concatenate(parts)


def _room_along(room: ShoeboxRoom, direction: np.ndarray) -> float:
    """Metres from the array to the margin of the walls in a direction."""
    place, size = np.array(room.array_position_m), np.array(room.size_m)
    wall = np.where(direction > 0, size - WALL_MARGIN_M, WALL_MARGIN_M)
    with np.errstate(divide="ignore"):
        return float(np.min(np.where(np.abs(direction) > 1e-9, (wall - place) / direction, np.inf)))


def _triple(values: np.ndarray) -> tuple[float, float, float]:
    first, second, third = (round(float(value), 3) for value in values)
    return first, second, third
