"""Sound files: read in blocks and write, as float32 (frames, channels)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from avloc_ros.types import InputError

# What soundfile calls the encodings of audio_encoding.
SOUNDFILE_SUBTYPES = {"S16LE": "PCM_16", "S24LE": "PCM_24", "S32LE": "PCM_32", "F32LE": "FLOAT"}


@dataclass(frozen=True)
class AudioFileInfo:
    """What a sound file holds; frames are samples per channel."""

    sample_rate_hz: int
    channels: int
    frames: int

    @property
    def duration_s(self) -> float:
        return self.frames / self.sample_rate_hz


def audio_file_info(path: str | Path) -> AudioFileInfo:
    """Rate, channels and length of a sound file. Raises InputError where it cannot be read."""
    with _open(path) as file:
        return AudioFileInfo(int(file.samplerate), int(file.channels), int(file.frames))


def read_audio(path: str | Path) -> tuple[np.ndarray, int]:
    """The whole file: float32 (frames, channels) and the sample rate in hertz."""
    with _open(path) as file:
        return file.read(dtype="float32", always_2d=True), int(file.samplerate)


def read_mono(path: str | Path) -> tuple[np.ndarray, int]:
    """The mean of all channels: float32 (frames,), and the sample rate in hertz."""
    samples, sample_rate_hz = read_audio(path)
    return samples.mean(axis=1, dtype=np.float32), sample_rate_hz


def audio_blocks(path: str | Path, frames: int) -> Iterator[np.ndarray]:
    """Blocks of float32 (frames, channels), the last one shorter."""
    with _open(path) as file:
        while True:
            block = file.read(frames, dtype="float32", always_2d=True)
            if not len(block):
                return
            yield block


def write_audio(path: str | Path, samples: np.ndarray, sample_rate_hz: int, encoding: str = "S16LE") -> None:
    """Write float (frames, channels) as wav in one of S16LE, S24LE, S32LE, F32LE."""
    if encoding not in SOUNDFILE_SUBTYPES:
        raise InputError(
            f"{path}: encoding '{encoding}' is not known: take one of {', '.join(SOUNDFILE_SUBTYPES)}"
        )
    _soundfile().write(
        str(path), np.asarray(samples), int(sample_rate_hz), subtype=SOUNDFILE_SUBTYPES[encoding]
    )


def _soundfile() -> Any:
    try:
        import soundfile  # an extra: a robot that only listens to topics needs no sound files
    except (ImportError, OSError) as error:
        raise InputError(
            f"sound files need the package soundfile: pip install soundfile ({error})"
        ) from error
    return soundfile


def _open(path: str | Path) -> Any:
    soundfile = _soundfile()
    if not Path(path).is_file():
        raise InputError(f"no sound file at {path}")
    try:
        return soundfile.SoundFile(str(path))
    except (soundfile.SoundFileError, RuntimeError) as error:
        raise InputError(f"{path} is not a sound file that can be read: {error}") from error
