"""Scenes of sound events of one length as a few large arrays on disk, from which a GPU is fed.

A bank is a folder: bank.json, samples.npy int16 (scenes, label frames, samples per frame, 4), pictures.npy uint8
(scenes, looks, height, width, 3) in RGB, one look every `every` label frames, and truth.npy, the events of each label frame.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from avloc_ros.sources.dcase_csv import EventRow, directions_of
from avloc_ros.types import InputError

FULL_SCALE = 32767.0
AT_ONCE = 3  # events of one label frame that a bank keeps
TRUTH = np.dtype([("direction", "<f4", (AT_ONCE, 3)), ("class", "i1", (AT_ONCE,)), ("source", "i1", (AT_ONCE,))])


@dataclass(frozen=True)
class BankShape:
    """Sizes of a bank; room: how many scenes its files have places for, kept: the places that hold one."""

    room: int
    frames: int
    samples_per_frame: int
    looks: int
    every: int
    picture_height: int
    picture_width: int
    classes: int
    kept: tuple[int, ...] = ()

    def make(self, folder: Path) -> None:
        """Files of these sizes, all zeros. Raises InputError where there is a bank already."""
        if (folder / "samples.npy").exists():
            raise InputError(f"{folder} holds a bank already: name a new folder")
        folder.mkdir(parents=True, exist_ok=True)
        for name, dtype, size in self._files():
            np.lib.format.open_memmap(folder / name, "w+", dtype, (self.room, *size))
        self.write(folder)

    def write(self, folder: Path) -> None:
        """Note the sizes, and which scenes are whole."""
        unfinished = folder / "bank.json.part"
        unfinished.write_text(json.dumps(asdict(self)) + "\n", encoding="utf-8")
        unfinished.rename(folder / "bank.json")

    def _files(self) -> tuple[tuple[str, np.dtype, tuple[int, ...]], ...]:
        picture = (self.looks, self.picture_height, self.picture_width, 3)
        return (
            ("samples.npy", np.dtype(np.int16), (self.frames, self.samples_per_frame, 4)),
            ("pictures.npy", np.dtype(np.uint8), picture),
            ("truth.npy", TRUTH, (self.frames,)),
        )


class EventBank:
    """A bank that is open: arrays on disk, and which scenes they hold. writable: for those who make it.

    Raises InputError where there is none, or no whole scene in it to read.
    """

    def __init__(self, folder: Path, writable: bool = False) -> None:
        try:
            content = json.loads((folder / "bank.json").read_text(encoding="utf-8"))
        except OSError as error:
            raise InputError(f"{folder} holds no bank of scenes: {error}") from error
        self.shape = BankShape(**content | {"kept": tuple(content["kept"])})
        if not writable and not self.shape.kept:
            raise InputError(f"the bank in {folder} has no whole scene")
        mode: Literal["r+", "r"] = "r+" if writable else "r"
        self.samples, self.pictures, self.truth = (
            np.load(folder / name, mmap_mode=mode) for name in ("samples.npy", "pictures.npy", "truth.npy")
        )

    def put(self, scene: int, samples: np.ndarray, pictures: Sequence[np.ndarray], rows: Sequence[EventRow]) -> None:
        """One scene: samples int16 (n, 4), RGB pictures of its looks, and its events."""
        shape = self.shape
        self.samples[scene] = samples.reshape(shape.frames, shape.samples_per_frame, 4)
        if shape.looks:
            self.pictures[scene] = pictures
        self.truth[scene] = dense_truth(rows, shape.frames, shape.classes)


def dense_truth(rows: Sequence[EventRow], frames: int, classes: int) -> np.ndarray:
    """TRUTH (frames,) of events: unit directions, classes (`classes` where empty) and sources, in the order of the rows.

    Of more than AT_ONCE events of a frame the first are kept.
    """
    truth = np.zeros(frames, TRUTH)
    truth["class"] = classes
    filled = np.zeros(frames, int)
    for row, direction in zip(rows, directions_of(rows), strict=True):
        place = filled[row.frame] if row.frame < frames else AT_ONCE
        if place < AT_ONCE:
            truth["direction"][row.frame, place] = direction
            truth["class"][row.frame, place] = row.class_index
            truth["source"][row.frame, place] = row.source
            filled[row.frame] += 1
    return truth


