"""What a training of the fusion leaves: NAME.onnx, and NAME.card.json with thresholds, scores and where it comes from."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from avloc_ros.datasets.grids.grid_recordings import GridRecording
from avloc_ros.datasets.grids.grid_split import GridSplit
from avloc_ros.models.dsw.fusion import RELIABILITY_CHANNELS, FusionNetwork
from avloc_ros.systems.flat_fusion import weighted_fusion
from avloc_ros.training.cards import Provenance, write_weights
from avloc_ros.training.dsw.fusion_training import FusionRecipe, train_fusion
from avloc_ros.training.dsw.grid_scores import GridScores, predict
from avloc_ros.training.onnx_export import export_onnx, largest_difference, stored_as_float16
from avloc_ros.training.trainer import Fitted, RunOptions, is_first_process

CHOICE = (
    "the threshold of 0.02 .. 0.98 with the highest FR - 0.005 * LE (mean, pixels) on the validation recordings; FR without "
    "the two frames either side of a change of the count"
)


def make_fusion_weights(
    recipe: FusionRecipe, split: GridSplit, options: RunOptions, provenance: Provenance
) -> Path | None:
    """Train, choose thresholds on validation, score on the test, and write both files; their path in the first process."""
    network, fitted = train_fusion(recipe, split, options)
    if not is_first_process():
        return None
    card = fusion_card(network, recipe, split)
    card |= {"training": training_facts(fitted)}
    full, half = export_fusion(network)
    inputs = example_inputs(network, batch=4)
    card["largest_difference_to_torch"] = {
        "fp32": largest_difference(network, full, inputs),
        "fp16": largest_difference(network, half, inputs),
    }
    chosen = half if recipe.precision == "fp16" else full
    return write_weights(options.out / f"{recipe.name}.onnx", chosen, card, provenance)


def fusion_card(network: FusionNetwork, recipe: FusionRecipe, split: GridSplit) -> dict[str, Any]:
    """Thresholds and scores of a network: its own, unrefined, and raw flat fusion (Eq. 1) for comparison."""
    chosen_on = _scores(network, split.validation)
    tested_on = _scores(network, split.test)
    thresholds = {name: scores.best_threshold() for name, scores in chosen_on.items()}
    refined = recipe.network.refine
    return {
        "name": recipe.name,
        "system": recipe.system,
        "kind": recipe.network.kind,
        "grid": [recipe.network.rows, recipe.network.cols],
        "threshold": thresholds["refined" if refined else "unrefined"],
        "threshold_raw": thresholds["unrefined"],
        "threshold_choice": CHOICE,
        "metrics": {
            part: {name: scores[name].summary(thresholds[name]) for name in scores}
            for part, scores in (("validation", chosen_on), ("test", tested_on))
        },
    }


def export_fusion(network: FusionNetwork) -> tuple[bytes, bytes]:
    """ONNX with numbers in float32, and in float16. Any grid size, but for scalar weights and a count head's size."""
    axes = {0: "batch"} if network.config.kind == "scalar" else {0: "batch", 1: "rows", 2: "cols"}
    outputs = ("probability", "audio_weight", "video_weight")
    free = {name: axes for name in ("audio", "video", *outputs)}
    free["reliability"] = {axis + (axis > 0): name for axis, name in axes.items()}
    full = export_onnx(_WithoutCount(network), example_inputs(network, batch=2), outputs, free)
    return full, stored_as_float16(full)


def example_inputs(network: FusionNetwork, batch: int) -> dict[str, Tensor]:
    """Random inputs of the network's grid size, the same at every call."""
    generator = torch.Generator().manual_seed(0)
    shape = network.config.rows, network.config.cols
    return {
        "audio": torch.rand(batch, *shape, generator=generator),
        "video": torch.rand(batch, *shape, generator=generator) ** 4,
        "reliability": torch.rand(batch, RELIABILITY_CHANNELS, *shape, generator=generator),
    }


def training_facts(fitted: Fitted) -> dict[str, Any]:
    """Epochs, seconds and validation loss for the card."""
    return {
        "epochs": fitted.epochs,
        "seconds": round(fitted.seconds, 1),
        "validation_loss": fitted.validation_loss,
    }


class _WithoutCount(torch.nn.Module):
    """The three outputs of a fusion network, without its auxiliary head."""

    def __init__(self, network: FusionNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, audio: Tensor, video: Tensor, reliability: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """As of the network."""
        return self.network(audio, video, reliability)


def _scores(network: FusionNetwork, recordings: Sequence[GridRecording]) -> dict[str, GridScores]:
    answers = [predict(network, recording) for recording in recordings]
    raw = [weighted_fusion(r.audio, r.video, 1.0, 1.0) for r in recordings]
    return {
        "refined": GridScores(recordings, [a.probability for a in answers]),
        "unrefined": GridScores(recordings, [a.unrefined for a in answers]),
        "flat_raw": GridScores(recordings, raw),
    }
