"""What every audio tracker gives, and what it asks of the sound it is given."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from avloc_ros.geometry import CameraModel
from avloc_ros.microphone_array import MicrophoneArray
from avloc_ros.types import AudioWindow, InputError, SpeakerGrid


@dataclass(frozen=True)
class AudioGrids:
    """What the ear says about one window: grids, voice, and reasons in words where it cannot tell."""

    image: SpeakerGrid | None
    sphere: SpeakerGrid
    voice_probability: float
    reasons: tuple[str, ...] = ()


class AudioTracker(Protocol):
    """Audio windows in, speaker grids out; causal."""

    @property
    def array(self) -> MicrophoneArray:
        """The geometry that it listens with."""
        ...

    @property
    def camera(self) -> CameraModel | None:
        """The camera whose pixels the image grid is on; None: no image grid."""
        ...

    def step(self, window: AudioWindow) -> AudioGrids:
        """Grids of one window (frames, channels). Raises InputError on a wrong channel count or sample rate."""
        ...

    def set_array(self, array: MicrophoneArray) -> None:
        """Another geometry; what was heard is forgotten."""
        ...

    def set_camera(self, camera: CameraModel | None) -> None:
        """Another camera, picture size or mounting; None: no image grid."""
        ...

    def reset(self) -> None:
        """Forget what was heard."""
        ...

    @property
    def limits(self) -> tuple[str, ...]:
        """What the geometry cannot tell apart, in words."""
        ...


def check_window(window: AudioWindow, array: MicrophoneArray, sample_rate_hz: int) -> None:
    """Raises InputError where a window is not of this array or not at this rate."""
    if window.samples.ndim != 2 or window.samples.shape[1] != array.channels:
        raise InputError(
            f"audio has shape {window.samples.shape}, the array '{array.name}' has {array.channels} "
            "microphones: leave out channels that are no microphones, or give the right array_file"
        )
    if window.sample_rate_hz != sample_rate_hz:
        raise InputError(
            f"audio at {window.sample_rate_hz} Hz came to a tracker set up for {sample_rate_hz} Hz: "
            "set sample_rate_hz to what the source delivers"
        )
