"""What a wearer's glasses recorded, and who spoke where in the picture: one form for EasyCom and for simulated scenes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from avloc_ros.features.inputs.image import reduced_picture
from avloc_ros.simulation.sound.clean_speech import resampled
from avloc_ros.sources.person_boxes import WEARER, PersonBox, box_mask
from avloc_ros.sources.scene import load_scene
from avloc_ros.sources.video_file import video_images
from avloc_ros.types import InputError


@dataclass(frozen=True)
class EgocentricRecording:
    """Sound, pictures and truth on one clock.

    samples float32 (samples, microphones); images uint8 (frames, rows, cols, 3) BGR, reduced; boxes: per frame, in
    pixels of picture_size (width, height) before the reduction; wearer_speaking bool (frames,).
    """

    name: str
    samples: np.ndarray
    sample_rate_hz: int
    fps: float
    images: np.ndarray
    picture_size: tuple[int, int]
    boxes: tuple[tuple[PersonBox, ...], ...]
    wearer_speaking: np.ndarray

    def __post_init__(self) -> None:
        if not len(self.images) == len(self.boxes) == len(self.wearer_speaking):
            raise InputError(
                f"recording {self.name}: {len(self.images)} pictures, {len(self.boxes)} frames of boxes, "
                f"{len(self.wearer_speaking)} of the wearer's activity"
            )

    @property
    def frames(self) -> int:
        return len(self.images)

    def mask(self, frame: int) -> np.ndarray:
        """1 where somebody's face speaks: uint8 (rows, cols) of the reduced picture."""
        return self.raster([box for box in self.boxes[frame] if box.speaking])

    def faces(self, frame: int) -> np.ndarray:
        """1 where anybody's face is: uint8 (rows, cols) of the reduced picture."""
        return self.raster(self.boxes[frame])

    def raster(self, boxes: Sequence[PersonBox]) -> np.ndarray:
        """1 inside boxes of this recording: uint8 (rows, cols) of the reduced picture."""
        rows, cols = self.images.shape[1:3]
        width, height = self.picture_size
        return box_mask(boxes, rows, cols, cols / width, rows / height)

    def has_speaker(self, frame: int) -> bool:
        """Whether any pixel of the picture belongs to a speaker."""
        return bool(self.mask(frame).any())


def reduced(images: Iterable[np.ndarray], rows: int, cols: int) -> np.ndarray:
    """Pictures of any size as uint8 (frames, rows, cols, 3)."""
    small = [reduced_picture(image, rows, cols) for image in images]
    return np.stack(small) if small else np.zeros((0, rows, cols, 3), np.uint8)


def reduced_on_disk(images: Iterable[np.ndarray], rows: int, cols: int, path: Path) -> np.ndarray:
    """The same, kept in a file and mapped into memory: hours of pictures do not fit there. Made where it is missing."""
    if not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(path.name + ".part")
        with part.open("wb") as file:
            for image in images:
                file.write(reduced_picture(image, rows, cols).tobytes())
        part.replace(path)
    frames = path.stat().st_size // (rows * cols * 3)
    if not frames:
        raise InputError(f"{path} holds no picture: delete it, and look at the video it was made from")
    return np.memmap(path, np.uint8, "r", shape=(frames, rows, cols, 3))


def recording_of_scene(folder: str | Path, rows: int, cols: int, sample_rate_hz: int = 16_000) -> EgocentricRecording:
    """A scene folder of a head-worn array (simulation.glasses.scene) as a recording.

    Raises InputError where it lacks sound or pictures.
    """
    scene = load_scene(folder)
    if scene.video_path is None or scene.video_info is None or scene.audio_path is None:
        raise InputError(f"scene {folder} needs sound and pictures")
    images = reduced(video_images(scene.video_path), rows, cols)
    boxes: list[list[PersonBox]] = [[] for _ in range(len(images))]
    wearer = np.zeros(len(images), bool)
    for row in scene.truth:
        if row.frame >= len(images):
            continue
        if row.speaker == WEARER:
            wearer[row.frame] |= row.speaking
        elif row.left_px is not None and row.top_px is not None:
            right, bottom = row.left_px + (row.width_px or 0), row.top_px + (row.height_px or 0)
            boxes[row.frame].append(
                PersonBox(row.speaker, row.left_px, row.top_px, right, bottom, row.speaking)
            )
    return EgocentricRecording(
        scene.name,
        resampled(scene.read_audio(), scene.sample_rate_hz, sample_rate_hz),
        sample_rate_hz,
        scene.fps,
        images,
        (scene.video_info.width, scene.video_info.height),
        tuple(tuple(frame) for frame in boxes),
        wearer,
    )


def recordings_under(
    paths: Iterable[Path], rows: int, cols: int, sample_rate_hz: int = 16_000
) -> list[EgocentricRecording]:
    """Every scene of `scene_folders`. Raises InputError where a path holds none."""
    return [recording_of_scene(folder, rows, cols, sample_rate_hz) for folder in scene_folders(paths)]


def scene_folders(paths: Iterable[Path]) -> list[Path]:
    """Every scene among the paths and in folders of scenes. Raises InputError where a path holds none."""
    found: list[Path] = []
    for path in paths:
        folders = [path] if (path / "scene.json").is_file() else sorted(p.parent for p in path.glob("*/scene.json"))
        if not folders:
            raise InputError(f"no scene in {path}: need scene.json there or one folder below")
        found += folders
    return found


def chosen_frames(
    recordings: Sequence[EgocentricRecording],
    *,
    speakers_only: bool,
    silent_per_speaker: float,
    rng: np.random.Generator,
) -> list[tuple[int, int]]:
    """(recording, frame) pairs to learn from, shuffled.

    speakers_only: frames with a speaker in the picture alone. silent_per_speaker: of the others at most so many for
    each of those, drawn at random (down-sampling of the majority); negative keeps all.
    """
    with_speaker: list[tuple[int, int]] = []
    without: list[tuple[int, int]] = []
    for number, recording in enumerate(recordings):
        for frame in range(recording.frames):
            (with_speaker if recording.has_speaker(frame) else without).append((number, frame))
    if speakers_only:
        without = []
    elif silent_per_speaker >= 0:
        keep = min(len(without), round(silent_per_speaker * len(with_speaker)))
        without = [without[k] for k in sorted(rng.permutation(len(without))[:keep])]
    together = with_speaker + without
    return [together[k] for k in rng.permutation(len(together))]


