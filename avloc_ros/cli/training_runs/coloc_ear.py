"""`avloc train coloc_ear FOLDER...`: CoLoC's localizer and classifier on a shipped ear, on recordings of sound events."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from avloc_ros.cli.console import console
from avloc_ros.cli.training_runs.event_data import event_data
from avloc_ros.cli.training_runs.request import Request

if TYPE_CHECKING:
    from avloc_ros.training.sound_events.recipes import ColocEarRecipe


def run(recipe: ColocEarRecipe, request: Request) -> list[Path]:
    """Train both networks, score them together, and write localizer.onnx and classifier.onnx with their cards."""
    import torch

    from avloc_ros.systems.coloc_ear import open_ear
    from avloc_ros.systems.event_network import EventNetworkConfig
    from avloc_ros.training.sound_events.coloc_ear import train_coloc_ear
    from avloc_ros.training.sound_events.coloc_ear_evaluation import evaluate_coloc_ear
    from avloc_ros.training.sound_events.coloc_ear_weights import SCORES, write_coloc_ear
    from avloc_ros.training.sound_events.heard_chunks import hear

    request.refuse_resume()
    if request.options.threads:
        torch.set_num_threads(request.options.threads)
    data, out, seed = event_data(request), request.out, request.options.seed
    learning = data.training + data.synthetic
    console.print(f"{len(learning)} recordings to learn from, {len(data.validation)} to validate on")
    out.mkdir(parents=True, exist_ok=True)
    trained = train_coloc_ear(recipe, learning, data.validation, out, seed=seed, tell=console.print)
    metrics: dict[str, Any] = {"validation": {name: trained.scores[name] for name in SCORES}}
    if data.test:
        heard = hear(open_ear(recipe.ear, EventNetworkConfig(device="cpu")), data.test, recipe.height)
        thresholds = trained.scores["threshold"], trained.scores["class_threshold"]
        metrics["test"] = evaluate_coloc_ear(trained.localizer, trained.classifier, recipe, heard, *thresholds)
    return write_coloc_ear(trained, recipe, metrics, data.facts(request), request.command, out)
