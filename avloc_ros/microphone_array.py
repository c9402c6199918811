"""The geometry of a microphone array: where each microphone is, in the array frame (REP-103: x forward, y left, z up; metres)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from avloc_ros.spelling import meant
from avloc_ros.types import InputError

SPEED_OF_SOUND_MPS = 343.0
ARRAY_FRAME = "microphone_array"  # unless an array names another
SAME_PLACE_M = 1e-4  # microphones nearer to each other are no two: the smallest capsules are a millimetre wide
ARRAY_KEYS = (  # of an array file; others are for people to read
    "positions_m", "mics_m", "channel_names", "channels", "sound_speed_mps", "name", "frame_id", "device_channels",
)  # fmt: skip


@dataclass(frozen=True)
class MicrophoneArray:
    """Positions (channels, 3) of the microphones in metres, array frame, one per audio channel.

    device_channels: which channels of the sound device are the microphones, from 0; empty: its first ones.
    """

    positions_m: np.ndarray
    channel_names: tuple[str, ...] = ()
    sound_speed_mps: float = SPEED_OF_SOUND_MPS
    name: str = "array"
    frame_id: str = ARRAY_FRAME
    device_channels: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        positions = np.asarray(self.positions_m, float)
        object.__setattr__(self, "positions_m", positions)
        if positions.ndim != 2 or positions.shape[1] != 3 or positions.shape[0] < 2:
            raise InputError(
                f"microphone array '{self.name}': positions have shape {positions.shape}, need (channels >= 2, 3) in metres"
            )
        if not np.all(np.isfinite(positions)):
            raise InputError(f"microphone array '{self.name}': positions must be finite metres")
        if np.ptp(positions, axis=0).max() > 20:
            raise InputError(f"microphone array '{self.name}' spans over 20 m: positions are metres, not millimetres")
        if not self.channel_names:
            object.__setattr__(self, "channel_names", tuple(f"mic{i}" for i in range(len(positions))))
        if len(self.channel_names) != len(positions):
            raise InputError(
                f"microphone array '{self.name}': {len(self.channel_names)} channel names for {len(positions)} positions"
            )
        if not (np.isfinite(self.sound_speed_mps) and 0 < self.sound_speed_mps < 10_000):
            raise InputError(f"microphone array '{self.name}': sound speed {self.sound_speed_mps} m/s; in air it is near 343")
        chosen = self.device_channels
        if chosen and (len(set(chosen)) != len(positions) or len(chosen) != len(positions) or min(chosen) < 0):
            raise InputError(
                f"microphone array '{self.name}': device_channels {list(chosen)} must name {len(positions)} different "
                "channels of the sound device, counted from 0"
            )

    @property
    def channels(self) -> int:
        return len(self.positions_m)

    @property
    def aperture_m(self) -> float:
        """Largest distance between two microphones."""
        return float(np.linalg.norm(self.positions_m[:, None] - self.positions_m[None], axis=-1).max())

    def require_apart(self) -> None:
        """Raises InputError where two microphones are at one place: no delay tells where their sound comes from.

        A first-order ambisonics microphone is such an array; what hears by delays cannot take it.
        """
        distances = np.linalg.norm(self.positions_m[:, None] - self.positions_m[None], axis=-1)  # (channels, channels)
        pairs = np.argwhere(np.triu(distances < SAME_PLACE_M, 1))
        if len(pairs):
            first, second = (self.channel_names[number] for number in pairs[0])
            raise InputError(f"microphone array '{self.name}': {first} and {second} are at the same place; measure positions_m")

    @staticmethod
    def from_mapping(array: dict[str, Any], name: str = "array") -> MicrophoneArray:
        """From a scene's `array` block, a config/arrays YAML, or a kit JSON (`positions_m` or `mics_m`).

        Raises InputError on values that do not fit, and on a key that looks like a slip of a known one.
        """
        for key in array.keys() - set(ARRAY_KEYS):
            close = meant(str(key), ARRAY_KEYS)
            if close:
                raise InputError(f"array '{name}' has a key '{key}': did you mean '{close}'?")
        positions = array.get("positions_m", array.get("mics_m"))
        if positions is None:
            raise InputError(f"array '{name}' has no positions_m: one [x, y, z] in metres per channel")
        try:
            positions = np.asarray(positions, float)
            device_channels = tuple(int(number) for number in array.get("device_channels", ()))
            sound_speed_mps = float(array.get("sound_speed_mps", SPEED_OF_SOUND_MPS))
        except (TypeError, ValueError) as error:
            raise InputError(
                f"array '{name}': positions_m, sound_speed_mps and device_channels must be numbers ({error})"
            ) from error
        return MicrophoneArray(
            positions,
            tuple(str(n) for n in array.get("channel_names", array.get("channels", ())) or ()),
            sound_speed_mps,
            str(array.get("name", name)),
            str(array.get("frame_id", ARRAY_FRAME)),
            device_channels,
        )

    def to_mapping(self) -> dict[str, Any]:
        """The `array` block of a scene, as from_mapping reads it."""
        content = {
            "name": self.name,
            "positions_m": self.positions_m.tolist(),
            "channel_names": list(self.channel_names),
            "sound_speed_mps": self.sound_speed_mps,
        }
        return content if self.frame_id == ARRAY_FRAME else content | {"frame_id": self.frame_id}

    @staticmethod
    def load(path: str | Path) -> MicrophoneArray:
        """Read a YAML or JSON geometry file. Raises InputError, naming the file, where it is missing or malformed."""
        path = Path(path)
        if not path.is_file():
            raise InputError(f"no microphone array file at {path}: `avloc arrays` lists the ones that are shipped")
        text = path.read_text(encoding="utf-8")
        try:
            content = json.loads(text) if path.suffix == ".json" else yaml.safe_load(text)
        except (ValueError, yaml.YAMLError) as error:
            raise InputError(f"{path} is not readable as {path.suffix or 'YAML'}: {error}") from error
        if not isinstance(content, dict):
            raise InputError(f"{path}: need a mapping with positions_m")
        return MicrophoneArray.from_mapping(content.get("array", content), path.stem)
