"""Clean voices to train with: speech files of a folder, or espeak-ng where none are given."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from avloc_ros.simulation.kit import SOUND_SUFFIXES, files_below
from avloc_ros.simulation.sound.clean_speech import active_blocks, active_rms, resampled
from avloc_ros.simulation.sound.espeak import SyntheticVoice, speak
from avloc_ros.sources.audio_file import read_audio
from avloc_ros.types import InputError

BLOCKS_PER_S = 100  # of the voice activity
VALIDATION_EVERY = 8  # every 8th speaker of a folder validates
VARIANTS = ("f1", "f2", "f3", "f4", "m1", "m2", "m3", "m4", "m5", "m6")
VALIDATION_VARIANTS = ("f5", "m7")
WORDS = (
    "morning light falls over quiet hills while children carry bread and apples through narrow streets of the old town "
    "where seven brothers build a wooden bridge beyond every fence they know good songs about ships thunder and snow"
).split()


@dataclass(frozen=True)
class Voice:
    """Speech: float32 (samples,), loudness 1 while active, and whether it is active in each 10 ms."""

    samples: np.ndarray
    active: np.ndarray


def load_voices(
    folder: Path | None, sample_rate_hz: int, validation: bool, most: int, seed: int = 0
) -> list[Voice]:
    """Up to `most` voices of training, or of validation; of a folder, the two share no speaker.

    The speaker is the first part of a file's name, up to a hyphen. Raises InputError where a folder has too few.
    """
    if folder is None:
        return _spoken(sample_rate_hz, validation, most, seed)
    files = files_below(folder, SOUND_SUFFIXES)
    speakers = sorted({path.stem.split("-")[0] for path in files})
    held_out = set(speakers[::VALIDATION_EVERY])
    chosen = [path for path in files if (path.stem.split("-")[0] in held_out) == validation]
    if not chosen:
        raise InputError(f"{folder} has files of {len(speakers)} speakers, need at least 2")
    rng = np.random.default_rng([seed, validation])
    picked = rng.permutation(len(chosen))[:most]
    return [_voice(*_mono(chosen[index]), sample_rate_hz) for index in picked]


def _mono(path: Path) -> tuple[np.ndarray, int]:
    samples, rate = read_audio(path)
    return samples.mean(axis=1), rate


def _spoken(sample_rate_hz: int, validation: bool, most: int, seed: int) -> list[Voice]:
    rng = np.random.default_rng([seed, validation, 5])
    variants = VALIDATION_VARIANTS if validation else VARIANTS
    voices = []
    for index in range(most):
        name = f"en-us+{variants[index % len(variants)]}"
        voice = SyntheticVoice(name, int(rng.integers(25, 75)), int(rng.integers(140, 190)))
        voices.append(_voice(*speak(" ".join(rng.choice(WORDS, 14)), voice), sample_rate_hz))
    return voices


def _voice(samples: np.ndarray, from_hz: int, to_hz: int) -> Voice:
    samples = resampled(samples, from_hz, to_hz)
    return Voice((samples / active_rms(samples, to_hz)).astype(np.float32), active_blocks(samples, to_hz))
