"""What can be evaluated: scene folders, folders of them, bags with truth, labelled clips, the AVDIAR corpus."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from avloc_ros.evaluation.inputs.recording_input import EvaluationInput
from avloc_ros.evaluation.inputs.scene_input import scene_input
from avloc_ros.microphone_array import MicrophoneArray
from avloc_ros.sources.scene import load_scene
from avloc_ros.types import InputError


def find_inputs(
    paths: Sequence[str | Path], array: MicrophoneArray | None = None, rotate_channels: int = 0
) -> list[EvaluationInput]:
    """All inputs under `paths`, sorted by name within a folder.

    array: geometry for recordings that carry none. rotate_channels: rolls the channels of labelled clips of a square
    array by this many, which turns the truth by 90 degrees each. Raises InputError where nothing can be evaluated.
    """
    found: list[EvaluationInput] = []
    for path in map(Path, paths):
        found += _inputs_at(path, array, rotate_channels)
    if not found:
        raise InputError(
            "nothing to evaluate: give scene folders, a folder of them, a bag with truth, or labelled clips"
        )
    return _with_unique_names(found)


def _inputs_at(path: Path, array: MicrophoneArray | None, rotate_channels: int) -> list[EvaluationInput]:
    if not path.exists():
        raise InputError(f"{path}: no such file or folder")
    if (path / "scene.json").is_file():
        return [scene_input(load_scene(path))]
    if (path / "labels.csv").is_file():
        from avloc_ros.evaluation.inputs.labelled_clips import clip_inputs

        return clip_inputs(path, array, rotate_channels)
    if path.suffix in (".mcap", ".db3") or (path / "metadata.yaml").is_file():
        from avloc_ros.evaluation.inputs.bag_input import bag_input

        return [bag_input(path)]
    if path.is_dir():
        from avloc_ros.evaluation.inputs.avdiar_input import avdiar_inputs

        sequences = avdiar_inputs(path, array)
        if sequences:
            return sequences
        inside = sorted(
            child for child in path.iterdir() if child.is_dir() or child.suffix in (".mcap", ".db3")
        )
        return [
            item
            for child in inside
            if _holds_recording(child)
            for item in _inputs_at(child, array, rotate_channels)
        ]
    raise InputError(
        f"{path} is neither a scene folder, nor a bag (.mcap, .db3), nor a folder with labels.csv"
    )


def _holds_recording(path: Path) -> bool:
    names = ("scene.json", "labels.csv", "metadata.yaml")
    return path.is_file() or any((path / name).is_file() for name in names)


def _with_unique_names(found: list[EvaluationInput]) -> list[EvaluationInput]:
    seen: dict[str, int] = {}
    unique = []
    for item in found:
        seen[item.name] = seen.get(item.name, 0) + 1
        unique.append(item if seen[item.name] == 1 else replace(item, name=f"{item.name}-{seen[item.name]}"))
    return unique
