"""What is true in a scene: truth.csv, one row per speaker and frame."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

from avloc_ros.types import InputError

COLUMNS = (
    "frame", "time_s", "speaker", "u_px", "v_px", "left_px", "top_px", "width_px", "height_px",
    "azimuth_rad", "elevation_rad", "distance_m", "speaking", "visible",
)  # fmt: skip
OPTIONAL = ("u_px", "v_px", "left_px", "top_px", "width_px", "height_px", "distance_m")


@dataclass(frozen=True)
class TruthRow:
    """One speaker in one frame. Pixels are None outside the picture, distance where unknown; angles: array frame.

    speaking: voice activity; visible: the face is in the picture and lit. extra: further columns, as text.
    """

    frame: int
    time_s: float
    speaker: str
    u_px: float | None
    v_px: float | None
    left_px: float | None
    top_px: float | None
    width_px: float | None
    height_px: float | None
    azimuth_rad: float
    elevation_rad: float
    distance_m: float | None
    speaking: bool
    visible: bool
    extra: dict[str, str] = field(default_factory=dict)

    @staticmethod
    def unseen(
        frame: int,
        fps: float,
        speaker: str,
        azimuth_rad: float,
        elevation_rad: float,
        distance_m: float | None,
        speaking: bool,
    ) -> TruthRow:
        """A speaker whose face is not in the picture."""
        face = (None, None, None, None, None, None)
        direction = (float(azimuth_rad), float(elevation_rad))
        return TruthRow(frame, frame / fps, speaker, *face, *direction, distance_m, speaking, visible=False)

    def with_face(self, box: Iterable[float], width: int, height: int, lit: bool = True) -> TruthRow:
        """The same with the face at box (left, top, width, height) of a picture; unchanged if its centre lies outside."""
        left, top, box_width, box_height = (float(x) for x in box)
        u, v = left + box_width / 2, top + box_height / 2
        if not (0 <= u < width and 0 <= v < height):
            return self
        return replace(
            self, u_px=u, v_px=v, left_px=left, top_px=top, width_px=box_width, height_px=box_height, visible=lit
        )

    @property
    def in_picture(self) -> bool:
        """The face centre is inside the picture, lit or not."""
        return self.u_px is not None and self.v_px is not None


def read_truth(path: str | Path) -> tuple[TruthRow, ...]:
    """Rows of a truth.csv. Raises InputError that names file, line and column."""
    path = Path(path)
    if not path.is_file():
        raise InputError(f"no truth file at {path}")
    return parse_truth(path.read_text(encoding="utf-8-sig"), str(path))


def parse_truth(text: str, where: str = "truth") -> tuple[TruthRow, ...]:
    """Rows of the text of a truth.csv."""
    reader = csv.DictReader(io.StringIO(text))
    missing = [name for name in COLUMNS if name not in (reader.fieldnames or ())]
    if missing:
        raise InputError(f"{where}: columns {', '.join(missing)} are missing; need {','.join(COLUMNS)}")
    return tuple(_row(line, f"{where} line {number}") for number, line in enumerate(reader, 2))


def write_truth(path: str | Path, rows: Iterable[TruthRow]) -> None:
    """Write truth.csv."""
    Path(path).write_text(format_truth(rows), encoding="utf-8")


def format_truth(rows: Iterable[TruthRow]) -> str:
    """The text of a truth.csv; floats as short as they read back to the same number within 1e-9."""
    rows = list(rows)
    extra = sorted({name for row in rows for name in row.extra})
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*COLUMNS, *extra])
    for row in rows:
        cells = [_cell(getattr(row, name)) for name in COLUMNS]
        writer.writerow([*cells, *(row.extra.get(name, "") for name in extra)])
    return text.getvalue()


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(int(value))
    return f"{float(value):.9g}" if isinstance(value, float) else str(value)


def _row(line: dict[str, str], where: str) -> TruthRow:
    try:
        return TruthRow(
            frame=int(line["frame"]),
            time_s=float(line["time_s"]),
            speaker=line["speaker"],
            azimuth_rad=float(line["azimuth_rad"]),
            elevation_rad=float(line["elevation_rad"]),
            speaking=_flag(line["speaking"]),
            visible=_flag(line["visible"]),
            extra={name: value or "" for name, value in line.items() if name and name not in COLUMNS},
            **{name: _optional(line[name]) for name in OPTIONAL},
        )
    except (TypeError, ValueError, AttributeError) as error:
        raise InputError(f"{where}: {error}; only {', '.join(OPTIONAL)} may be blank") from error


def _optional(text: str) -> float | None:
    return float(text) if text.strip() and text.strip().lower() != "nan" else None


def _flag(text: str) -> bool:
    if text.strip().lower() in ("1", "true"):
        return True
    if text.strip().lower() in ("0", "false"):
        return False
    raise ValueError(f"'{text}' is not 0 or 1")
