"""Which weight files a chain uses, for the report."""

from __future__ import annotations

from pathlib import Path

from avloc_ros.evaluation.chain.audio_trackers import audio_tracker_kind
from avloc_ros.runtime.centerface_file import packaged_centerface
from avloc_ros.systems.fusion import fusion_weights
from avloc_ros.systems.localizer import LocalizerConfig


def weight_files(config: LocalizerConfig) -> list[Path]:
    """Paths of the networks of face detector, ear and fusion, as they were brought."""
    fusion = fusion_weights(config.fusion)
    ear = audio_tracker_kind(config.audio_tracker).weights(config)
    return [*face_weights(config), *ear, *([fusion.path] if fusion is not None else [])]


def face_weights(config: LocalizerConfig) -> list[Path]:
    """Path of the face detector's network."""
    return [packaged_centerface() if config.faces.model == "auto" else Path(config.faces.model)]
