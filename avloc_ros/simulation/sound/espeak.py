"""Synthetic voices: espeak-ng, from the wheel `espeakng-loader`, called through ctypes into memory."""

from __future__ import annotations

import _ctypes
import contextlib
import ctypes
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from avloc_ros.types import InputError

SYNCHRONOUS_OUTPUT = 2  # constants of espeak-ng's speak_lib.h
PARAMETER_RATE, PARAMETER_PITCH = 1, 3
POSITION_IS_CHARACTER, UTF8 = 1, 1
RANDOM_SEED = 1
LONGEST_DATA_PATH = 120  # the library keeps its data path in a short buffer
_one_at_a_time = threading.Lock()  # the library has one state for the whole process
CALLBACK = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)


@dataclass(frozen=True)
class SyntheticVoice:
    """A voice of espeak-ng: language and variant ('en-us+f3'), pitch 0..99, words per minute."""

    name: str
    pitch: int = 50
    words_per_minute: int = 165


def speak(text: str, voice: SyntheticVoice) -> tuple[np.ndarray, int]:
    """The text as speech: float32 (samples,) in [-1, 1] and the rate in hertz. Raises InputError on an unknown voice.

    The same text and voice always give the same samples. The library is loaded anew for each text: what it has said before,
    and the time at which it was loaded, would else be heard in the noise and in the length of the next.
    """
    parts: list[np.ndarray] = []

    def receive(samples: Any, count: int, _: object) -> int:
        if samples and count > 0:
            parts.append(np.ctypeslib.as_array(samples, (count,)).copy())
        return 0

    callback = CALLBACK(receive)  # kept alive while the library may call it
    with _one_at_a_time, _library() as (library, rate):
        library.espeak_SetSynthCallback(callback)
        if library.espeak_SetVoiceByName(voice.name.encode()) != 0:
            raise InputError(f"espeak-ng has no voice '{voice.name}'")
        library.espeak_SetParameter(PARAMETER_PITCH, voice.pitch, 0)
        library.espeak_SetParameter(PARAMETER_RATE, voice.words_per_minute, 0)
        encoded = text.encode() + b"\0"
        library.espeak_Synth(encoded, len(encoded), 0, POSITION_IS_CHARACTER, 0, UTF8, None, None)
        library.espeak_Synchronize()
    if not parts:
        raise InputError(f"espeak-ng made no sound of '{text[:40]}'")
    return np.concatenate(parts).astype(np.float32) / 32768, rate


@contextlib.contextmanager
def _library() -> Iterator[tuple[ctypes.CDLL, int]]:
    """The library as if it had never been used, and its rate; it is unloaded at the end."""
    import espeakng_loader  # an extra: only the demo and simulated voices need it

    library = ctypes.CDLL(str(espeakng_loader.get_library_path()))
    try:
        with _short_path(Path(espeakng_loader.get_data_path())) as data:
            rate = int(library.espeak_Initialize(SYNCHRONOUS_OUTPUT, 0, str(data).encode(), 0))
            if rate <= 0:
                raise InputError(f"espeak-ng does not start with the data at {data}: reinstall espeakng-loader")
            if hasattr(library, "espeak_ng_SetRandSeed"):
                library.espeak_ng_SetRandSeed(ctypes.c_long(RANDOM_SEED))
            yield library, rate
    finally:
        library.espeak_Terminate()
        _ctypes.dlclose(library._handle)


@contextlib.contextmanager
def _short_path(folder: Path) -> Iterator[Path]:
    """The folder, or a link to it with a short path that lasts as long as the context."""
    if len(str(folder)) <= LONGEST_DATA_PATH:
        yield folder
        return
    with tempfile.TemporaryDirectory(prefix="espeak") as holder:
        link = Path(holder) / folder.name
        link.symlink_to(folder)
        yield link
