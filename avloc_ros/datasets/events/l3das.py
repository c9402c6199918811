"""L3DAS23 Task 2 as it lies on disk: simulated rooms, two FOA microphones, one picture per microphone position.

`L3DAS23_Task2_{train,dev}/data/splitX_ovN_Y_{A,B}.wav` (32 kHz), `.../labels/label_splitX_ovN_Y.csv` with a header and one
row per event: Start, End (seconds), Class, and where: X, Y, Z (metres; x forward, y left) or rho, theta, z (cylindrical,
theta in degrees, counter-clockwise). A CSV without header maps sounds to picture files.
"""

from __future__ import annotations

import csv
from functools import partial
from pathlib import Path

import numpy as np

from avloc_ros.datasets.events.event_recording import EventRecording
from avloc_ros.decode.event_classes import L3DAS_CLASSES
from avloc_ros.sources.dcase_csv import FRAME_S, EventRow
from avloc_ros.types import InputError

SPLITS = {"train": "train", "dev": "test"}


def l3das_recordings(
    root: str | Path, pictures: str | Path | None = None, picture_table: str | Path | None = None
) -> tuple[EventRecording, ...]:
    """All recordings below a folder that holds `L3DAS23_Task2_train` and / or `L3DAS23_Task2_dev`, sorted by name.

    pictures, picture_table: folder of the 512x512 pictures and the CSV that maps a sound to its picture.
    Raises InputError where the folder is not laid out so, and where a sound has no labels.
    """
    root = Path(root)
    table = _picture_table(picture_table) if picture_table is not None else {}
    found = []
    for folder_name, split in SPLITS.items():
        data = root / f"L3DAS23_Task2_{folder_name}" / "data"
        for sound in sorted(data.glob("*_A.wav")):
            found.append(_recording(sound, split, Path(pictures) if pictures is not None else None, table))
    if not found:
        raise InputError(
            f"{root} is not L3DAS23 Task 2: no L3DAS23_Task2_train/data or L3DAS23_Task2_dev/data with *_A.wav"
        )
    return tuple(found)


def read_labels(path: str | Path) -> tuple[EventRow, ...]:
    """Events in 100 ms frames; sources count the rows of the file. Raises InputError that names file, line and column."""
    path = Path(path)
    if not path.is_file():
        raise InputError(f"no label file at {path}")
    rows: list[EventRow] = []
    with path.open(newline="", encoding="utf-8-sig") as file:
        for source, fields in enumerate(csv.DictReader(file)):
            rows += _event(fields, source, f"{path}:{source + 2}")
    return tuple(sorted(rows, key=lambda row: row.frame))


def _recording(sound: Path, split: str, pictures: Path | None, table: dict[str, str]) -> EventRecording:
    name = sound.stem.removesuffix("_A")
    labels = sound.parent.parent / "labels" / f"label_{name}.csv"
    if not labels.is_file():
        raise InputError(f"{sound} has no labels at {labels}")
    second = sound.with_name(f"{name}_B.wav")
    picture = table.get(sound.name, table.get(sound.stem, table.get(name)))
    return EventRecording(
        name,
        sound,
        partial(read_labels, labels),
        split,
        pictures=pictures / picture if pictures is not None and picture is not None else None,
        microphones=(second,) if second.is_file() else (),
        classes=L3DAS_CLASSES,
    )


def _event(fields: dict[str, str], source: int, where: str) -> list[EventRow]:
    start_s, end_s = (_number(fields, name, where) for name in ("Start", "End"))
    class_name = (fields.get("Class") or "").strip().lower()
    if class_name not in L3DAS_CLASSES:
        raise InputError(f"{where}: class '{class_name}' is none of {', '.join(L3DAS_CLASSES)}")
    if end_s < start_s:
        raise InputError(f"{where}: the event ends at {end_s:g} s before it starts at {start_s:g} s")
    position_m = _position(fields, where)
    distance_m = float(np.linalg.norm(position_m))
    if distance_m == 0:
        raise InputError(f"{where}: the event is at the microphone, which is no direction")
    first, last = round(start_s / FRAME_S), round(end_s / FRAME_S)
    index = L3DAS_CLASSES.index(class_name)
    return [
        EventRow.towards(frame, index, source, position_m, distance_m) for frame in range(first, last + 1)
    ]


def _position(fields: dict[str, str], where: str) -> np.ndarray:
    if "rho" in fields:
        rho_m, theta_deg, z_m = (_number(fields, name, where) for name in ("rho", "theta", "z"))
        theta = np.radians(theta_deg)
        return np.array([rho_m * np.cos(theta), rho_m * np.sin(theta), z_m])
    return np.array([_number(fields, name, where) for name in ("X", "Y", "Z")])


def _number(fields: dict[str, str], name: str, where: str) -> float:
    text = fields.get(name)
    try:
        value = float(text) if text is not None else float("nan")
    except ValueError:
        value = float("nan")
    if not np.isfinite(value):
        raise InputError(f"{where}: column {name} is {text!r}, need a number")
    return value


def _picture_table(path: str | Path) -> dict[str, str]:
    path = Path(path)
    if not path.is_file():
        raise InputError(f"no picture table at {path}")
    with path.open(newline="", encoding="utf-8-sig") as file:
        return {fields[0]: fields[1] for fields in csv.reader(file) if len(fields) >= 2}
