"""Dry sounds to train on: voices and other sounds from folders, synthetic voices, generated noises; speed and colour vary."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.signal import lfilter, resample_poly

from avloc_ros.datasets.mixtures.generated_sounds import generated_sound
from avloc_ros.simulation.sound.clean_speech import active_blocks, active_rms, resampled
from avloc_ros.simulation.sound.espeak import SyntheticVoice, speak
from avloc_ros.sources.audio_file import read_audio
from avloc_ros.types import InputError

RATE_HZ = 16000
BLOCK = RATE_HZ // 100  # of voice activity
SPEEDS = (85, 89, 93, 97, 100, 103, 107, 111, 115)  # percent
OTHER_SPEEDS = (60, 70, 80, 90, 100, 110, 120, 135, 150, 170)  # wider: few recordings stand for all cries and barks
GENERATED_SHARE = 0.35  # of other sounds
SYNTHETIC_SHARE = 0.2  # of voices
LANGUAGES = ("en-us", "de", "fr", "es", "it", "pl", "sv", "pt", "nl", "cs", "fi", "tr", "ru", "el", "hu", "id")
VARIANTS = ("m1", "m2", "m3", "m4", "m5", "m6", "m7", "f1", "f2", "f3", "f4", "f5", "croak", "whisper")
WORDS = (
    "anna banana solo mira tomato regata lumen porto kanal sirup fenomen dolor amet televisor musik papier hotel radio "
    "kamera problem materia internat familia natur paket mobil station doktor salat zentral"
).split()


@dataclass(frozen=True)
class Speech:
    """Clean speech (samples,) of active RMS 1 and whether each 10 ms block speaks (blocks,)."""

    samples: np.ndarray
    active: np.ndarray


class SoundLibrary:
    """All dry sounds of one split, held in memory at 16 kHz."""

    def __init__(self, voices: list[Path], others: list[Path], synthetic_voices: int, seed: int) -> None:
        """Raises InputError where there is no voice at all.

        voices, others and synthetic then are lists of sounds (samples,).
        """
        self.voices = [_mono(path) for path in voices]
        self.others = [_mono(path) for path in others]
        rng = np.random.default_rng([seed, 5])
        self.synthetic = [synthetic_speech(rng) for _ in range(synthetic_voices)]
        if not self.voices and not self.synthetic:
            raise InputError("no voices to train on: name a folder of speech, or let synthetic voices be made")

    def voice(self, rng: np.random.Generator) -> Speech:
        """A whole utterance, its speed and colour drawn."""
        synthetic = self.synthetic and (not self.voices or rng.random() < SYNTHETIC_SHARE)
        source = self.synthetic if synthetic else self.voices
        samples = coloured(rng, at_speed(rng, source[int(rng.integers(len(source)))]), 3.0)
        return Speech(samples / active_rms(samples, RATE_HZ), active_blocks(samples, RATE_HZ))

    def other(self, rng: np.random.Generator, length: int) -> np.ndarray:
        """Another sound (length,) of RMS 1 where it sounds, looped or cut."""
        if not self.others or rng.random() < GENERATED_SHARE:
            samples = generated_sound(rng, length, RATE_HZ)
        else:
            samples = at_speed(rng, self.others[int(rng.integers(len(self.others)))], OTHER_SPEEDS)
        samples = coloured(rng, samples, 4.0)
        first = int(rng.integers(max(1, len(samples) - length + 1)))
        cut = np.resize(samples[first : first + length], length)
        return cut / active_rms(cut, RATE_HZ)


def synthetic_speech(rng: np.random.Generator) -> np.ndarray:
    """About four seconds of drawn words by a drawn voice of espeak-ng (samples,)."""
    name = f"{rng.choice(LANGUAGES)}+{rng.choice(VARIANTS)}"
    voice = SyntheticVoice(name, int(rng.integers(15, 85)), int(rng.integers(120, 210)))
    samples, rate = speak(" ".join(rng.choice(WORDS, 9)), voice)
    return resampled(samples, rate, RATE_HZ)


def at_speed(
    rng: np.random.Generator, samples: np.ndarray, speeds_percent: Sequence[int] = SPEEDS
) -> np.ndarray:
    """Faster and higher, or slower and lower."""
    return resample_poly(samples, 100, int(rng.choice(speeds_percent))).astype(np.float32)


def coloured(rng: np.random.Generator, samples: np.ndarray, strength_db: float) -> np.ndarray:
    """Through a drawn gentle filter: one pole and one zero, as rooms, mouths and loudspeakers differ."""
    pole, zero = rng.uniform(-0.08, 0.08, 2) * strength_db
    return lfilter([1.0, zero], [1.0, -pole], samples).astype(np.float32)


def _mono(path: Path) -> np.ndarray:
    samples, rate = read_audio(path)
    mono = resampled(samples.mean(axis=1), rate, RATE_HZ)
    return mono / (np.abs(mono).max() + 1e-9)
