"""What av_seld and coloc have in common at run time: weights with a card, and the channels that they listen to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from avloc_ros.config import setting
from avloc_ros.decode.frame_event import EventsByFrame
from avloc_ros.features.inputs.foa_encoder import FoaEncoder, is_foa
from avloc_ros.features.spectra.centred_stft import centred_stft
from avloc_ros.microphone_array import MicrophoneArray
from avloc_ros.runtime.engines import OnnxEngine
from avloc_ros.types import InputError

KEEP_SHARE = 0.7  # of a network's own scores
FRAME_S = 0.1  # of one label frame, as in DCASE


@dataclass(frozen=True)
class EventNetworkConfig:
    """Which weights, where they run, and when something is an event."""

    weights: str = setting(
        "",
        "path of the .onnx file (coloc: of its folder), card beside it, or the name of shipped ones (av_seld_small: the best, "
        "with a 360-degree camera; av_seld_small_audio), or of own_sounds; empty: av_seld_baseline_small, the best without",
    )
    query: str = setting(
        "auto",
        "path of an .onnx file that is asked again what sounds where (direction_query), card beside it; auto: the shipped "
        "one beside shipped weights; none: what the network tells stands",
    )
    threshold: float = setting(0.0, "score from which an event begins; 0: the one that the card tells", low=0.0, high=1.0)
    keep_share: float = setting(
        0.0, "share of the threshold at which an event goes on; 0: .7, and .9 of what is asked again", low=0.0, high=1.0
    )
    device: str = setting("auto", "where to infer: auto, cpu, cuda, cuda:N, tensorrt")
    threads: int = setting(1, "threads of one run on the CPU", low=1, high=64)


class EventNetwork(Protocol):
    """One chunk of sound (and pictures) in, what sounds in each label frame out."""

    name: str
    classes: tuple[str, ...]
    frames: int  # label frames of a chunk
    sample_rate_hz: int
    channels: int
    picture_size: tuple[int, int] | None  # (width, height), None: it does not look
    on: float
    off: float

    @property
    def engines(self) -> tuple[OnnxEngine, ...]:
        """What runs it."""

    def events(self, samples: np.ndarray, pictures: np.ndarray | None, newest: int) -> EventsByFrame:
        """What sounds in the `newest` label frames of a chunk.

        samples float32 (n, channels), pictures float32 (frames, 3, height, width) RGB in [0, 1].
        """


class FoaSpectra:
    """Spectra (4, frames, bins) in order W, Y, Z, X of samples: as they are (array None), or encoded from an array.

    Two networks that hear the same way may share one: of the same chunk it makes them once. Raises InputError where the array
    does not carry FOA.
    """

    def __init__(self, sample_rate_hz: int, fft: tuple[int, int, int], array: MicrophoneArray | None) -> None:
        self._fft = fft  # length of FFT, window and hop
        self._made: tuple[np.ndarray, np.ndarray] | None = None  # the last chunk and its spectra
        self._encoder = None if array is None or is_foa(array) else FoaEncoder(array, sample_rate_hz, fft[0])
        self.channels = 4 if array is None else array.channels

    def __call__(self, samples: np.ndarray) -> np.ndarray:
        if samples.shape[1] != self.channels:
            raise InputError(f"sound with {samples.shape[1]} channels, need {self.channels}")
        if self._made is None or self._made[0] is not samples:
            spectra = centred_stft(samples, *self._fft)
            self._made = samples, spectra if self._encoder is None else self._encoder(spectra)
        return self._made[1]

    def hears_as(self, other: FoaSpectra) -> bool:
        """Whether another one makes the same of a chunk, given the same array."""
        return (self._fft, self.channels) == (other._fft, other.channels)
