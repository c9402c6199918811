"""`avloc train speaking SCENES`: the network that says who speaks, on scenes that the chain has gone through."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from avloc_ros.cli.console import error_console
from avloc_ros.cli.training_runs.request import Request, held_out_apart

if TYPE_CHECKING:
    from avloc_ros.systems.localizer import LocalizerConfig
    from avloc_ros.training.speaking.histories import RecordingHistories
    from avloc_ros.training.speaking.learning import SpeakingRecipe


def run(recipe: SpeakingRecipe, request: Request) -> list[Path]:
    """Run the chain over all scenes, several at once, and learn from the tracks that it follows."""
    from avloc_ros.cli.evaluate import chain_config
    from avloc_ros.config import to_mapping
    from avloc_ros.training.cards import Provenance
    from avloc_ros.training.speaking.learning import train_speaking

    request.need_paths()
    request.refuse_resume()
    options = request.options
    config = chain_config(options.config)
    training = _histories(request.paths, config, request)
    if options.validation is not None:
        validation = _histories([options.validation], config, request)
    else:
        training, validation = held_out_apart(training, "scenes")
    facts = {"training": {"scenes": len(training)}, "validation": {"scenes": len(validation)}}
    provenance = Provenance(to_mapping(recipe), facts, request.command, options.seed, device="CPU")
    systems = config.audio_tracker, f"dsw_fusion_{config.fusion.kind}"
    return [train_speaking(recipe, training, validation, request.out, options.seed, provenance, systems)]


def _histories(paths: list[Path], config: LocalizerConfig, request: Request) -> list[RecordingHistories]:
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from avloc_ros.training.speaking.histories import histories_below

    columns = TextColumn("scenes"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    with Progress(*columns, console=error_console) as bar:
        task = bar.add_task("scenes", total=None)
        return histories_below(
            paths, config, request.options.cache, request.options.jobs,
            lambda done, total: bar.update(task, completed=done, total=total),
        )  # fmt: skip
