"""`avloc train own_sounds FOLDER...`: a query by itself tells what sounds where the sound flows from; on event recordings."""

from __future__ import annotations

import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from avloc_ros.cli.console import console
from avloc_ros.cli.training_runs.event_data import EventData, event_data
from avloc_ros.cli.training_runs.request import Request

if TYPE_CHECKING:
    import torch

    from avloc_ros.datasets.events.event_recording import EventRecording
    from avloc_ros.models.sound_events.direction_query import DirectionQuery
    from avloc_ros.training.sound_events.bank_loop import BankRun
    from avloc_ros.training.sound_events.direction_query import DirectionQueryRecipe
    from avloc_ros.training.sound_events.scene_stock import SceneStock


def run(recipe: DirectionQueryRecipe, request: Request) -> list[Path]:
    """Train, choose the threshold on the validation, score, and write NAME.onnx with its card."""
    import torch

    from avloc_ros.training.sound_events.direction_query_weights import write_query
    from avloc_ros.training.sound_events.query_thresholds import ToldAlone

    request.refuse_resume()
    options, data = request.options, event_data(request)
    if options.threads:
        torch.set_num_threads(options.threads)
    torch.manual_seed(options.seed)
    classes = data.table()
    network, done = _learnt(recipe, request, data, len(classes))
    path, facts = request.out / f"{recipe.name}.onnx", data.facts(request)
    card: dict[str, Any] = {"metrics": {}, "training": asdict(done)}

    def write(threshold: float) -> Path:
        return write_query(
            network, recipe, threshold, card, facts, request.command, options.seed, path, classes=classes
        )  # fmt: skip

    told = ToldAlone(write(0.5), data.validation, recipe.chunks)
    threshold = told.best_threshold()
    scores = {"validation": told.scores(threshold)}
    if data.test:
        scores["test"] = ToldAlone(path, data.test, recipe.chunks).scores(threshold)
    card["metrics"] = {split: {name: found[name] for name in ("micro", "macro")} for split, found in scores.items()}
    return [write(threshold)]


def _learnt(recipe: DirectionQueryRecipe, request: Request, data: EventData, classes: int) -> tuple[DirectionQuery, BankRun]:
    """The network as it was at the end of its time, and how the training went."""
    import torch

    from avloc_ros.training.limited_time import chosen_device
    from avloc_ros.training.sound_events.bank_loop import BankTime
    from avloc_ros.training.sound_events.direction_query import make_query, train_direction_query

    out, device, learning = request.out, chosen_device(request.options.device), data.training + data.synthetic
    console.print(f"{len(learning)} recordings to learn {classes} classes from, {len(data.validation)} to validate on")
    out.mkdir(parents=True, exist_ok=True)
    stock, held_out = (_stock(parts, recipe, classes, out, device) for parts in (learning, data.validation))
    plan = BankTime(
        60 * recipe.minutes, recipe.learning_rate, validations=4, told_every_s=60.0, of_processor=device.type == "cpu"
    )
    done = train_direction_query(recipe, stock, held_out, out, plan, request.options.seed, console.print, classes)
    network = make_query(recipe, classes)
    network.load_state_dict(torch.load(out / "query.last.pt", weights_only=True))
    return network, done


def _stock(
    recordings: list[EventRecording], recipe: DirectionQueryRecipe, classes: int, out: Path, device: torch.device
) -> SceneStock:
    """Recordings in memory, all cut to the shortest."""
    from avloc_ros.datasets.events.recorded_bank import bank_of_recordings
    from avloc_ros.sources.event_bank import BankShape
    from avloc_ros.training.sound_events.scene_stock import SceneStock

    rate = recipe.chunks.sample_rate_hz
    frames = min(recording.whole_frames() for recording in recordings)
    shape = BankShape(0, frames, round(rate / 10), 0, 1, 0, 0, classes)
    with tempfile.TemporaryDirectory(dir=out) as folder:
        bank_of_recordings(Path(folder) / "0", recordings, shape, rate)
        stock = SceneStock(Path(folder), recipe.chunks, device, len(recordings))
        stock.take_in()
    return stock
