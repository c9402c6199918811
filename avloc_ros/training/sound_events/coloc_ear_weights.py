"""CoLoC's two networks on an ear as ONNX files with cards, which name the ear by its hash."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from avloc_ros.config import to_mapping
from avloc_ros.systems.coloc import PARTS
from avloc_ros.systems.coloc_ear import ear_sha256, open_ear
from avloc_ros.systems.event_network import EventNetworkConfig
from avloc_ros.training.cards import Provenance, write_weights
from avloc_ros.training.onnx_export import stored_as_float16
from avloc_ros.training.sound_events.coloc_ear import TrainedColocEar
from avloc_ros.training.sound_events.export import export_coloc_ear
from avloc_ros.training.sound_events.recipes import ColocEarRecipe

SCORES = ("max_overlap_3", "max_overlap_2", "conditional_accuracy", "conditional_accuracy_of", "doa_error_deg")


def write_coloc_ear(
    trained: TrainedColocEar,
    recipe: ColocEarRecipe,
    metrics: dict[str, Any],
    data: dict[str, Any],
    command: str,
    out: Path,
    name: str = "{}",
    notes: str = "",
) -> list[Path]:
    """NAME.onnx of both parts, matrices stored in 16 bits. metrics: of each split; name: of the files, with {} for the part."""
    ear = open_ear(recipe.ear, EventNetworkConfig(device="cpu"))
    difference = export_coloc_ear(trained.localizer, trained.classifier, recipe, ear, out)
    provenance = Provenance(to_mapping(recipe), data, command, int(trained.scores["seed"]), notes=notes)
    written = []
    for part in PARTS:
        card = {
            "name": recipe.name,
            "system": f"coloc_{part}",
            "threshold": trained.scores["threshold"],
            "class_threshold": trained.scores["class_threshold"],
            "ear_sha256": ear_sha256(recipe.ear),
            "metrics": metrics,
            "training": trained.scores.get(part, {}),
            "largest_difference_to_torch": {"fp32": difference},
        }
        model = (out / f"{part}.onnx").read_bytes()
        written.append(write_weights(out / f"{name.format(part)}.onnx", stored_as_float16(model), card, provenance))
    return written
