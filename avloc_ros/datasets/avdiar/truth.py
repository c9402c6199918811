"""AVDIAR's ground truth: face boxes per frame, and turns in RTTM files."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from avloc_ros.types import InputError

START, DURATION, NAME = 3, 4, 7  # fields of an RTTM line, from 0
PERSON = re.compile(r"(\d+)$")  # the name of SPKR-INFO ends in -id


@dataclass(frozen=True)
class FaceBox:
    """A person's face in a frame, pixels of CAM1; frame and person as the file counts them."""

    frame: int
    person: int
    left_px: float
    top_px: float
    width_px: float
    height_px: float

    @property
    def centre(self) -> tuple[float, float]:
        """(u, v): half the width to the right of the left edge, half the height below the top."""
        return self.left_px + self.width_px / 2, self.top_px + self.height_px / 2


@dataclass(frozen=True)
class Turn:
    """Somebody speaks."""

    person: int
    start_s: float
    duration_s: float

    @property
    def end_s(self) -> float:
        return self.start_s + self.duration_s


def read_face_boxes(path: Path) -> tuple[FaceBox, ...]:
    """face_bb.txt: frame, person, left, top, width, height, by commas. Raises InputError naming file and line."""
    boxes = []
    for where, line in _lines(path):
        fields = line.split(",")
        if len(fields) < 6:
            raise InputError(f"{where}: {len(fields)} fields, need frame,person,left,top,width,height")
        numbers = _numbers(fields[:6], where)
        if not (numbers[0].is_integer() and numbers[1].is_integer() and numbers[0] >= 0):
            raise InputError(
                f"{where}: frame {fields[0]} and person {fields[1]} must be whole numbers from 0 on"
            )
        if numbers[4] <= 0 or numbers[5] <= 0:
            raise InputError(f"{where}: a face of {fields[4]}x{fields[5]} pixels")
        boxes.append(FaceBox(int(numbers[0]), int(numbers[1]), *numbers[2:]))
    return tuple(boxes)


def read_turns(path: Path) -> tuple[Turn, ...]:
    """speakers.rttm. A turn belongs to the number at the end of its own name, else to the SPKR-INFO line before it.

    Raises InputError naming file and line of a turn without times or person.
    """
    turns, introduced = [], None
    for where, line in _lines(path):
        fields = line.split()
        person = _person(fields)
        if fields[0] == "SPKR-INFO":
            if person is None:
                raise InputError(
                    f"{where}: field {NAME + 1} of SPKR-INFO must end in -<number of the person>"
                )
            introduced = person
            continue
        start_s, duration_s = _times(fields, where)
        person = introduced if person is None else person
        if person is None:
            raise InputError(
                f"{where}: whose turn is it? No name ends in a number, and no SPKR-INFO line stands before"
            )
        turns.append(Turn(person, start_s, duration_s))
    return tuple(turns)


def read_voice_activity(path: Path, frames: int, fps: float) -> np.ndarray:
    """vad.rttm as bool (frames,): whether anybody speaks in the middle of a frame."""
    middles_s = (np.arange(frames) + 0.5) / fps
    active = np.zeros(frames, bool)
    for where, line in _lines(path):
        fields = line.split()
        if fields[0] == "SPKR-INFO":
            continue
        start_s, duration_s = _times(fields, where)
        active |= (middles_s >= start_s) & (middles_s < start_s + duration_s)
    return active


def _lines(path: Path) -> Iterator[tuple[str, str]]:
    """(file and line for messages, text) of every line that is not blank."""
    if not path.is_file():
        raise InputError(f"no ground truth at {path}")
    for number, line in enumerate(path.read_text(encoding="utf-8-sig").splitlines(), 1):
        if line.strip():
            yield f"{path} line {number}", line.strip()


def _numbers(fields: list[str], where: str) -> list[float]:
    try:
        numbers = [float(field) for field in fields]
    except ValueError as error:
        raise InputError(f"{where}: {error}") from error
    if not np.all(np.isfinite(numbers)):
        raise InputError(f"{where}: {', '.join(fields)} are not all finite numbers")
    return numbers


def _times(fields: list[str], where: str) -> tuple[float, float]:
    if fields[0] not in ("SPEAKER", "SPEECH") or len(fields) <= DURATION:
        raise InputError(f"{where}: need SPEAKER or SPKR-INFO, with start and duration as fields 4 and 5")
    start_s, duration_s = _numbers([fields[START], fields[DURATION]], where)
    if start_s < 0 or duration_s < 0:
        raise InputError(f"{where}: a turn from {start_s:g} s that lasts {duration_s:g} s")
    return start_s, duration_s


def _person(fields: list[str]) -> int | None:
    match = PERSON.search(fields[NAME]) if len(fields) > NAME else None
    return int(match.group(1)) if match else None
