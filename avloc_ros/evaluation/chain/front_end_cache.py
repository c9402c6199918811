"""Keeps what the front ends said about a recording, so that comparing fusions runs no detector again.

One file per recording, front end and key. The key is a digest of everything that decides the content: bytes of the
recording's media, geometry, settings, weight files, and the source code of the front end with all it imports. Whatever
changes there makes another key, so a file is either right or not found. Old files may be deleted at any time.
"""

from __future__ import annotations

import hashlib
import json
import os
import zipfile
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from avloc_ros.config import to_mapping
from avloc_ros.evaluation.chain.audio_trackers import audio_tracker_kind
from avloc_ros.evaluation.chain.front_end_frames import (
    Arrays,
    HeardFrame,
    SeenFrame,
    heard_arrays,
    heard_frames,
    seen_arrays,
    seen_frames,
)
from avloc_ros.evaluation.chain.source_digest import source_digest
from avloc_ros.evaluation.chain.used_weights import face_weights
from avloc_ros.evaluation.inputs.recording_input import EvaluationInput
from avloc_ros.systems.localizer import LocalizerConfig
from avloc_ros.types import InputError

FORMAT = 2
DAMAGED = (OSError, KeyError, ValueError, EOFError, zipfile.BadZipFile)


class FrontEndCache:
    """Front ends' frames in a folder. Safe with several processes: files appear whole."""

    def __init__(self, folder: Path) -> None:
        """Raises InputError where the folder cannot be made."""
        self.folder = folder
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(f"--cache {folder} cannot be made: {error}") from error

    def load_heard(self, item: EvaluationInput, config: LocalizerConfig, name: str) -> list[HeardFrame] | None:
        """Frames of an audio tracker; None where they are not kept."""
        arrays = self._load(self.path(item, name, heard_key(item, config, name)))
        return heard_frames(arrays) if arrays is not None else None

    def load_seen(self, item: EvaluationInput, config: LocalizerConfig) -> list[SeenFrame] | None:
        """Frames of the face detector; None where they are not kept."""
        arrays = self._load(self.path(item, "faces", seen_key(item, config)))
        return seen_frames(arrays) if arrays is not None else None

    def keep(
        self,
        item: EvaluationInput,
        config: LocalizerConfig,
        heard: dict[str, list[HeardFrame]],
        seen: list[SeenFrame] | None,
    ) -> None:
        """Write what was computed."""
        for name, frames in heard.items():
            self._save(self.path(item, name, heard_key(item, config, name)), heard_arrays(frames))
        if seen is not None:
            self._save(self.path(item, "faces", seen_key(item, config)), seen_arrays(seen))

    def path(self, item: EvaluationInput, stage: str, key: str) -> Path:
        """Where the frames of that key are, or would be."""
        return self.folder / f"{item.name}.{stage}.{key[:20]}.npz"

    def _load(self, path: Path) -> Arrays | None:
        if not path.is_file():
            return None
        try:
            with np.load(path, allow_pickle=False) as arrays:
                return dict(arrays)
        except DAMAGED:  # cut off by a full disk, say: computed anew and written over
            return None

    def _save(self, path: Path, arrays: Arrays) -> None:
        unfinished = path.with_name(f".{path.stem}.{os.getpid()}.npz")
        np.savez_compressed(unfinished, **arrays)  # type: ignore[arg-type]
        unfinished.replace(path)


def heard_key(item: EvaluationInput, config: LocalizerConfig, name: str) -> str:
    """Digest of all that decides what an audio tracker says about a recording."""
    kind = audio_tracker_kind(name)
    weights = tuple(kind.weights(config))
    return _key(item, name, kind.settings(config), weights, kind.module)


def seen_key(item: EvaluationInput, config: LocalizerConfig) -> str:
    """Digest of all that decides what the face detector says about a recording."""
    weights = tuple(face_weights(config)) if item.camera is not None else ()
    return _key(item, "faces", to_mapping(config.faces), weights, "avloc_ros.systems.faces")


def _key(
    item: EvaluationInput, stage: str, settings: dict[str, Any], weights: tuple[Path, ...], module: str
) -> str:
    camera = to_plain(vars(item.camera)) if item.camera is not None else None
    content = {
        "format": FORMAT,
        "stage": stage,
        "settings": settings,
        "weights": [file_digest(path, *_state(path)) for path in weights if path.is_file()],
        "code": source_digest(module),
        "media": [file_digest(path, *_state(path)) for path in item.media],
        "frames": [item.frames, item.fps, item.sample_rate_hz, item.extra.get("rotated_channels", 0)],
        "array": to_plain(vars(item.array)) if item.array is not None else None,
        "camera": camera,
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def to_plain(value: Any) -> Any:
    """Nested mappings, sequences and arrays as what JSON knows."""
    if isinstance(value, dict):
        return {str(key): to_plain(part) for key, part in value.items() if not str(key).startswith("_")}
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, (str, int, float, bool)) or value is None:
        return value
    if isinstance(value, Iterable):
        return [to_plain(part) for part in value]
    return repr(value)


@lru_cache(maxsize=4096)
def file_digest(path: Path, size: int, changed_ns: int) -> str:
    """sha256 of a file; size and time of change keep an answer from outliving the content."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def _state(path: Path) -> tuple[int, int]:
    state = path.stat()
    return state.st_size, state.st_mtime_ns
