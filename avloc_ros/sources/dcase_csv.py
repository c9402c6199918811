"""Sound events in the CSV form of DCASE Task 3: one row per event and 100 ms frame, read and written.

Fields: frame, class, source, then azimuth and elevation (5 fields), azimuth, elevation and distance (6), or x, y, z and
distance (7). Integers count from 0, azimuth is counter-clockwise (left is positive), degrees; distance in centimetres.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from avloc_ros.geometry import angles_from_direction, direction_from_angles
from avloc_ros.types import InputError

TRUTH_NAME = "truth_events.csv"  # beside the scene.json of a scene of sound events
FRAME_S = 0.1
CENTIMETRE_M = 0.01


@dataclass(frozen=True)
class EventRow:
    """One sound event in one label frame: array frame, degrees as in the file, distance_m None where unknown."""

    frame: int
    class_index: int
    source: int
    azimuth_deg: float
    elevation_deg: float
    distance_m: float | None = None

    @property
    def direction(self) -> np.ndarray:
        """Unit vector (3,), array frame."""
        return direction_from_angles(np.radians(self.azimuth_deg), np.radians(self.elevation_deg))

    @staticmethod
    def towards(
        frame: int, class_index: int, source: int, direction: np.ndarray, distance_m: float | None = None
    ) -> EventRow:
        """A row from a vector (3,) of any length above zero."""
        azimuth_rad, elevation_rad = angles_from_direction(direction)
        angles = float(np.degrees(azimuth_rad)), float(np.degrees(elevation_rad))
        return EventRow(frame, class_index, source, *angles, distance_m)


def directions_of(rows: Sequence[EventRow]) -> np.ndarray:
    """Unit vectors (rows, 3) of many rows, in one go: row by row it takes most of the time that a label takes."""
    angles_rad = np.radians([(row.azimuth_deg, row.elevation_deg) for row in rows]).reshape(-1, 2)
    return direction_from_angles(angles_rad[:, 0], angles_rad[:, 1])


def read_events(
    path: str | Path, classes: int | None = None, distance_unit_m: float = CENTIMETRE_M
) -> tuple[EventRow, ...]:
    """Rows of a DCASE CSV file, in its order. Raises InputError that names file, line and what is wrong.

    classes: how many there are, to reject indices beyond; distance_unit_m: what a distance of 1 in the file means.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"no event file at {path}")
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path} is not readable text: {error}") from error
    return parse_events(text, str(path), classes, distance_unit_m)


def parse_events(
    text: str, where: str = "events", classes: int | None = None, distance_unit_m: float = CENTIMETRE_M
) -> tuple[EventRow, ...]:
    """Rows of the text of a DCASE CSV; blank lines are passed over."""
    rows = []
    for line, fields in enumerate(csv.reader(io.StringIO(text)), start=1):
        if fields and any(field.strip() for field in fields):
            rows.append(_row(fields, f"{where}:{line}", classes, distance_unit_m))
    return tuple(rows)


def write_events(
    path: str | Path, rows: Iterable[EventRow], cartesian: bool = False, digits: int = 6
) -> None:
    """Write rows sorted by frame: 5 or 6 fields (polar), or 7 (Cartesian, distance 0 where unknown)."""
    ordered = sorted(rows, key=lambda row: row.frame)
    lines = [_text(row, cartesian, digits) for row in ordered]
    Path(path).write_text("".join(line + "\n" for line in lines), encoding="utf-8")


def _row(fields: list[str], where: str, classes: int | None, distance_unit_m: float) -> EventRow:
    if not 5 <= len(fields) <= 7:
        raise InputError(
            f"{where}: {len(fields)} fields, need 5 (frame, class, source, azimuth, elevation), 6 (and distance) or 7 "
            "(frame, class, source, x, y, z, distance)"
        )
    frame, class_index, source = (
        _index(text, name, where) for text, name in zip(fields, INDEX_NAMES, strict=False)
    )
    if classes is not None and class_index >= classes:
        raise InputError(f"{where}: class {class_index}, but there are {classes} classes, counted from 0")
    numbers = [_number(text, where) for text in fields[3:]]
    if len(fields) == 7:
        if not any(numbers[:3]):
            raise InputError(
                f"{where}: x, y, z are all zero, which is no direction: leave inactive events out"
            )
        return EventRow.towards(
            frame, class_index, source, np.array(numbers[:3]), _distance(numbers[3], distance_unit_m)
        )
    azimuth_deg, elevation_deg = numbers[:2]
    if not -360 <= azimuth_deg <= 360 or not -90 <= elevation_deg <= 90:
        raise InputError(
            f"{where}: azimuth {azimuth_deg:g}, elevation {elevation_deg:g}: degrees within -180..180 and -90..90 needed"
        )
    distance_m = _distance(numbers[2], distance_unit_m) if len(numbers) == 3 else None
    return EventRow(frame, class_index, source, azimuth_deg, elevation_deg, distance_m)


INDEX_NAMES = ("frame", "class", "source")


def _index(text: str, name: str, where: str) -> int:
    try:
        value = int(text)
    except ValueError:
        raise InputError(f"{where}: {name} is {text.strip()!r}, need a whole number") from None
    if (
        value < 0 and name != "source"
    ):  # trackers number what they invent downwards; the source plays no part in scores
        raise InputError(f"{where}: {name} is {value}, need 0 or more")
    return value


def _number(text: str, where: str) -> float:
    try:
        value = float(text)
    except ValueError:
        raise InputError(f"{where}: {text.strip()!r} is not a number") from None
    if not np.isfinite(value):
        raise InputError(f"{where}: {text.strip()} is not finite")
    return value


def _distance(value: float, unit_m: float) -> float | None:
    return value * unit_m if value > 0 else None  # the baselines write 0 where they do not estimate it


def _text(row: EventRow, cartesian: bool, digits: int) -> str:
    head = f"{row.frame},{row.class_index},{row.source}"
    distance = None if row.distance_m is None else f"{row.distance_m / CENTIMETRE_M:.{digits}g}"
    if cartesian:
        x, y, z = row.direction
        return f"{head},{x:.{digits}g},{y:.{digits}g},{z:.{digits}g},{distance or 0}"
    polar = f"{head},{row.azimuth_deg:.{digits}g},{row.elevation_deg:.{digits}g}"
    return polar if distance is None else f"{polar},{distance}"
