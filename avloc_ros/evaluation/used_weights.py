"""Which weight files a chain uses, for the report."""

from __future__ import annotations

from pathlib import Path

from avloc_ros.runtime.centerface_file import packaged_centerface
from avloc_ros.systems.localizer import LocalizerConfig


def weight_files(config: LocalizerConfig) -> list[Path]:
    """Paths of the networks of face detector and voice activity, as they were brought."""
    voice = [Path(config.srp.voice_model)] if config.srp.voice_model else []
    return [*face_weights(config), *voice]


def face_weights(config: LocalizerConfig) -> list[Path]:
    """Path of the face detector's network."""
    return [packaged_centerface() if config.faces.model == "auto" else Path(config.faces.model)]
