"""`avloc train speaking SCENES`: the network that says who speaks, on scenes that the chain has gone through."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from avloc_ros.cli.console import console, error_console
from avloc_ros.cli.training_runs.request import Request, held_out_apart

if TYPE_CHECKING:
    from avloc_ros.systems.localizer import LocalizerConfig
    from avloc_ros.training.speaking.histories import RecordingHistories
    from avloc_ros.training.speaking.learning import SpeakingRecipe


def run(recipe: SpeakingRecipe, request: Request) -> list[Path]:
    """Run the chain over all scenes, and the ear over mixtures, several at once, and learn from the tracks that are followed."""
    from avloc_ros.cli.evaluate import chain_config
    from avloc_ros.config import to_mapping
    from avloc_ros.training.cards import Provenance
    from avloc_ros.training.speaking.learning import train_speaking

    request.need_paths()
    request.refuse_resume()
    options = request.options
    config = chain_config(options.config)
    training = _of_scenes(request.paths, config, request)
    if options.validation is not None:
        validation = _of_scenes([options.validation], config, request)
    else:
        training, validation = held_out_apart(training, "scenes")
    learnt_from = [histories for pair in training for histories in pair]
    judged_on = {"scenes": [seen for seen, _ in validation], "by ear": [heard for _, heard in validation]}
    if recipe.kit:
        more, judged_on["mixtures"] = _of_mixtures(recipe, config, request)
        learnt_from += more
    facts = {
        "training": {"scenes": len(training), "mixtures": len(learnt_from) - 2 * len(training)},
        "validation": {kind: len(recordings) for kind, recordings in judged_on.items()},
    }
    provenance = Provenance(to_mapping(recipe), facts, request.command, options.seed, device="CPU")
    systems = config.audio_tracker, f"dsw_fusion_{config.fusion.kind}"
    return [train_speaking(recipe, learnt_from, judged_on, request.out, options.seed, provenance, systems)]


def _of_scenes(
    paths: list[Path], config: LocalizerConfig, request: Request
) -> list[tuple[RecordingHistories, RecordingHistories]]:
    """Of each scene, with its pictures and by ear alone."""
    from avloc_ros.training.speaking.histories import histories_below

    with _bar("scenes") as progress:
        return histories_below(paths, config, request.options.cache, request.options.jobs, progress)


def _of_mixtures(
    recipe: SpeakingRecipe, config: LocalizerConfig, request: Request
) -> tuple[list[RecordingHistories], list[RecordingHistories]]:
    """To learn from, and to validate on."""
    from avloc_ros.training.any_array.candidates import DRAWS
    from avloc_ros.training.any_array.material import gather
    from avloc_ros.training.speaking.mixtures import TRAINING_SEED, VALIDATION_SEED, histories_by_processes

    console.print("gathering sounds and rooms; rooms are simulated once, about a second each")
    material = gather(recipe, Path(recipe.kit).expanduser(), request.out, draws=DRAWS)
    found = []
    for mixer, count, first_seed in (
        (material.training, recipe.mixtures, TRAINING_SEED),
        (material.validation, recipe.validation_mixtures, VALIDATION_SEED),
    ):
        with _bar("mixtures") as progress:
            found.append(histories_by_processes(mixer, config, count, first_seed, request.options.jobs, progress))
    return found[0], found[1]


@contextmanager
def _bar(what: str) -> Iterator[Callable[[int, int], None]]:
    """A progress bar, as progress(done, all)."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    with Progress(TextColumn(what), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), console=error_console) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
