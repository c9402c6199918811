"""What is drawn for a batch of any-array examples: rooms, talkers, other sounds, noise; numbers only, on the CPU.

As in any_array_mix, with more that is hard: other sounds with nobody speaking, several talkers at once and near each other.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from avloc_ros.datasets.mixtures.any_array_mix import DIFFUSE_DB, LEVEL_SPREAD_DB
from avloc_ros.datasets.mixtures.room_bank import VOICES
from avloc_ros.datasets.mixtures.room_tensors import PLACES, RoomTensors
from avloc_ros.datasets.mixtures.sound_tensors import SoundTensors
from avloc_ros.datasets.mixtures.sounds import BLOCK, SYNTHETIC_SHARE
from avloc_ros.features.inputs.any_array_layout import HOPS, MOST_PAIRS
from avloc_ros.geometry import wrap_angle

MOST_TALKERS = 4
TALKER_SHARES = (0.16, 0.32, 0.28, 0.16, 0.08)  # how often nobody, one, two .. talk
NEAR_SHARE, NEAR_RAD = 0.4, (np.radians(20.0), np.radians(60.0))  # second talkers that stand this near to the first
WHOLE_TIME_SHARE = 0.6  # talkers who may speak all the time; the others have turns
OTHER_SHARES = (0.3, 0.5, 0.2)  # no, one, two other sounds
OTHER_SHARES_ALONE = (0.05, 0.55, 0.4)  # where nobody speaks
OTHER_SNR_DB = (-6.0, 18.0)  # talkers against each other sound
GENERATED_SHARE = 0.4  # of other sounds
BACKWARDS_SHARE = 0.25  # of other sounds
TWO_IN_ONE_SHARE = 0.25  # other sounds that are two recordings at one place
DIFFUSE_PLACES, BABBLE_SHARE = 4, 0.25
GROUPS = 4  # talkers, first and second other sound, what is diffuse: each has a level of its own
TALK, OTHER, DIFFUSE = 0, 1, 3
VOICE_COLOUR, OTHER_COLOUR = 0.3, 0.45  # largest pole and zero
PADDED_TO = 32  # entries: few sizes of transforms


@dataclass(frozen=True)
class Entries:
    """Sounds at places (entries,): the example, its group, the place in the room, whether only what is late is heard; which
    sound, from where on (samples), backwards or not; gate: samples (first, last) outside which it is silent; pole and
    zero of its colour; gain (0 for entries that only fill up).
    """

    example: np.ndarray
    group: np.ndarray
    place: np.ndarray
    late: np.ndarray
    sound: np.ndarray
    offset: np.ndarray
    backwards: np.ndarray
    gate: np.ndarray
    pole: np.ndarray
    zero: np.ndarray
    gain: np.ndarray


@dataclass(frozen=True)
class BatchDraw:
    """room (examples,); places (examples, MOST_TALKERS), -1: none; active bool (examples, MOST_TALKERS, frames);

    below_db (examples, GROUPS): of each group's level under the talkers', 0 for themselves; hiss_db (examples,);
    gains (examples, channels); pairs (examples, MOST_PAIRS, 2), and whether each is one (examples, MOST_PAIRS).
    """

    room: np.ndarray
    entries: Entries
    places: np.ndarray
    active: np.ndarray
    below_db: np.ndarray
    hiss_db: np.ndarray
    gains: np.ndarray
    pairs: np.ndarray
    is_pair: np.ndarray


def draw_batch(
    rng: np.random.Generator, sounds: SoundTensors, rooms: RoomTensors, examples: int, frames: int
) -> BatchDraw:
    """Draw examples in the rooms that there are so far."""
    room = rng.integers(rooms.count, size=examples)
    azimuths = np.arctan2(rooms.directions[room, :, 1], rooms.directions[room, :, 0])  # (examples, PLACES)
    count = rng.choice(MOST_TALKERS + 1, examples, p=TALKER_SHARES)
    places = np.where(np.arange(MOST_TALKERS) < count[:, None], _talker_places(rng, azimuths), -1)
    talk, active = _talk(rng, sounds, places, frames)
    parts = [talk, _others(rng, sounds, count), _diffuse(rng, sounds, examples)]
    below_db = np.stack(
        [np.zeros(examples), *rng.uniform(*OTHER_SNR_DB, (2, examples)), rng.uniform(*DIFFUSE_DB, examples)], axis=1
    )
    channels = rooms.positions_m.shape[1]
    gains = 10 ** (rng.normal(0, 0.7, (examples, channels)) / 20) * 10 ** (rng.uniform(-35, 0, (examples, 1)) / 20)
    pairs, is_pair = draw_pairs(rng, rooms.channels[room], channels)
    hiss_db = rng.uniform(30, 60, examples)
    return BatchDraw(room, _joined(parts), places, active, below_db, hiss_db, gains, pairs, is_pair)


def draw_pairs(rng: np.random.Generator, channels: np.ndarray, most: int) -> tuple[np.ndarray, np.ndarray]:
    """At most MOST_PAIRS of the pairs of each array's channels (arrays,): (arrays, MOST_PAIRS, 2), and which are any."""
    every = np.stack(np.triu_indices(most, 1), axis=1)  # (all pairs, 2)
    order = rng.random((len(channels), len(every))) + 2.0 * (every[:, 1] >= channels[:, None])
    chosen = every[np.argsort(order, axis=1)[:, :MOST_PAIRS]]
    return chosen, chosen[..., 1] < channels[:, None]


