"""Cached grids: what both front ends said about every frame of a recording, beside the truth, one .npz file each.

Training the fusion on them runs no front end, so that the audio tracker of any kind is frozen by construction.
"""

from __future__ import annotations

import json
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from avloc_ros.types import InputError

FORMAT = 1
ARRAYS = ("audio", "video", "reliability", "u_px", "v_px", "speaking", "visible")


@dataclass(frozen=True)
class GridRecording:
    """One recording as grids.

    audio, video: float16 (frames, rows, cols); reliability: float16 (frames, 2, rows, cols), visibility and voice
    probability; u_px, v_px: float32 (frames, talkers), NaN outside the picture; speaking, visible: bool (frames,
    talkers). settings: of the chain that made it; facts: what the scene says about itself.
    """

    name: str
    audio: np.ndarray
    video: np.ndarray
    reliability: np.ndarray
    u_px: np.ndarray
    v_px: np.ndarray
    speaking: np.ndarray
    visible: np.ndarray
    image_size: tuple[int, int]
    fps: float
    condition: str = ""
    settings: dict[str, Any] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        frames, rows, cols = self.audio.shape
        talkers = self.u_px.shape[1]
        wanted = {
            "video": (frames, rows, cols),
            "reliability": (frames, 2, rows, cols),
            **{name: (frames, talkers) for name in ("u_px", "v_px", "speaking", "visible")},
        }
        for name, shape in wanted.items():
            if getattr(self, name).shape != shape:
                raise InputError(f"{self.name}: {name} has shape {getattr(self, name).shape}, need {shape}")

    @property
    def frames(self) -> int:
        return int(self.audio.shape[0])

    @property
    def grid_shape(self) -> tuple[int, int]:
        """(rows, cols)"""
        return int(self.audio.shape[1]), int(self.audio.shape[2])

    @property
    def talkers(self) -> int:
        """How many different talkers speak inside the picture at some time."""
        return int((self.speaking & np.isfinite(self.u_px)).any(0).sum())

    @property
    def counts(self) -> np.ndarray:
        """How many speak inside the picture in each frame: int (frames,)."""
        return (self.speaking & np.isfinite(self.u_px)).sum(1)


def save_grids(recording: GridRecording, path: Path) -> None:
    """Write one .npz file, whole or not at all."""
    about = {
        "format": FORMAT,
        "name": recording.name,
        "image_size": list(recording.image_size),
        "fps": recording.fps,
        "condition": recording.condition,
        "settings": recording.settings,
        "facts": recording.facts,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part.npz")
    arrays = {name: getattr(recording, name) for name in ARRAYS}
    np.savez_compressed(part, about=np.array(json.dumps(about, default=str)), **arrays)
    part.replace(path)


def load_grids(path: Path) -> GridRecording:
    """Read one file. Raises InputError where it is no cache of grids."""
    try:
        with np.load(path, allow_pickle=False) as content:
            about = json.loads(str(content["about"]))
            arrays = {name: content[name] for name in ARRAYS}
    except (OSError, KeyError, ValueError, zipfile.BadZipFile) as error:
        raise InputError(f"{path} is no file of cached grids (`avloc train grids` writes them): {error}") from error
    if about["format"] != FORMAT:
        raise InputError(f"{path} is of format {about['format']}, this version reads {FORMAT}: make the cache again")
    width, height = about["image_size"]
    return GridRecording(
        about["name"],
        **arrays,
        image_size=(width, height),
        fps=about["fps"],
        condition=about["condition"],
        settings=about["settings"],
        facts=about["facts"],
    )


def load_grid_folder(folder: Path) -> list[GridRecording]:
    """All cached recordings of a folder, by name. Raises InputError on none, and where grids differ in size."""
    files = sorted(path for path in folder.glob("*.npz") if not path.name.endswith(".part.npz"))
    if not files:
        raise InputError(
            f"no cached grids in {folder}: make them with `avloc train grids SCENES --out {folder}`"
        )
    recordings = [load_grids(path) for path in files]
    for recording in recordings:
        if recording.grid_shape != recordings[0].grid_shape:
            raise InputError(
                f"{folder}: grids of {recording.name} are {recording.grid_shape}, those of {recordings[0].name} "
                f"{recordings[0].grid_shape}: a network is trained on one size"
            )
    return recordings
