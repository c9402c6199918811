"""Measured room responses: what their file names say, and which of them a split may use."""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from avloc_ros.geometry import direction_from_angles, wrap_angle
from avloc_ros.sources.audio_file import read_audio
from avloc_ros.types import InputError

NAME = re.compile(r"^(?P<room>.+)_S(?:(?P<azimuth>\d{3})-(?P<distance>\d+)|(?P<corner>BG\d+))(?:_.*)?$")
SPLITS = ("train", "val", "test", "all")
ELEVATION_RAD = np.deg2rad(
    4.0
)  # height of the measured loudspeakers as seen from the array (the data kit, by SRP)


@dataclass(frozen=True)
class Response:
    """One measured response. azimuth_rad and distance_m are None for the corner sources (array frame, REP-103)."""

    path: Path
    room: str
    azimuth_rad: float | None
    distance_m: float | None
    corner: str | None = None
    elevation_rad: float = ELEVATION_RAD

    @property
    def name(self) -> str:
        return self.path.name


def position_m(response: Response) -> np.ndarray:
    """Where the source of a response stands, array frame (3,); at 1 m where the distance is not known."""
    return direction_from_angles(response.azimuth_rad or 0.0, response.elevation_rad) * (
        response.distance_m or 1.0
    )


def parse_response(path: Path) -> Response | None:
    """What the name `<room>_S<azimuth>-<cm>_...` or `<room>_SBG<n>_...` says; None for any other file.

    The label's azimuth runs clockwise seen from above, REP-103 counter-clockwise, so its sign turns here.
    """
    match = NAME.match(path.stem)
    if match is None:
        return None
    if match["corner"]:
        return Response(path, match["room"], None, None, match["corner"])
    azimuth = float(wrap_angle(np.deg2rad(-float(match["azimuth"]))))
    return Response(path, match["room"], azimuth, float(match["distance"]) / 100)


def find_responses(folder: Path) -> tuple[Response, ...]:
    """All responses of a folder, by name. Raises InputError where there is none."""
    files = sorted(p for p in folder.glob("*") if p.suffix in (".flac", ".wav")) if folder.is_dir() else []
    found = [response for response in map(parse_response, files) if response is not None]
    if not any(response.azimuth_rad is not None for response in found):
        raise InputError(
            f"no measured responses in {folder}: need files named <room>_S<azimuth>-<cm>_*.flac or .wav"
        )
    return tuple(found)


@functools.lru_cache(maxsize=64)
def read_response(path: Path) -> tuple[np.ndarray, int]:
    """float32 (frames, channels) and its rate in hertz."""
    return read_audio(path)


def rooms_of_split(responses: tuple[Response, ...], split: str) -> tuple[Response, ...]:
    """The responses one split may use: test has rooms of its own, train and val share rooms but not distances.

    `all` is everything, for what is only measured and never tuned.

    The sorted rooms go to the two halves in turn from the last on, so that both halves keep rooms with corner sources
    where several have them. Corner sources belong to their room.
    """
    _check_split(split)
    if split == "all":
        return responses
    rooms = sorted({response.room for response in responses})
    with_corners = [room for room in rooms if any(r.room == room and r.corner for r in responses)]
    test_rooms = set(with_corners[1::2]) | set([room for room in rooms if room not in with_corners][1::2])
    if len(rooms) < 2 or not test_rooms:
        raise InputError(f"responses of one room only ({', '.join(rooms)}): a test split needs a second room")
    if split == "test":
        return tuple(r for r in responses if r.room in test_rooms)
    known = [r for r in responses if r.room not in test_rooms]
    distances = sorted({r.distance_m for r in known if r.distance_m is not None})
    if len(distances) < 2:
        raise InputError(f"responses at {distances} m only: train and val need different distances")
    held_out = distances[len(distances) // 2]
    return tuple(r for r in known if r.corner or (r.distance_m == held_out) == (split == "val"))


def share_of_split(items: list[Path], split: str) -> list[Path]:
    """Every third of the sorted items: the splits are disjoint, and each has some of every kind."""
    _check_split(split)
    if split == "all":
        return sorted(items)
    return sorted(items)[{"test": 0, "val": 1, "train": 2}[split] :: 3]


def _check_split(split: str) -> None:
    if split not in SPLITS:
        raise InputError(f"split '{split}' is not known: take one of {', '.join(SPLITS)}")