def _talker_places(rng: np.random.Generator, azimuths: np.ndarray) -> np.ndarray:
    """Places (examples, MOST_TALKERS) of talkers: in some examples those near the first one come before the others."""
    order = rng.random((len(azimuths), VOICES))
    first = order.argmin(1)
    apart = np.abs(wrap_angle(azimuths[:, :VOICES] - np.take_along_axis(azimuths, first[:, None], 1)))
    near = (apart > NEAR_RAD[0]) & (apart < NEAR_RAD[1]) & (rng.random((len(azimuths), 1)) < NEAR_SHARE)
    order = order - 1.0 * near
    order[np.arange(len(order)), first] = -2.0
    return np.argsort(order, axis=1)[:, :MOST_TALKERS]


def _talk(
    rng: np.random.Generator, sounds: SoundTensors, places: np.ndarray, frames: int
) -> tuple[Entries, np.ndarray]:
    example, slot = np.nonzero(places >= 0)
    blocks = frames * HOPS
    sound = _voices(rng, sounds, len(example))
    first = rng.integers(sounds.blocks[sound])
    start = np.where(rng.random(len(example)) < WHOLE_TIME_SHARE, 0, (rng.uniform(0, 0.7, len(example)) * blocks).astype(int))
    end = np.where(start == 0, blocks, start + (rng.uniform(0.2, 1.0, len(example)) * blocks).astype(int))
    inside = (np.arange(blocks) >= start[:, None]) & (np.arange(blocks) < end[:, None])
    speaks = sounds.speaks(sound, first, blocks) & inside  # (entries, blocks)
    active = np.zeros((*places.shape, frames), bool)
    active[example, slot] = speaks.reshape(-1, frames, HOPS).mean(2) >= 0.5
    gain = 10 ** (rng.uniform(-LEVEL_SPREAD_DB, LEVEL_SPREAD_DB, len(example)) / 20)
    gate = np.stack([start, end], axis=1) * BLOCK
    nowhere = np.zeros(len(example), bool)
    pole, zero = rng.uniform(-VOICE_COLOUR, VOICE_COLOUR, (2, len(example)))
    group = np.full(len(example), TALK)
    place, offset = places[example, slot], first * BLOCK
    return Entries(example, group, place, nowhere, sound, offset, nowhere, gate, pole, zero, gain), active


