"""Microphone arrays by name: those of config/arrays, and files of a user's own."""

from __future__ import annotations

from pathlib import Path

from avloc_ros.config import shipped_folder
from avloc_ros.microphone_array import MicrophoneArray


def shipped_arrays() -> dict[str, Path]:
    """Names and files of the arrays that the package brings, by name."""
    return {path.stem: path for path in sorted((shipped_folder() / "config" / "arrays").glob("*.yaml"))}


def every_shipped_array() -> list[MicrophoneArray]:
    """The geometries that the package brings, sorted by name."""
    return [MicrophoneArray.load(path) for path in shipped_arrays().values()]


def named_array(name: str) -> MicrophoneArray:
    """A shipped array by its name, or that of a YAML or JSON file. Raises InputError where there is none."""
    return MicrophoneArray.load(shipped_arrays().get(name, Path(name).expanduser()))
