"""Examples for the any-array tracker, mixed as they are needed: talkers and other sounds in a room of the bank.

Everything is drawn: how many talk and when, from where, what else sounds and how loud, diffuse noise, the noise of the
microphones, their gains. Who talks stays where he is; turns jump between talkers as moving talkers would.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.signal import fftconvolve, lfilter

from avloc_ros.datasets.mixtures.room_bank import VOICES, RoomResponses
from avloc_ros.datasets.mixtures.sounds import BLOCK, RATE_HZ, SoundLibrary, Speech
from avloc_ros.features.inputs.any_array_layout import BANDS, FRAME_S, HIGHEST_HZ, HOP_S, HOPS, WINDOW_S
from avloc_ros.features.spectra.mel import RelativeLevels, mel_filters
from avloc_ros.features.spectra.stft import StreamingStft

WINDOW = round(WINDOW_S * RATE_HZ)
TALKERS = ((0, 0.08), (1, 0.36), (2, 0.32), (3, 0.18), (4, 0.06))  # how many, and how often
SOUND_SHARE = 0.6  # examples with another sound from a direction; half as many with two
SNR_DB = (-4.0, 20.0)  # talkers against each other sound
DIFFUSE_DB = (3.0, 40.0)
LEVEL_SPREAD_DB = 5.0
WHOLE_TIME_SHARE = 0.5  # talkers who may speak all the time; the others have turns


@dataclass(frozen=True)
class Mixture:
    """One example before analysis.

    samples: float32 (samples, channels); speech: (samples,), all talkers at channel 0; directions (talkers, 3);
    active: bool (talkers, frames).
    """

    samples: np.ndarray
    speech: np.ndarray
    directions: np.ndarray
    active: np.ndarray


@dataclass(frozen=True)
class Analysed:
    """One example as the networks take it.

    phases: complex64 (frames, HOPS, channels, bins), whitened; levels: float32 (frames * HOPS, BANDS); voice_share:
    float32 (frames * HOPS, BANDS), of the power; room: which of the bank.
    """

    phases: np.ndarray
    levels: np.ndarray
    voice_share: np.ndarray
    directions: np.ndarray
    active: np.ndarray
    room: int


@dataclass(frozen=True)
class MixDraws:
    """What mixtures hold: how many talk and how often, share of those with another sound, talkers against it in dB."""

    talkers: tuple[tuple[int, float], ...] = TALKERS
    sound_share: float = SOUND_SHARE
    snr_db: tuple[float, float] = SNR_DB


class Mixer:
    """Draws examples of one length from a library of sounds and a bank of rooms."""

    def __init__(
        self, library: SoundLibrary, rooms: list[RoomResponses], frames: int, draws: MixDraws | None = None
    ) -> None:
        self.library, self.rooms, self.frames, self.draws = library, rooms, frames, draws or MixDraws()
        self._stft = StreamingStft(RATE_HZ, FRAME_S, HOP_S, HIGHEST_HZ)
        self._filters = mel_filters(self._stft.frequencies_hz, BANDS)

    @property
    def frequencies_hz(self) -> np.ndarray:
        return self._stft.frequencies_hz

    def example(self, rng: np.random.Generator) -> Analysed:
        """Draw, mix and analyse one example."""
        index = int(rng.integers(len(self.rooms)))
        return self.analyse(self.mix(rng, self.rooms[index]), index)

    def mix(self, rng: np.random.Generator, room: RoomResponses) -> Mixture:
        """Draw and mix one example in a room."""
        length = self.frames * WINDOW
        count = int(rng.choice([n for n, _ in self.draws.talkers], p=[p for _, p in self.draws.talkers]))
        places = rng.permutation(VOICES)[:count]
        total = np.zeros((length, room.array.channels), np.float32)
        speech, active = np.zeros(length, np.float32), np.zeros((count, self.frames), bool)
        for number, place in enumerate(places):
            dry, blocks = _part(rng, self.library.voice(rng), length)
            wet = _heard(dry, room.responses[place], rng.uniform(-LEVEL_SPREAD_DB, LEVEL_SPREAD_DB))
            total += wet
            speech += wet[:, 0]
            active[number] = _per_frame(blocks, self.frames)
        level = np.sqrt(np.mean(total**2)) if count else 0.1
        for place in self._other_places(rng, room):
            snr_db = rng.uniform(*self.draws.snr_db)
            sound = self.library.other(rng, length)
            total += _at_level(_heard(sound, room.responses[place], 0.0), level * 10 ** (-snr_db / 20))
        total += _at_level(self._diffuse(rng, room, length), level * 10 ** (-rng.uniform(*DIFFUSE_DB) / 20))
        total += level * 10 ** (-rng.uniform(30, 60) / 20) * rng.standard_normal(total.shape).astype(np.float32)
        gains = 10 ** (rng.normal(0, 0.7, room.array.channels) / 20) * 10 ** (rng.uniform(-35, 0) / 20)
        scale = (gains / max(level, 1e-6) * 0.1).astype(np.float32)
        return Mixture(total * scale, speech * scale[0], room.directions[places], active)

    def analyse(self, mixture: Mixture, room: int) -> Analysed:
        """Spectra, levels and the share of voices, aligned as the live tracker aligns hops with windows."""
        hops = self.frames * HOPS
        # Window k completes the hops 4k - 3 .. 4k: three hops of silence stand before the first.
        lead = np.zeros((3 * round(HOP_S * RATE_HZ), mixture.samples.shape[1]), np.float32)
        spectra = self._stft.spectra(np.concatenate([lead, mixture.samples]), hops)  # (hops, channels, bins)
        speech = self._stft.spectra(np.concatenate([lead[:, 0], mixture.speech])[:, None], hops)[:, 0]
        power = spectra.real**2 + spectra.imag**2
        voice = (np.abs(speech) ** 2) @ self._filters  # (hops, bands)
        everything = power[:, 0] @ self._filters + 1e-12
        levels = RelativeLevels(self._filters, HOP_S)(power.mean(1))
        phases = spectra / (np.abs(spectra) + 1e-20)
        return Analysed(
            phases.reshape(self.frames, HOPS, *phases.shape[1:]),
            levels,
            np.clip(voice / everything, 0, 1).astype(np.float32),
            mixture.directions,
            mixture.active,
            room,
        )

    def _other_places(self, rng: np.random.Generator, room: RoomResponses) -> list[int]:
        draw = rng.random()
        share = self.draws.sound_share
        count = 0 if draw > share else 1 if draw > share / 3 else 2
        places = np.arange(VOICES, len(room.responses)) if rng.random() < 0.7 else np.arange(VOICES)
        return [int(place) for place in rng.permutation(places)[:count]]

    def _diffuse(self, rng: np.random.Generator, room: RoomResponses, length: int) -> np.ndarray:
        """Noise or babble that has lost its direction: the late parts of four responses."""
        total = np.zeros((length, room.array.channels), np.float32)
        babble = rng.random() < 0.25
        for place in rng.permutation(len(room.responses))[:4]:
            late = room.responses[place].astype(np.float32).copy()
            late[:, : int(np.argmax(np.abs(late[0]))) + 480] = 0.0
            if babble:
                dry = np.resize(self.library.voice(rng).samples, length)
            else:
                dry = lfilter([1.0], [1.0, -float(rng.uniform(0.3, 0.97))], rng.standard_normal(length))
            total += _heard(dry.astype(np.float32), late, 0.0)
        return total


def _part(rng: np.random.Generator, voice: Speech, length: int) -> tuple[np.ndarray, np.ndarray]:
    """An utterance laid into `length` samples: (length,), and activity per block."""
    blocks = length // BLOCK
    count = len(voice.active)
    repeats = int(np.ceil(2 * blocks / count)) + 1
    active = np.tile(voice.active, repeats)
    samples = np.tile(voice.samples[: count * BLOCK], repeats)
    first = int(rng.integers(0, count))
    active, samples = active[first : first + blocks].copy(), samples[first * BLOCK :][:length].copy()
    if rng.random() > WHOLE_TIME_SHARE:  # a turn: from here to there
        start = int(rng.uniform(0.0, 0.7) * blocks)
        end = start + int(rng.uniform(0.2, 1.0) * blocks)
        gate = np.zeros(blocks, bool)
        gate[start:end] = True
        active &= gate
        samples *= np.repeat(gate, BLOCK)
    return samples, active


def _heard(dry: np.ndarray, response: np.ndarray, gain_db: float) -> np.ndarray:
    """(samples, channels) of a sound through a response (channels, taps), scaled so that its RMS is that of the sound."""
    response = response.astype(np.float32)
    onset = max(0, int(np.argmax(np.abs(response[0]))) - 20)
    response = response[:, onset:] / np.sqrt(np.sum(response[0] ** 2) + 1e-12)
    wet = fftconvolve(dry[None], response, axes=1)[:, : len(dry)].T
    return (wet * 10 ** (gain_db / 20)).astype(np.float32)


def _at_level(sound: np.ndarray, level: float) -> np.ndarray:
    return sound * np.float32(level / max(float(np.sqrt(np.mean(sound**2))), 1e-9))


def _per_frame(blocks: np.ndarray, frames: int) -> np.ndarray:
    """Activity (frames,) where at least half of the four blocks are active."""
    return blocks[: frames * HOPS].reshape(frames, HOPS).mean(1) >= 0.5
