"""`avloc train av_seld_* FOLDER...`: av_seld and the DCASE baseline on recordings of sound events."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from avloc_ros.cli.console import console
from avloc_ros.cli.training_runs.event_data import EventData, event_data, machine_of
from avloc_ros.cli.training_runs.request import Request

if TYPE_CHECKING:
    from avloc_ros.training.sound_events.av_seld import TrainedSeld
    from avloc_ros.training.sound_events.recipes import AvSeldRecipe


def run(recipe: AvSeldRecipe, request: Request) -> list[Path]:
    """Train, score, and write NAME.onnx with its card."""
    from avloc_ros.config import to_mapping
    from avloc_ros.training.cards import Provenance, write_weights
    from avloc_ros.training.sound_events.av_seld import train_av_seld
    from avloc_ros.training.sound_events.export import export_av_seld
    from avloc_ros.training.trainer import is_first_process

    request.refuse_resume()
    data = event_data(request, "foa" if recipe.input == "foa" else "mic")
    table = data.classes(recipe.classes, "crnn.classes" if recipe.system == "seld_crnn" else "network.classes")
    console.print(f"{len(data.training + data.synthetic)} recordings to learn from, {len(data.validation)} to validate on")
    trained = train_av_seld(
        recipe,
        data.training + data.synthetic,
        data.validation,
        request.out,
        seed=request.options.seed,
        machine=machine_of(request),
    )
    if not is_first_process():
        return []
    metrics = _metrics(trained, recipe, data, request.out)
    path = request.out / f"{recipe.name}.onnx"
    difference = export_av_seld(trained.network, recipe, path)
    card = {
        "name": recipe.name,
        "system": recipe.system,
        "classes": list(table),
        "threshold": trained.scores["threshold"],
        "metrics": metrics,
        "training": {name: trained.scores[name] for name in ("epochs", "seconds")},
        "largest_difference_to_torch": {"fp32": difference},
    }
    provenance = Provenance(to_mapping(recipe), data.facts(request), request.command, request.options.seed)
    return [write_weights(path, path.read_bytes(), card, provenance)]


def _metrics(trained: TrainedSeld, recipe: AvSeldRecipe, data: EventData, out: Path) -> dict[str, Any]:
    """The scores of the validation, and of the test where the data have one."""
    from avloc_ros.datasets.events.event_chunks import EventChunks
    from avloc_ros.training.sound_events.av_seld import evaluate_av_seld, labels_of, pictures_of

    scores = {"validation": trained.scores}
    if data.test:
        chunks = EventChunks(data.test, recipe.chunks, labels_of(recipe), pictures=pictures_of(recipe, out / "pictures"))
        scores["test"] = evaluate_av_seld(trained.network, recipe, chunks, trained.scores["threshold"])
    return {split: {name: found[name] for name in ("micro", "macro")} for split, found in scores.items()}
