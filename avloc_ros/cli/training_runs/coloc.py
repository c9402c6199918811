"""`avloc train coloc_* FOLDER...`: CoLoC's localizer and classifier on recordings of sound events."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from avloc_ros.cli.console import console
from avloc_ros.cli.training_runs.event_data import EventData, event_data, machine_of
from avloc_ros.cli.training_runs.request import Request

if TYPE_CHECKING:
    from avloc_ros.training.sound_events.coloc import TrainedColoc
    from avloc_ros.training.sound_events.recipes import ColocRecipe

SCORES = ("max_overlap_3", "max_overlap_2", "conditional_accuracy", "doa_error_deg")


def run(recipe: ColocRecipe, request: Request) -> list[Path]:
    """Train both networks, score them together, and write localizer.onnx and classifier.onnx with their cards.

    Scenes beside recordings of a data set are the synthetic share of the recipe.
    """
    from avloc_ros.config import to_mapping
    from avloc_ros.training.cards import Provenance, write_weights
    from avloc_ros.training.sound_events.coloc import train_coloc
    from avloc_ros.training.sound_events.export import export_coloc
    from avloc_ros.training.trainer import is_first_process

    request.refuse_resume()
    data, out = event_data(request), request.out
    console.print(
        f"{len(data.training)} recordings and {len(data.synthetic)} synthetic ones to learn from, "
        f"{len(data.validation)} to validate on"
    )
    seed, machine = request.options.seed, machine_of(request)
    trained = train_coloc(
        recipe, data.training, data.validation, out, synthetic=data.synthetic, seed=seed, machine=machine
    )
    if not is_first_process():
        return []
    metrics = _metrics(trained, recipe, data, seed)
    difference = export_coloc(trained.localizer, trained.classifier, recipe, out)
    provenance = Provenance(to_mapping(recipe), data.facts(request), request.command, seed)
    written = []
    for part in ("localizer", "classifier"):
        card = {
            "name": recipe.name,
            "system": f"coloc_{part}",
            "threshold": trained.scores["threshold"],
            "metrics": metrics,
            "training": trained.scores[part],
            "largest_difference_to_torch": {"fp32": difference},
        }
        path = out / f"{part}.onnx"
        written.append(write_weights(path, path.read_bytes(), card, provenance))
    return written


def _metrics(trained: TrainedColoc, recipe: ColocRecipe, data: EventData, seed: int) -> dict[str, Any]:
    """The scores of the validation, and of the test where the data have one."""
    from avloc_ros.datasets.events.event_chunks import EventChunks
    from avloc_ros.training.sound_events.coloc import labels_of
    from avloc_ros.training.sound_events.coloc_evaluation import evaluate_coloc

    metrics: dict[str, Any] = {"validation": {name: trained.scores[name] for name in SCORES}}
    if data.test:
        chunks = EventChunks(data.test, recipe.chunks, labels_of(recipe), seed=seed)
        metrics["test"] = evaluate_coloc(trained.localizer, trained.classifier, recipe, chunks, trained.scores["threshold"])
    return metrics
