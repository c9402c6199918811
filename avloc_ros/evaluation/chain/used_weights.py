"""Which weight files a chain uses, for the report."""

from __future__ import annotations

from pathlib import Path

from avloc_ros.evaluation.chain.audio_trackers import audio_tracker_kind
from avloc_ros.runtime.centerface_file import packaged_centerface
from avloc_ros.runtime.speaking_network import speaking_weights
from avloc_ros.systems.fusion import fusion_weights
from avloc_ros.systems.localizer import LocalizerConfig


def weight_files(config: LocalizerConfig) -> list[Path]:
    """Paths of the networks of face detector, ear, fusion and speaker tracker, as they were brought."""
    fusion, speaking = fusion_weights(config.fusion), config.tracker.speaking
    ear = audio_tracker_kind(config.audio_tracker).weights(config)
    judge = [speaking_weights(speaking.weights).path] if speaking.judge == "network" else []
    return [*face_weights(config), *ear, *([fusion.path] if fusion is not None else []), *judge]


def face_weights(config: LocalizerConfig) -> list[Path]:
    """Path of the face detector's network."""
    return [packaged_centerface() if config.faces.model == "auto" else Path(config.faces.model)]
