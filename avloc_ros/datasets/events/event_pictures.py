"""The pictures of a recording, one per label frame, small enough to keep."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from avloc_ros.datasets.events.event_recording import EventRecording
from avloc_ros.sources.dcase_csv import FRAME_S
from avloc_ros.sources.video_file import video_file_info, video_images
from avloc_ros.types import InputError

STILLS = (".png", ".jpg", ".jpeg")


def read_pictures(path: Path, frames: int, width: int, height: int) -> np.ndarray:
    """uint8 (frames, height, width, 3) in RGB order: what a video shows when label frame k begins, or one still picture.

    A video that ends early keeps its last picture. Raises InputError where the file cannot be read.
    """
    pictures = np.zeros((frames, height, width, 3), np.uint8)
    if path.suffix.lower() in STILLS:
        image = cv2.imread(str(path), cv2.IMREAD_COLOR)
        if image is None:
            raise InputError(f"{path} is not a picture")
        pictures[:] = _shrunk(image, width, height)
        return pictures
    frame = 0
    for frame, image in _shown(path, frames):
        pictures[frame] = _shrunk(image, width, height)
    pictures[frame + 1 :] = pictures[frame]
    return pictures


def cached_pictures(
    recording: EventRecording, folder: Path, frames: int, width: int, height: int
) -> np.ndarray:
    """The same of a recording, read from a file in `folder` without loading it, made there at the first call.

    Raises InputError where the recording has no pictures.
    """
    if recording.pictures is None:
        raise InputError(f"recording {recording.name} has no pictures: train an audio-only system on it")
    source = hashlib.sha256(str(recording.pictures.resolve()).encode()).hexdigest()[:8]  # names repeat in other splits
    path = folder / f"{recording.name}_{source}_{width}x{height}.npy"
    if not path.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_suffix(".part.npy")
        np.save(unfinished, read_pictures(recording.pictures, frames, width, height))
        unfinished.rename(path)
    kept = np.load(path, mmap_mode="r")
    if len(kept) < frames:
        raise InputError(
            f"{path} holds {len(kept)} pictures, the sound lasts {frames}: delete the file to make it anew"
        )
    return kept


def _shown(path: Path, frames: int) -> Iterator[tuple[int, np.ndarray]]:
    """(label frame, BGR picture) of the pictures that are on the screen when a label frame begins."""
    fps = video_file_info(path).fps or 30.0
    wanted = 0
    for index, image in enumerate(video_images(path)):
        while wanted < frames and int(wanted * FRAME_S * fps + 1e-6) == index:
            yield wanted, image
            wanted += 1
        if wanted == frames:
            return


def _shrunk(image: np.ndarray, width: int, height: int) -> np.ndarray:
    return cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)[..., ::-1]
