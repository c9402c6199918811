"""What the microphones on a turning head hear: people in a room, the wearer's own voice, a restaurant around."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from scipy.signal import fftconvolve, lfilter

from avloc_ros.simulation.glasses.head_motion import HeadMotion
from avloc_ros.simulation.glasses.head_shadow import shadowed
from avloc_ros.simulation.sound.moving_sound import ShoeboxRoom
from avloc_ros.simulation.sound.sound_stage import endless, place

HOP_S = 0.1
MOUTH_M = np.array([0.02, 0.0, -0.085])  # from the bridge of the nose, in the head's frame
BABBLE_VOICES = 3


def heard_by_turning_head(
    dry: np.ndarray,
    source_m: np.ndarray,
    motion: HeadMotion,
    room: ShoeboxRoom,
    microphones_m: np.ndarray,
    sample_rate_hz: int,
    *,
    shadow: bool,
) -> np.ndarray:
    """A source that stands still in the room, heard by microphones that turn: (samples, channels).

    dry (samples,); source_m (3,): room's axes, from the head. Cut into overlapping pieces under triangular windows
    that add up to one, each through the response of its own moment, as for sources that move.
    """
    hop = round(HOP_S * sample_rate_hz)
    window = 1 - np.abs(np.arange(-hop, hop) + 0.5) / hop
    padded = np.concatenate([np.zeros(hop), dry, np.zeros(2 * hop)])
    heard = np.zeros((len(padded) + sample_rate_hz, len(microphones_m)))
    for number in range(len(dry) // hop + 2):  # piece `number` is centred at number * hop
        piece = padded[number * hop : (number + 2) * hop] * window
        if np.abs(piece).max() < 1e-6:
            continue
        rotation = motion.rotation(number * HOP_S)
        response = room.responses(microphones_m @ rotation.T, source_m[None], sample_rate_hz)[0]
        if shadow:
            response = shadowed(response, microphones_m, rotation.T @ source_m, sample_rate_hz)
        wet = fftconvolve(piece[:, None], response, axes=0)[: len(heard) - number * hop]
        heard[number * hop : number * hop + len(wet)] += wet
    return heard[hop : hop + len(dry)]


def heard_own_voice(
    dry: np.ndarray, room: ShoeboxRoom, microphones_m: np.ndarray, sample_rate_hz: int
) -> np.ndarray:
    """The wearer's voice from the mouth, which turns with the microphones: (samples, channels). No shadow: it is near."""
    return place(dry, room.responses(microphones_m, MOUTH_M[None], sample_rate_hz)[0])


def restaurant(
    rng: np.random.Generator,
    voice_of: Callable[[np.random.Generator], np.ndarray],
    places_m: np.ndarray,
    room: ShoeboxRoom,
    microphones_m: np.ndarray,
    samples: int,
    sample_rate_hz: int,
) -> np.ndarray:
    """Babble and clatter from places (places, 3) in the room, heard with the head straight: (samples, channels)."""
    responses = room.responses(microphones_m, places_m, sample_rate_hz)
    heard = np.zeros((samples, len(microphones_m)))
    for response in responses:
        table = sum(
            _levelled(endless(rng, voice_of(rng), samples, (0.05, 0.5), sample_rate_hz))
            for _ in range(BABBLE_VOICES)
        )
        heard += place(table + 0.5 * _clatter(rng, samples, sample_rate_hz), response)
    return heard


def mixed(
    rng: np.random.Generator,
    people: np.ndarray,
    own: np.ndarray,
    heard: np.ndarray,
    noise: np.ndarray | None,
    snr_db: float,
) -> np.ndarray:
    """Everything together, float32 (samples, channels), with `snr_db` between the people around and the noise.

    heard: bool (samples,), where anybody but the wearer speaks; the wearer's own voice, which is far louder, does not
    count.
    """
    speech = float(np.mean(people[heard] ** 2)) if heard.any() else float(np.mean(own**2)) * 1e-2 + 1e-12
    total = people + own
    if noise is not None:
        total = total + noise * np.sqrt(speech / 10 ** (snr_db / 10) / (np.mean(noise**2) + 1e-20))
    total = total + np.sqrt(speech) * 1e-3 * rng.standard_normal(total.shape)
    return (total * (rng.uniform(0.4, 0.9) / (np.abs(total).max() + 1e-12))).astype(np.float32)


def draw_tables(rng: np.random.Generator, room: ShoeboxRoom, count: int) -> np.ndarray:
    """Places (count, 3) of other guests, at least 1.5 m away where the room allows it."""
    size, head = np.array(room.size_m), np.array(room.array_position_m)
    places: list[np.ndarray] = []
    for attempt in range(10_000):
        candidate = rng.uniform([0.3, 0.3, 0.8], size - [0.3, 0.3, 0.8])
        if np.linalg.norm(candidate - head) > 1.5 or attempt > 9_000:
            places.append(candidate - head)
        if len(places) == count:
            break
    return np.array(places)


def active_samples(speaking: Sequence[np.ndarray], samples: int, sample_rate_hz: int, fps: float) -> np.ndarray:
    """Whether anybody of speaking, bool (frames,) each, speaks: bool (samples,)."""
    anybody = np.any(speaking, axis=0)
    frame = np.minimum((np.arange(samples) * fps / sample_rate_hz).astype(int), len(anybody) - 1)
    return anybody[frame]


def _levelled(track: np.ndarray) -> np.ndarray:
    return track / (np.sqrt(np.mean(track**2)) + 1e-9)


def _clatter(rng: np.random.Generator, samples: int, sample_rate_hz: int) -> np.ndarray:
    """Cutlery on plates: short ringing strokes."""
    strokes = np.zeros(samples)
    at = rng.integers(samples, size=max(1, round(samples / sample_rate_hz * 1.5)))
    strokes[at] = rng.uniform(3, 12, len(at))
    pitch = 2 * np.pi * rng.uniform(2500, 5500) / sample_rate_hz
    decay = np.exp(-1 / (0.02 * sample_rate_hz))
    return lfilter([1.0], [1.0, -2 * decay * np.cos(pitch), decay**2], strokes)
