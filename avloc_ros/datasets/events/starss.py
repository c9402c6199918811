"""STARSS22 and STARSS23 as they lie on disk (docs/papers.md: av_seld)."""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path

from avloc_ros.datasets.events.event_recording import EventRecording
from avloc_ros.decode.event_classes import STARSS_CLASSES
from avloc_ros.sources.dcase_csv import read_events
from avloc_ros.types import InputError

FORMATS = ("foa", "mic")
NAME = re.compile(r"fold(\d+)_room(\d+)_mix(\d+)")
SPLIT_FOLDER = re.compile(r"dev-(train|test)-(\w+)")


def starss_recordings(root: str | Path, audio_format: str = "foa") -> tuple[EventRecording, ...]:
    """All recordings below a folder that holds `{foa,mic}_dev` and `metadata_dev` (and `video_dev`), sorted by name.

    Raises InputError where the folder is not laid out so, and where a sound has no metadata.
    """
    root = Path(root)
    if audio_format not in FORMATS:
        raise InputError(f"audio format '{audio_format}': allowed are {', '.join(FORMATS)}")
    sounds, truths, videos = (root / f"{name}_dev" for name in (audio_format, "metadata", "video"))
    for folder in (sounds, truths):
        if not folder.is_dir():
            raise InputError(
                f"{root} is not STARSS: no {folder.name}; name the folder that holds foa_dev and metadata_dev"
            )
    found = [
        _recording(path, truths, videos)
        for split in sorted(sounds.iterdir())
        if SPLIT_FOLDER.fullmatch(split.name)
        for path in sorted(split.glob("*.wav"))
    ]
    if not found:
        raise InputError(f"{sounds} holds no dev-train-* or dev-test-* folder with WAV files")
    return tuple(sorted(found, key=lambda recording: recording.name))


def _recording(sound: Path, truths: Path, videos: Path) -> EventRecording:
    match, split = NAME.match(sound.stem), SPLIT_FOLDER.fullmatch(sound.parent.name)
    if match is None or split is None:
        raise InputError(f"{sound}: the name is not foldF_roomR_mixM")
    truth = truths / sound.parent.name / f"{sound.stem}.csv"
    if not truth.is_file():
        raise InputError(f"{sound} has no metadata at {truth}")
    video = videos / sound.parent.name / f"{sound.stem}.mp4"
    return EventRecording(
        sound.stem,
        sound,
        partial(read_events, truth, len(STARSS_CLASSES)),
        split.group(1),
        room=f"{split.group(2)}_{match.group(2)}",
        pictures=video if video.is_file() else None,
        classes=STARSS_CLASSES,
    )