def _others(rng: np.random.Generator, sounds: SoundTensors, talkers: np.ndarray) -> Entries:
    """Other sounds, most of them at the places of other sounds; some are two recordings at once."""
    with_voice, alone = (rng.choice(3, len(talkers), p=p) for p in (OTHER_SHARES, OTHER_SHARES_ALONE))
    count = np.where(talkers > 0, with_voice, alone)
    example, slot = np.nonzero(np.arange(2) < count[:, None])
    apart = rng.random(len(example)) < 0.7
    place = np.where(apart, rng.integers(VOICES, PLACES, len(example)), rng.integers(0, VOICES, len(example)))
    doubled = rng.random(len(example)) < TWO_IN_ONE_SHARE
    example, slot, place = (np.concatenate([values, values[doubled]]) for values in (example, slot, place))
    made = rng.random(len(example)) < GENERATED_SHARE
    kinds = [sounds.others if len(sounds.others) else sounds.generated, sounds.generated]
    recorded, generated = (rng.choice(kind, len(example)) for kind in kinds)
    sound = np.where(made, generated, recorded)
    return _plain(rng, example, OTHER + slot, place, sound, sounds, backwards=BACKWARDS_SHARE)


def _diffuse(rng: np.random.Generator, sounds: SoundTensors, examples: int) -> Entries:
    """Noise or babble that has lost its direction: the late parts of a few responses."""
    example = np.repeat(np.arange(examples), DIFFUSE_PLACES)
    place = np.argsort(rng.random((examples, PLACES)), axis=1)[:, :DIFFUSE_PLACES].reshape(-1)
    babble = np.repeat(rng.random(examples) < BABBLE_SHARE, DIFFUSE_PLACES)
    sound = np.where(babble, _voices(rng, sounds, len(example)), sounds.noise)
    entries = _plain(rng, example, np.full(len(example), DIFFUSE), place, sound, sounds, late=True)
    entries.pole[:] = np.where(babble, entries.pole, rng.uniform(0.3, 0.97, len(example)))
    entries.gain[:] = np.where(babble, 1.0, 1 - entries.pole)
    return entries


def _plain(
    rng: np.random.Generator, example: np.ndarray, group: np.ndarray, place: np.ndarray, sound: np.ndarray,
    sounds: SoundTensors, *, backwards: float = 0.0, late: bool = False,
) -> Entries:  # fmt: skip
    count = len(example)
    pole, zero = rng.uniform(-OTHER_COLOUR, OTHER_COLOUR, (2, count))
    gate = np.tile([0, np.iinfo(np.int32).max], (count, 1))
    offset = rng.integers(sounds.length[sound])
    turned = rng.random(count) < backwards
    is_late = np.full(count, late)
    return Entries(example, group, place, is_late, sound, offset, turned, gate, pole, zero, np.ones(count))


def _voices(rng: np.random.Generator, sounds: SoundTensors, count: int) -> np.ndarray:
    """Numbers (count,) of voices, recorded and synthetic ones."""
    kinds = [kind if len(kind) else other for kind, other in (
        (sounds.voices, sounds.synthetic), (sounds.synthetic, sounds.voices)
    )]  # fmt: skip
    recorded, synthetic = (rng.choice(kind, count) for kind in kinds)
    return np.where(rng.random(count) < SYNTHETIC_SHARE, synthetic, recorded)


def _joined(parts: list[Entries]) -> Entries:
    """All entries, and as many silent ones as make their number even."""
    joined = {name: np.concatenate([getattr(part, name) for part in parts]) for name in Entries.__dataclass_fields__}
    missing = -len(joined["example"]) % PADDED_TO
    filled = {name: np.concatenate([values, np.repeat(values[:1], missing, axis=0)]) for name, values in joined.items()}
    filled["gain"][len(joined["gain"]) :] = 0.0
    return Entries(**filled)
