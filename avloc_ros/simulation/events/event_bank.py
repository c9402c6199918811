"""Simulates scenes of sound events into a bank for a GPU: by several processes, as many as a time allows, no file per scene."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np

from avloc_ros.decode.event_classes import STARSS_CLASSES
from avloc_ros.simulation.events.event_scene import (
    EventSceneConfig,
    draw_event_scene,
    render,
    scene_pictures,
    scene_random,
)
from avloc_ros.simulation.sound.clean_speech import resampled
from avloc_ros.sources.dcase_csv import FRAME_S
from avloc_ros.sources.event_bank import BankShape, EventBank

FULL_SCALE, CLIP_SCALE = 32767.0, 32768.0  # of what is made, and of what sound files hold
LOWEST_QUALITY, HIGHEST_QUALITY = 30, 90  # of the JPEG that stands for what a film does to pictures
_KEPT: dict[Path, tuple[dict[str, tuple[Path, ...]], dict[Path, tuple[np.ndarray, int]]]] = {}


@dataclass(frozen=True)
class BankWish:
    """What is simulated where. clips: an .npz of keep_clips, or None; until_s: of time.time(), when to begin no more scenes."""

    folder: Path
    scenes: EventSceneConfig
    seed: int
    clips: Path | None
    until_s: float
    every: int = 3


def make_bank(wish: BankWish, most: int, jobs: int, least: int = 1) -> int:
    """Simulate up to `most` scenes, and at least `least` whatever the time; how many there are."""
    frames = round(wish.scenes.duration_s / FRAME_S)
    width = wish.scenes.picture_width
    looks = -(-frames // wish.every) if width else 0
    per_frame = round(wish.scenes.sample_rate_hz * FRAME_S)
    shape = BankShape(most, frames, per_frame, looks, wish.every, width // 2, width, len(STARSS_CLASSES))
    shape.make(wish.folder)
    work = [(replace(wish, until_s=np.inf) if index < least else wish, index) for index in range(most)]
    if jobs == 1:
        done = [_make_one(item) for item in work]
    else:
        with multiprocessing.get_context("spawn").Pool(jobs) as pool:
            done = list(pool.imap_unordered(_make_one, work))
    kept = tuple(sorted(index for index in done if index is not None))
    replace(shape, kept=kept).write(wish.folder)
    return len(kept)


def keep_clips(clips: Mapping[str, tuple[Path, ...]], path: Path, most_s: float = 20.0) -> None:
    """Put sound files, by class, as int16 into one .npz that needs no reader of sound files; of longer ones the beginning."""
    from avloc_ros.sources.audio_file import read_mono

    arrays = {}
    for name, files in clips.items():
        for number, file in enumerate(files):
            samples, rate = read_mono(file)
            values = np.round(samples[: round(most_s * rate)] * CLIP_SCALE).astype(np.int16)
            arrays[f"{name}/{number:05d}/{rate}"] = values
    np.savez_compressed(path, **arrays)  # type: ignore[arg-type]


def _make_one(item: tuple[BankWish, int]) -> int | None:
    wish, index = item
    if time.time() > wish.until_s:
        return None
    classes, sounds = _clips(wish.clips)

    def read(path: Path, rate: int) -> np.ndarray:
        values, file_rate = sounds[path]
        return resampled(values / np.float32(CLIP_SCALE), file_rate, rate)

    random = scene_random(wish.seed, index)
    plan = draw_event_scene(wish.scenes, random, classes)
    audio = render(plan, wish.scenes, random, read)
    samples = np.clip(np.round(audio * FULL_SCALE), -FULL_SCALE, FULL_SCALE).astype(np.int16)
    pictures: list[np.ndarray] = []
    if wish.scenes.picture_width:
        quality = int(np.random.default_rng([wish.seed, index]).integers(LOWEST_QUALITY, HIGHEST_QUALITY))
        per_look = wish.every * FRAME_S * wish.scenes.picture_fps  # pictures from one look to the next
        for number, picture in enumerate(scene_pictures(plan, wish.scenes, random)):
            if number == round(len(pictures) * per_look):
                pictures.append(_as_filmed(picture, quality))
    EventBank(wish.folder, writable=True).put(index, samples, pictures, plan.rows())
    return index


def _as_filmed(picture: np.ndarray, quality: int) -> np.ndarray:
    """An RGB picture of a BGR one with the marks of compression."""
    coded = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    return np.asarray(cv2.imdecode(coded, cv2.IMREAD_COLOR))[..., ::-1]


def _clips(path: Path | None) -> tuple[dict[str, tuple[Path, ...]], dict[Path, tuple[np.ndarray, int]]]:
    """({class: names of clips}, {name: (int16 samples, rate)}), read once per process."""
    if path is None:
        return {}, {}
    if path not in _KEPT:
        classes: dict[str, list[Path]] = {}
        sounds = {}
        with np.load(path) as arrays:
            for key in sorted(arrays.files):
                name, _, rate = key.split("/")
                classes.setdefault(name, []).append(Path(key))
                sounds[Path(key)] = arrays[key], int(rate)
        _KEPT[path] = {name: tuple(keys) for name, keys in classes.items()}, sounds
    return _KEPT[path]
