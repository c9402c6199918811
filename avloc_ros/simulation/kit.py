"""The parts that measured scenes are made of: where a data kit keeps them, and each split's share of them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from avloc_ros.microphone_array import MicrophoneArray
from avloc_ros.simulation.measured_rooms import Response, find_responses, rooms_of_split, share_of_split
from avloc_ros.types import InputError

SOUND_SUFFIXES = (".flac", ".wav", ".ogg")
CLIP_SUFFIXES = (".mpg", ".mp4", ".mkv", ".avi")


@dataclass(frozen=True)
class Kit:
    """One split's share: responses, clips of talkers, voices without a face, noises, array and face model."""

    split: str
    array: MicrophoneArray
    responses: tuple[Response, ...]
    clips: tuple[Path, ...]
    voices: tuple[Path, ...]
    noises: tuple[Path, ...]
    face_model: Path | None

    def in_room(self, room: str) -> list[Response]:
        """Responses with a direction, of one room."""
        return [r for r in self.responses if r.room == room and r.azimuth_rad is not None]

    def corners(self, room: str) -> list[Response]:
        """Responses of the corner sources of one room; there may be none."""
        return [r for r in self.responses if r.room == room and r.corner is not None]

    @property
    def rooms(self) -> list[str]:
        return sorted({r.room for r in self.responses})


def open_kit(folder: Path, split: str, *, face_model: Path | None = None) -> Kit:
    """A split of the data kit at `folder`. Talkers, voices, noises and positions of the three splits are disjoint.

    Raises InputError where a part is missing.
    """
    if not folder.is_dir():
        raise InputError(
            f"no data kit at {folder}: give the folder that has rir/, av/, speech/ and events/ (--data)"
        )
    folder = folder.resolve()  # workers elsewhere have another working directory
    response_folders = sorted({path.parent for path in (folder / "rir").rglob("*_S[0-9B]*")})
    if not response_folders:
        raise InputError(
            f"no measured responses under {folder / 'rir'}: need files named <room>_S<azimuth>-<cm>_*"
        )
    responses = rooms_of_split(find_responses(response_folders[0]), split)
    clips = share_of_split(_files(folder / "av", CLIP_SUFFIXES), split)
    noises = share_of_split(
        _files(folder / "events", SOUND_SUFFIXES) + _files(folder / "music", SOUND_SUFFIXES), split
    )
    if not clips or not noises:
        raise InputError(
            f"{folder}: no clips of talkers under av/ or no sounds under events/ for the split '{split}'"
        )
    array = MicrophoneArray.load(_array_file(folder))
    return Kit(
        split,
        array,
        responses,
        tuple(clips),
        _voices(folder, split),
        tuple(noises),
        face_model or _face_model(folder),
    )


def files_below(folder: Path | None, suffixes: tuple[str, ...]) -> tuple[Path, ...]:
    """The sorted files of a folder that a user named; none for no folder. Raises InputError where it holds none."""
    if folder is None:
        return ()
    found = _files(folder.resolve(), suffixes)
    if not found:
        raise InputError(f"no files ending in {', '.join(suffixes)} in {folder}")
    return tuple(found)


def _files(folder: Path, suffixes: tuple[str, ...]) -> list[Path]:
    return sorted(p for p in folder.rglob("*") if p.suffix in suffixes) if folder.is_dir() else []


def _voices(folder: Path, split: str) -> tuple[Path, ...]:
    """Speech files of this split's speakers: the speaker is the name's first part."""
    by_speaker: dict[str, list[Path]] = {}
    for path in _files(folder / "speech", SOUND_SUFFIXES):
        by_speaker.setdefault(path.stem.split("-")[0], []).append(path)
    chosen = share_of_split([Path(name) for name in by_speaker], split)
    return tuple(path for name in chosen for path in by_speaker[str(name)])


def _array_file(folder: Path) -> Path:
    files = sorted((folder / "arrays").glob("*frl*.json")) or sorted((folder / "arrays").glob("*.json"))
    if not files:
        raise InputError(
            f"no array geometry in {folder / 'arrays'}: need a JSON file with mics_m, one per channel"
        )
    return files[0]


def _face_model(folder: Path) -> Path | None:
    files = sorted((folder / "models").glob("*yunet*640*.onnx")) or sorted(
        (folder / "models").glob("*yunet*.onnx")
    )
    return files[0] if files else None
