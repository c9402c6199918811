"""Which weight files a chain uses, for the report."""

from __future__ import annotations

from pathlib import Path

from avloc_ros.runtime.centerface_file import packaged_centerface
from avloc_ros.systems.fusion import fusion_weights
from avloc_ros.systems.localizer import LocalizerConfig


def weight_files(config: LocalizerConfig) -> list[Path]:
    """Paths of the networks of face detector, voice activity and fusion, as they were brought."""
    faces = packaged_centerface() if config.faces.model == "auto" else Path(config.faces.model)
    voice = [Path(config.srp.voice_model)] if config.srp.voice_model else []
    fusion = fusion_weights(config.fusion)
    return [faces, *voice, *([fusion.path] if fusion is not None else [])]
