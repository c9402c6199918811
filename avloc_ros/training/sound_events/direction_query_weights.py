"""models.sound_events.direction_query as an ONNX file with its card, for chunks of any length and any number of questions."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from avloc_ros.config import to_mapping
from avloc_ros.decode.event_classes import STARSS_CLASSES
from avloc_ros.models.sound_events.direction_query import DirectionQuery
from avloc_ros.systems.asked_paths import SYSTEM
from avloc_ros.training.cards import Provenance, write_weights
from avloc_ros.training.onnx_export import constants_once, export_onnx, largest_difference, stored_as_float16
from avloc_ros.training.sound_events.direction_query import DirectionQueryRecipe

FREE = {
    "spectra": {2: "analysis_frames"},
    "directions": {1: "questions", 2: "label_frames"},
    "rivals": {1: "questions", 2: "label_frames"},
    "logits": {1: "questions", 2: "label_frames"},
}


def example_query(recipe: DirectionQueryRecipe, frames: int, questions: int) -> dict[str, Tensor]:
    """Random spectra of so many label frames, and directions of which every second one is a rival."""
    bins, per_label = recipe.features.fft_length // 2 + 1, recipe.analysis_frames
    directions = torch.nn.functional.normalize(torch.randn(1, questions, 1, 3), dim=3).repeat(1, 1, frames, 1)
    rivals = (torch.arange(questions) % 2.0)[None, :, None].repeat(1, 1, frames)
    return {"spectra": torch.randn(1, 8, frames * per_label, bins), "directions": directions, "rivals": rivals}


def query_model(network: DirectionQuery, recipe: DirectionQueryRecipe) -> bytes:
    """The network as ONNX, its numbers in 32 bits."""
    return constants_once(export_onnx(network, example_query(recipe, 10, 3), ["logits"], FREE))


def write_query(
    network: DirectionQuery,
    recipe: DirectionQueryRecipe,
    threshold: float,
    card: dict[str, Any],
    data: dict[str, Any],
    command: str,
    seed: int,
    path: Path,
    notes: str = "",
    device: str = "",
    classes: Sequence[str] = STARSS_CLASSES,
) -> Path:
    """The network at `path`, matrices stored in 16 bits. threshold: probability from which a class sounds; card: metrics and the
    like; classes: the names of what it tells, in its order.
    """
    torch.manual_seed(0)
    whole = query_model(network, recipe)
    half = stored_as_float16(whole)
    example = example_query(recipe, 20, 5)
    differences = {name: largest_difference(network, model, example) for name, model in (("fp32", whole), ("fp16", half))}
    content = {
        "name": recipe.name,
        "system": SYSTEM,
        "classes": list(classes),
        "threshold": threshold,
        **card,
        "largest_difference_to_torch": differences,
    }
    provenance = Provenance(to_mapping(recipe), data, command, seed, notes=notes, **({"device": device} if device else {}))
    return write_weights(path, half, content, provenance)
