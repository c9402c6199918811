"""EasyCom on disk: conversations in noise, seen and heard from a pair of glasses (docs/papers.md: asl_unet).

    Main/Video_Compressed/Session_N/mm-ss-SSS.mp4       and likewise, with its own suffix,
    Glasses_Microphone_Array_Audio (wav), Face_Bounding_Boxes, Head_Bounding_Boxes, Speech_Transcriptions (json)
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from avloc_ros.config import setting
from avloc_ros.datasets.glasses.recording import EgocentricRecording, reduced, reduced_on_disk
from avloc_ros.simulation.sound.clean_speech import resampled
from avloc_ros.sources.audio_file import read_audio
from avloc_ros.sources.person_boxes import PersonBox
from avloc_ros.sources.video_file import video_images
from avloc_ros.types import InputError

FPS = 20.0
PICTURE_SIZE = (1920, 1080)  # width, height
WEARER_PARTICIPANT = 2
SPLITS = {"train": (1, 2, 3, 5, 6, 7, 8, 9), "val": (4, 12), "test": (10, 11)}
VIDEO, AUDIO = "Video_Compressed", "Glasses_Microphone_Array_Audio"
BOXES = {"face": ("Face_Bounding_Boxes", 1), "head": ("Head_Bounding_Boxes", 0)}  # folder, number of the first frame
ACTIVITY_FOLDERS = ("Voice_Activity", "Speech_Transcriptions")  # whichever is there; both say who speaks when

Box = tuple[int, float, float, float, float]  # participant, x1, y1, x2, y2 in pixels


@dataclass(frozen=True)
class EasyComConfig:
    """How recordings are read."""

    rows: int = setting(360, "height that pictures are reduced to, pixels", low=16)
    cols: int = setting(640, "width that pictures are reduced to, pixels", low=16)
    sample_rate_hz: int = setting(16_000, "rate that the sound (48 kHz) is brought to, Hz", low=8000)
    boxes: str = setting("face", "which boxes are a speaker's mask", choices=tuple(BOXES))
    activity_first_frame: int = setting(1, "number that voice activity gives the first frame", low=0, high=1)


@dataclass(frozen=True)
class EasyComName:
    """One recording: its session's number and the stem of its files."""

    session: int
    stem: str

    def path(self, root: Path, kind: str, suffix: str) -> Path:
        """Its file of one kind."""
        return root / "Main" / kind / f"Session_{self.session}" / f"{self.stem}{suffix}"


def easycom_recordings(root: Path, split: str) -> list[EasyComName]:
    """All recordings of a split that have a video, in order. Raises InputError where there is none."""
    if split not in SPLITS:
        raise InputError(f"EasyCom split '{split}' is not known: take one of {', '.join(SPLITS)}")
    found = [
        EasyComName(session, path.stem)
        for session in SPLITS[split]
        for path in sorted((root / "Main" / VIDEO / f"Session_{session}").glob("*.mp4"))
    ]
    if not found:
        sessions = ", ".join(map(str, SPLITS[split]))
        raise InputError(f"no EasyCom videos of sessions {sessions} under {root / 'Main' / VIDEO}")
    return found


def read_easycom(
    root: Path, name: EasyComName, config: EasyComConfig | None = None, cache: Path | None = None
) -> EgocentricRecording:
    """Read one recording. cache: folder that keeps the reduced pictures; None keeps them in memory.

    Raises InputError that names the file, and the entry, where something is wrong with it.
    """
    config = config or EasyComConfig()
    rows, cols, pictures = config.rows, config.cols, _pictures(name.path(root, VIDEO, ".mp4"))
    if cache is None:
        images = reduced(pictures, rows, cols)
    else:
        kept = cache / f"session{name.session}_{name.stem}_{rows}x{cols}.bgr"
        images = reduced_on_disk(pictures, rows, cols, kept)
    samples, rate = read_audio(name.path(root, AUDIO, ".wav"))
    folder, first_frame = BOXES[config.boxes]
    boxes = read_boxes(name.path(root, folder, ".json"), first_frame)
    speaking = read_activity(_activity_file(root, name), config.activity_first_frame, len(images))
    return EgocentricRecording(
        f"session{name.session}_{name.stem}",
        resampled(samples, rate, config.sample_rate_hz),
        config.sample_rate_hz,
        FPS,
        images,
        PICTURE_SIZE,
        tuple(_people(boxes.get(frame, ()), speaking, frame) for frame in range(len(images))),
        speaking.get(WEARER_PARTICIPANT, np.zeros(len(images), bool)),
    )


def read_boxes(path: Path, first_frame: int) -> dict[int, tuple[Box, ...]]:
    """Boxes per frame, counted from 0. A frame's Participants are a list, or one alone without the list."""
    found: dict[int, tuple[Box, ...]] = {}
    for number, entry in enumerate(_read_list(path)):
        try:
            people = entry["Participants"]
            people = [people] if isinstance(people, dict) else people
            frame = int(entry["Frame_Number"]) - first_frame
            boxes = tuple(
                (int(p["Participant_ID"]), float(p["x1"]), float(p["y1"]), float(p["x2"]), float(p["y2"]))
                for p in people or ()
            )
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(f"{path} entry {number}: {error!r}; need Frame_Number and Participants") from error
        if frame < 0:
            raise InputError(f"{path} entry {number}: frame {frame + first_frame}, but frames start at {first_frame}")
        found[frame] = found.get(frame, ()) + boxes
    return found


def read_activity(path: Path, first_frame: int, frames: int) -> dict[int, np.ndarray]:
    """Who speaks in which frame: participant -> bool (frames,). Both ends of an utterance belong to it."""
    found: dict[int, np.ndarray] = {}
    for number, entry in enumerate(_read_list(path)):
        try:
            participant = int(entry["Participant_ID"])
            start, end = int(entry["Start_Frame"]) - first_frame, int(entry["End_Frame"]) - first_frame
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(
                f"{path} entry {number}: {error!r}; need Start_Frame, End_Frame and Participant_ID"
            ) from error
        found.setdefault(participant, np.zeros(frames, bool))[max(0, start) : max(0, end + 1)] = True
    return found


def _people(boxes: Iterable[Box], speaking: dict[int, np.ndarray], frame: int) -> tuple[PersonBox, ...]:
    return tuple(
        PersonBox(str(person), x1, y1, x2, y2, person in speaking and bool(speaking[person][frame]))
        for person, x1, y1, x2, y2 in boxes
        if person != WEARER_PARTICIPANT  # a mirror, or a mistake: the camera sits on him
    )


def _pictures(path: Path) -> Iterator[np.ndarray]:
    """Pictures without the banner that session 8 carries on the left."""
    for image in video_images(path):
        yield image[:, -PICTURE_SIZE[0] :]


def _activity_file(root: Path, name: EasyComName) -> Path:
    paths = [name.path(root, folder, ".json") for folder in ACTIVITY_FOLDERS]
    return next((path for path in paths if path.is_file()), paths[-1])


def _read_list(path: Path) -> list[dict[str, Any]]:
    if not path.is_file():
        raise InputError(f"no EasyCom file at {path}")
    raw = path.read_bytes()
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = raw.decode("cp1252", errors="replace")  # some transcriptions are: curly quotes
    try:
        content = json.loads(text)
    except ValueError as error:
        raise InputError(f"{path} is not JSON: {error}") from error
    if not isinstance(content, list) or not all(isinstance(entry, dict) for entry in content):
        raise InputError(f"{path}: need a list of objects")
    return content
