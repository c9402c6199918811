"""One recording with sound events: where its sound, its pictures and its truth lie."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from avloc_ros.features.inputs.foa_encoder import FoaEncoder
from avloc_ros.microphone_array import MicrophoneArray
from avloc_ros.sources.dcase_csv import FRAME_S, EventRow
from avloc_ros.types import InputError

ENCODED_FFT = 1024  # as the small networks hear


@dataclass(frozen=True)
class EventRecording:
    """Sound, truth and pictures of one recording; files are read when asked for.

    split: train or test, as the data set says. pictures: a 360-degree video, one still picture, or None.
    microphones: further FOA files of the same sound (L3DAS23's second microphone). classes: the table that its events'
    classes are places in; empty: not told. array: microphones whose sound is encoded to FOA as it is read; None: it is not.
    """

    name: str
    audio: Path
    read_rows: Callable[[], tuple[EventRow, ...]]
    split: str
    room: str = ""
    pictures: Path | None = None
    microphones: tuple[Path, ...] = ()
    classes: tuple[str, ...] = ()
    array: MicrophoneArray | None = None

    def rows(self) -> tuple[EventRow, ...]:
        """The events. Raises InputError where the file is missing or malformed."""
        return self.read_rows()

    def samples(self, sample_rate_hz: int, channels: int = 4) -> np.ndarray:
        """float32 (n, channels), resampled where the file has another rate.

        Raises InputError on a file that does not fit, or an array that does not carry FOA.
        """
        samples, rate_hz = read_sound(self.audio)
        if self.array is not None:
            samples = FoaEncoder(self.array, rate_hz, ENCODED_FFT).of_samples(samples)
        if samples.shape[1] < channels:
            raise InputError(f"{self.audio} has {samples.shape[1]} channels, need {channels}")
        return resampled(samples[:, :channels], rate_hz, sample_rate_hz)

    def whole_frames(self) -> int:
        """How many label frames its sound lasts, without reading it. Raises InputError where there is none."""
        import soundfile

        if not self.audio.is_file():
            raise InputError(f"no sound file at {self.audio}")
        about = soundfile.info(str(self.audio))
        return self.label_frames(about.samplerate, about.frames)

    def label_frames(self, sample_rate_hz: int, samples: int) -> int:
        """How many label frames the sound lasts."""
        return int(samples / sample_rate_hz / FRAME_S + 1e-6)


def classes_of(recordings: Sequence[EventRecording]) -> tuple[str, ...]:
    """The table of classes of all recordings that tell one; empty where none does. Raises InputError where two differ."""
    first = next((recording for recording in recordings if recording.classes), None)
    if first is None:
        return ()
    for recording in recordings:
        if recording.classes and recording.classes != first.classes:
            raise InputError(
                f"recording {recording.name} has the classes {', '.join(recording.classes)}, {first.name} has "
                f"{', '.join(first.classes)}: one network learns one table"
            )
    return first.classes


def read_sound(path: Path) -> tuple[np.ndarray, int]:
    """(float32 (n, channels), sample rate) of a sound file. Raises InputError."""
    import soundfile

    if not path.is_file():
        raise InputError(f"no sound file at {path}")
    try:
        samples, rate_hz = soundfile.read(str(path), dtype="float32", always_2d=True)
    except (RuntimeError, soundfile.SoundFileError) as error:
        raise InputError(f"{path} is not a sound file: {error}") from error
    return samples, int(rate_hz)


def resampled(samples: np.ndarray, rate_hz: int, wanted_hz: int) -> np.ndarray:
    """Samples (n, channels) at another rate, by a polyphase filter."""
    if rate_hz == wanted_hz:
        return samples
    from scipy.signal import resample_poly

    divisor = int(np.gcd(rate_hz, wanted_hz))
    return resample_poly(samples, wanted_hz // divisor, rate_hz // divisor, axis=0).astype(np.float32)
