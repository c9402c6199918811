"""Cards of weights: what they are, where they come from, and what they hash to (read by runtime/weights.py)."""

from __future__ import annotations

import json
import platform
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from avloc_ros.evaluation.metrics_file import machine
from avloc_ros.runtime.model_cache import write_whole
from avloc_ros.runtime.weights import card_path, sha256_of
from avloc_ros.types import InputError

LICENCE = "MIT"


@dataclass(frozen=True)
class Provenance:
    """Where weights come from. recipe: all its settings; data: names and sizes of what was learnt from."""

    recipe: dict[str, Any]
    data: dict[str, Any]
    command: str
    seed: int
    licence: str = LICENCE
    notes: str = ""
    device: str = field(default_factory=lambda: _device_name())


def write_weights(path: Path, model: bytes, card: dict[str, Any], provenance: Provenance) -> Path:
    """Write an ONNX file and its card beside it; returns the file's path. Raises InputError where it cannot be written."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{path.parent} cannot be written: {error}") from error
    write_whole(path, model)
    content = {
        **card,
        "sha256": sha256_of(path),
        "bytes": len(model),
        "recipe": provenance.recipe,
        "data": provenance.data,
        "command": provenance.command,
        "seed": provenance.seed,
        "licence": provenance.licence,
        "machine": machine() | {"device": provenance.device},
        **({"notes": provenance.notes} if provenance.notes else {}),
    }
    write_whole(card_path(path), (json.dumps(content, indent=1) + "\n").encode())
    return path


def _device_name() -> str:
    import torch

    return torch.cuda.get_device_name(0) if torch.cuda.is_available() else platform.machine()
