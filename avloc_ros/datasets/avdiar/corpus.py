"""The AVDIAR corpus as it lies on disk: six microphones on a head, a camera, faces and turns of one to four people.

Gebru, Ba, Li, Horaud: Audio-Visual Speaker Diarization Based on Spatiotemporal Bayesian Fusion, 2018. A sequence is a
folder `SeqNN-kP-SxMy` with Audio/*.wav, Video/*_CAM1.mp4 (and _CAM2), GroundTruth/{face_bb.txt, person_bb.txt, vad.rttm,
speakers.rttm} and summary.json, whose keys are spelled as in KEYS. The positions of the microphones are not published:
they come from a file.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from avloc_ros.datasets.avdiar.truth import FaceBox, Turn, read_face_boxes, read_turns, read_voice_activity
from avloc_ros.geometry import CameraModel
from avloc_ros.microphone_array import MicrophoneArray
from avloc_ros.sources.arrays import named_array
from avloc_ros.types import InputError

KEYS = (
    "SequenceName", "Length_in_sec", "Audio_Channel", "Audio_FS", "Video_FPS", "Number_of_Image", "CalibrationID",
    "Image_Resoultion_WH",
)  # fmt: skip
GEOMETRY_FILE = (
    "geometry.yaml"  # beside the sequences: `array` and `camera` blocks, where the shipped ones do not fit
)
CAMERA = CameraModel(720, 450, 318.5, 268.1, 360.0, 225.0)  # 97 x 80 degrees, the published angles of view


@dataclass(frozen=True)
class Summary:
    """What summary.json says; size (width, height) in pixels."""

    name: str
    length_s: float
    channels: int
    sample_rate_hz: int
    fps: float
    frames: int
    calibration: int
    size: tuple[int, int]


@dataclass(frozen=True)
class AvdiarSequence:
    """One sequence. faces: by frame, counted from 0; turns: who speaks when; voice_activity: bool (frames,), anybody."""

    folder: Path
    summary: Summary
    audio_path: Path
    video_path: Path
    faces: dict[int, tuple[FaceBox, ...]]
    turns: tuple[Turn, ...]
    voice_activity: np.ndarray
    faces_beyond_video: int

    def speaking(self) -> dict[int, np.ndarray]:
        """Per person whether they speak in each frame, bool (frames,): a frame does when its middle lies in a turn."""
        middles_s = (np.arange(self.summary.frames) + 0.5) / self.summary.fps
        people = {face.person for faces in self.faces.values() for face in faces} | {
            t.person for t in self.turns
        }
        spoken = {person: np.zeros(self.summary.frames, bool) for person in sorted(people)}
        for turn in self.turns:
            spoken[turn.person] |= (middles_s >= turn.start_s) & (middles_s < turn.end_s)
        return spoken


def find_sequences(path: Path) -> list[Path]:
    """The sequence folders at or below a path (unpacking the corpus may nest each in a folder of its own name), sorted."""
    if is_sequence(path):
        return [path]
    found = [p.parent for depth in ("*", "*/*") for p in path.glob(f"{depth}/summary.json")]
    return sorted((folder for folder in found if is_sequence(folder)), key=lambda folder: folder.name)


def is_sequence(path: Path) -> bool:
    """Whether a folder is one sequence of the corpus."""
    return (path / "summary.json").is_file() and (path / "GroundTruth" / "face_bb.txt").is_file()


def load_sequence(folder: Path) -> AvdiarSequence:
    """Read a sequence. Raises InputError naming file (and line) of what is missing or malformed."""
    summary = read_summary(folder / "summary.json")
    audio = _only(folder / "Audio", "*.wav", summary.name)
    video = _only(folder / "Video", "*_CAM1.mp4", f"{summary.name}_CAM1")
    truth = folder / "GroundTruth"
    boxes = read_face_boxes(truth / "face_bb.txt")
    # Frames of face_bb.txt count from 0, unless the last picture's number says that they count from 1
    numbers = [box.frame for box in boxes]
    first = 1 if numbers and min(numbers) >= 1 and max(numbers) == summary.frames else 0
    faces: dict[int, list[FaceBox]] = {}
    for box in boxes:
        faces.setdefault(box.frame - first, []).append(box)
    inside = {frame: tuple(found) for frame, found in faces.items() if 0 <= frame < summary.frames}
    return AvdiarSequence(
        folder,
        summary,
        audio,
        video,
        inside,
        read_turns(truth / "speakers.rttm"),
        read_voice_activity(truth / "vad.rttm", summary.frames, summary.fps),
        len(boxes) - sum(len(found) for found in inside.values()),
    )


def read_summary(path: Path) -> Summary:
    """summary.json. Raises InputError where a key is missing or no number."""
    if not path.is_file():
        raise InputError(f"no summary of a sequence at {path}")
    try:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8-sig"))
    except ValueError as error:
        raise InputError(f"{path} is not JSON: {error}") from error
    missing = [key for key in KEYS if key not in content]
    if missing:
        raise InputError(f"{path}: {', '.join(missing)} missing; need {', '.join(KEYS)}")
    name, length, channels, rate, fps, frames, calibration, size = (content[key] for key in KEYS)
    try:
        width, height = (int(float(x)) for x in size)
        return Summary(
            str(name), float(length), int(channels), int(rate), float(fps), int(frames), int(calibration), (width, height)
        )  # fmt: skip
    except (TypeError, ValueError) as error:
        raise InputError(f"{path}: a value is no number ({error})") from error


def geometry_of(path: Path, array: MicrophoneArray | None = None) -> tuple[MicrophoneArray, CameraModel]:
    """Array and camera of the corpus at `path`: those of its geometry.yaml, else the shipped head and the published camera.

    array: takes the place of any other. Raises InputError where geometry.yaml cannot be read.
    """
    content: dict[str, Any] = {}
    file = path / GEOMETRY_FILE
    if file.is_file():
        try:
            content = yaml.safe_load(file.read_text(encoding="utf-8")) or {}
        except yaml.YAMLError as error:
            raise InputError(f"{file} is not YAML: {error}") from error
        if not isinstance(content, dict):
            raise InputError(f"{file}: need a mapping with 'array' and 'camera', or one of them")
    if array is None and content.get("array"):
        array = MicrophoneArray.from_mapping(content["array"], "avdiar")
    array = array or named_array("head_6mic")
    return array, CameraModel.from_mapping(content["camera"]) if content.get("camera") else CAMERA


def _only(folder: Path, pattern: str, stem: str) -> Path:
    """The file of that stem, or the only one that fits the pattern."""
    found = sorted(folder.glob(pattern))
    named = [path for path in found if path.stem == stem]
    if not named and len(found) != 1:
        raise InputError(f"{folder}: {len(found)} files fit {pattern}, and none is called {stem}")
    return (named or found)[0]
