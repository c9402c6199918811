"""Scenes of glasses as a few small files, for training far from the simulation: pictures, who sits where, who speaks.

What the glasses heard may be left out: simulation.glasses.batched_glasses makes new sound for the same people.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from avloc_ros.datasets.glasses.recording import EgocentricRecording, recording_of_scene
from avloc_ros.geometry import direction_from_angles
from avloc_ros.sources.person_boxes import WEARER
from avloc_ros.sources.scene import load_scene
from avloc_ros.sources.video_file import VideoWriter, video_images
from avloc_ros.types import InputError

MOST_PEOPLE = 5
SAMPLE_RATE_HZ = 16_000
FULL_SCALE = 32_767


@dataclass(frozen=True)
class GlassesFrames:
    """All frames of some scenes, one after the other.

    pictures uint8 (frames, rows, cols, 3) BGR; boxes float32 (frames, MOST_PEOPLE, 4): left, top, right, bottom in their
    pixels, all 0 where there is no face; speaking bool (frames, MOST_PEOPLE); wearer bool (frames,); places_m float32
    (scenes, MOST_PEOPLE, 3): where people sit, in the axes of the scene's first head, all 0 where there is nobody;
    rotations float32 (frames, 3, 3): from a frame's head to the first; scene int (frames,): ascending numbers.
    samples int16 (scenes, samples, microphones), padded with silence, or empty.
    """

    pictures: np.ndarray
    boxes: np.ndarray
    speaking: np.ndarray
    wearer: np.ndarray
    places_m: np.ndarray
    rotations: np.ndarray
    scene: np.ndarray
    samples: np.ndarray

    def __len__(self) -> int:
        return len(self.pictures)

    @property
    def first_frames(self) -> np.ndarray:
        """Where each scene begins: int (scenes,)."""
        return np.searchsorted(self.scene, np.arange(len(self.places_m)))


def pack_scenes(folders: Sequence[Path], out: Path, rows: int, cols: int, *, sound: bool, quality: int = 12) -> int:
    """Write `out`.npz and `out`.mp4 of scene folders; returns how many frames there are. quality: as VideoWriter counts."""
    if not folders:
        raise InputError(f"no scenes to pack into {out}")
    parts: dict[str, list[np.ndarray]] = {}
    with VideoWriter(out.with_suffix(".mp4"), (cols, rows), 20, quality=quality) as video:
        for number, folder in enumerate(folders):
            recording = recording_of_scene(folder, rows, cols, SAMPLE_RATE_HZ)
            for image in recording.images:
                video.write(image)
            for name, value in _packed(folder, recording, number, sound=sound).items():
                parts.setdefault(name, []).append(value)
    samples = _equally_long([part[None] for part in parts.pop("samples")])
    arrays: dict[str, Any] = {name: np.concatenate(values) for name, values in parts.items()}
    np.savez_compressed(out.with_suffix(".npz"), samples=samples, **arrays)
    return len(arrays["scene"])


def read_frames(path: Path) -> GlassesFrames:
    """What pack_scenes wrote at `path`, without an ending. Raises InputError where a file is missing or they do not fit."""
    table, video = path.with_suffix(".npz"), path.with_suffix(".mp4")
    if not table.is_file() or not video.is_file():
        raise InputError(f"no packed scenes at {path}: need {table.name} and {video.name} there")
    with np.load(table) as content:
        arrays = {name: content[name] for name in content.files}
    return GlassesFrames(_pictures(video, len(arrays["scene"])), **arrays)


def joined(parts: Sequence[GlassesFrames]) -> GlassesFrames:
    """Several packs as one. Raises InputError where only some of them have sound."""
    if len({part.samples.shape[1] > 0 for part in parts}) != 1:
        raise InputError("packs with and without sound cannot become one: need all of one kind, and at least one")
    first = np.cumsum([0, *(len(part.places_m) for part in parts)])
    names = ("pictures", "boxes", "speaking", "wearer", "places_m", "rotations")
    arrays = {name: np.concatenate([getattr(part, name) for part in parts]) for name in names}
    scene = np.concatenate([part.scene + start for part, start in zip(parts, first, strict=False)])
    return GlassesFrames(**arrays, scene=scene, samples=_equally_long([part.samples for part in parts]))


def turned_heads(directions: np.ndarray) -> np.ndarray:
    """Rotations (frames, 3, 3) from each frame's head to the first, from directions (frames, people, 3) of people who sit
    still (Kabsch 1976); at least two of them."""
    correlation = np.einsum("pi,fpj->fij", directions[0], directions)
    left, _, right = np.linalg.svd(correlation)
    signs = np.ones((len(directions), 3))
    signs[:, 2] = np.linalg.det(left @ right)
    return np.einsum("fij,fj,fjk->fik", left, signs, right)


def _pictures(video: Path, frames: int) -> np.ndarray:
    """All pictures in one array, into which they are read one by one: thousands of them twice would fill the memory."""
    pictures: np.ndarray | None = None
    count = 0
    for count, image in enumerate(video_images(video), 1):
        if pictures is None:
            pictures = np.empty((frames, *image.shape), np.uint8)
        if count <= frames:
            pictures[count - 1] = image
    if pictures is None or count != frames:
        raise InputError(f"{video} has {count} pictures, its table {frames}: pack the scenes again")
    return pictures


def _equally_long(sounds: Sequence[np.ndarray]) -> np.ndarray:
    """Sounds (scenes, samples, microphones) of several lengths as one, padded with silence."""
    longest = max(sound.shape[1] for sound in sounds)
    return np.concatenate([np.pad(sound, ((0, 0), (0, longest - sound.shape[1]), (0, 0))) for sound in sounds])


def _packed(folder: Path, recording: EgocentricRecording, number: int, *, sound: bool) -> dict[str, np.ndarray]:
    frames = recording.frames
    rows = [row for row in load_scene(folder).truth if row.speaker != WEARER and row.frame < frames]
    people = list(dict.fromkeys(row.speaker for row in rows))
    if not 2 <= len(people) <= MOST_PEOPLE:
        raise InputError(f"scene {folder} has {len(people)} people around the wearer: 2 to {MOST_PEOPLE} can be packed")
    directions, distance_m = np.zeros((frames, len(people), 3)), np.zeros(len(people))
    speaking, boxes = np.zeros((frames, MOST_PEOPLE), bool), np.zeros((frames, MOST_PEOPLE, 4), np.float32)
    for row in rows:
        person = people.index(row.speaker)
        directions[row.frame, person] = direction_from_angles(row.azimuth_rad, row.elevation_rad)
        distance_m[person] = row.distance_m or 0.0
        speaking[row.frame, person] = row.speaking
    height, width = recording.images.shape[1:3]
    scale = np.array([width, height] * 2) / np.array(recording.picture_size * 2)
    for frame in range(frames):
        for box in recording.boxes[frame]:
            boxes[frame, people.index(box.person)] = np.array([box.left, box.top, box.right, box.bottom]) * scale
    places_m = np.zeros((1, MOST_PEOPLE, 3), np.float32)
    places_m[0, : len(people)] = directions[0] * distance_m[:, None]
    heard = recording.samples[: round(frames / recording.fps * SAMPLE_RATE_HZ)] if sound else recording.samples[:0]
    return {
        "boxes": boxes,
        "speaking": speaking,
        "wearer": recording.wearer_speaking,
        "places_m": places_m,
        "rotations": turned_heads(directions).astype(np.float32),
        "scene": np.full(frames, number),
        "samples": np.round(heard * FULL_SCALE).clip(-FULL_SCALE, FULL_SCALE).astype(np.int16),
    }
