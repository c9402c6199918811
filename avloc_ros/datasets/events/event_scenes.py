"""Scene folders (docs/scenes.md) with truth_events.csv as recordings of sound events."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from avloc_ros.datasets.events.event_recording import EventRecording
from avloc_ros.features.inputs.foa_encoder import is_foa
from avloc_ros.microphone_array import MicrophoneArray
from avloc_ros.sources.dcase_csv import TRUTH_NAME, read_events
from avloc_ros.types import InputError


def scene_recordings(
    folders: Sequence[str | Path], split: str = "train", *, as_foa: bool = True
) -> tuple[EventRecording, ...]:
    """All scenes below folders that hold `truth_events.csv` beside their scene.json, sorted by name.

    The name is the path below the folder. as_foa: sound of an array is encoded to FOA as it is read, else taken as it is.
    Raises InputError where there is none, or a scene has no sound.
    """
    found = []
    for folder in map(Path, folders):
        for truth in sorted(folder.rglob(TRUTH_NAME)):
            found.append(_recording(truth, folder, split, as_foa))
    if not found:
        raise InputError(
            f"no scene with {TRUTH_NAME} in {', '.join(map(str, folders))}: `avloc simulate --events` makes them"
        )
    return tuple(found)


def _recording(truth: Path, folder: Path, split: str, as_foa: bool) -> EventRecording:
    description = truth.parent / "scene.json"
    try:
        content = json.loads(description.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{description} cannot be read: {error}") from error
    if "audio" not in content:
        raise InputError(f"{description} has no key `audio`: a scene of sound events needs sound")
    array = MicrophoneArray.from_mapping(content["array"], truth.parent.name) if content.get("array") and as_foa else None
    name = truth.parent.relative_to(folder).as_posix().replace("/", "_")
    return EventRecording(
        truth.parent.name if name == "." else name,
        truth.parent / content["audio"],
        partial(read_events, truth),
        split,
        room=str(content.get("room", "")),
        pictures=truth.parent / content["video"] if content.get("video") else None,
        classes=tuple(content.get("classes", ())),
        array=None if array is None or is_foa(array) else array,
    )
