"""`avloc evaluate`: scores systems on recordings with truth."""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from avloc_ros.cli import dcase_scores, event_scores
from avloc_ros.cli.console import console, error_console
from avloc_ros.cli.output_folder import check_writable
from avloc_ros.config import from_mapping
from avloc_ros.parameter_file import load_parameters
from avloc_ros.systems.audio_tracker import DEFAULT_TRACKER, TRACKERS
from avloc_ros.types import InputError

if TYPE_CHECKING:
    from avloc_ros.evaluation.chain.contestants import Contestant
    from avloc_ros.evaluation.dsw_rows import Row
    from avloc_ros.evaluation.run import Evaluation

FUSIONS = ("flat", "scalar", "spatial", "audio", "video", "sphere", "nearest_face")
ALL_SIZES = "10x12,20x24,40x48"


def register(subparsers: Any) -> None:
    """Add the sub-command."""
    parser = subparsers.add_parser(
        "evaluate",
        help="score systems on scenes, bags or clips with truth",
        description="Scores systems on scene folders, folders of them, bags with truth, and labelled clips: localisation "
        "error, frame recall, false positives with a threshold sweep, azimuth errors, identities, processing time.",
    )
    _add_recordings(parser)
    _add_systems(parser)
    _add_report(parser)
    dcase_scores.add_options(parser)
    event_scores.add_options(parser)
    parser.set_defaults(run=run)


def _add_recordings(parser: argparse.ArgumentParser) -> None:
    """On what is evaluated."""
    parser.add_argument(
        "paths", nargs="*", type=Path, metavar="PATH", help="scene folder, folder of them, bag, labelled clips"
    )
    parser.add_argument(
        "--validation", nargs="+", type=Path, default=None, metavar="PATH",
        help="recordings on which each system's own threshold is chosen (default: what the system says)",
    )  # fmt: skip
    parser.add_argument("--array", type=Path, default=None, metavar="FILE", help="geometry for recordings without one")
    parser.add_argument(
        "--rotate-channels", type=int, default=0, metavar="N",
        help="roll the channels of labelled clips of a regular array; the truth turns with them",
    )  # fmt: skip
    parser.add_argument(
        "--dataset", default="auto", choices=("auto", "avdiar"),
        help="avdiar: PATH holds sequences of this corpus, and nothing else will do (default: what is found)",
    )  # fmt: skip


def _add_systems(parser: argparse.ArgumentParser) -> None:
    """Who is evaluated, and with which settings."""
    parser.add_argument(
        "--system", default=None, choices=(*TRACKERS, "dsw", *event_scores.SYSTEMS),
        help=f"who hears (default: as --config says, else {DEFAULT_TRACKER}); "
        "dsw: the rows of the DSW paper's Table 1; av_seld, coloc: sound events",
    )  # fmt: skip
    parser.add_argument(
        "--audio-tracker", default=None, choices=TRACKERS,
        help="who hears in the table of --system dsw",
    )
    parser.add_argument(
        "--tracker", default=None, choices=("sphere", "none"),
        help="speaker tracker (default: sphere; none where the fusion reports by itself)",
    )  # fmt: skip
    parser.add_argument(
        "--fusion", default=None, choices=FUSIONS,
        help="what is reported: a fusion, one sense alone, the audio sphere's peaks, or the plain rule 'face nearest to the "
        "peak' (default: the fusion of the settings, as it runs live; with --system dsw the table's best row)",
    )  # fmt: skip
    parser.add_argument("--refine", action="store_true", help="the refinement network follows the fusion")
    parser.add_argument(
        "--weights", action="append", default=[], metavar="ROW=FILE[,FILE...]",
        help="weights of a row of --system dsw, several files for several seeds; of av_seld: a file, of coloc: a folder "
        "(default: the shipped ones)",
    )  # fmt: skip
    parser.add_argument("--threshold", type=float, default=None, metavar="X", help="instead of the system's own")
    parser.add_argument("--compare", action="store_true", help="several systems, with intervals of their differences")
    parser.add_argument("--config", type=Path, default=None, metavar="YAML", help="settings of the chain")


def _add_report(parser: argparse.ArgumentParser) -> None:
    """Where the report goes, what it holds beside the figures of all, and what making it may take."""
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder for the report")
    parser.add_argument(
        "--grid-sizes", nargs="?", const=ALL_SIZES, default=None, metavar="RxC,...",
        help=f"also the accuracy with these image grids (without a value: {ALL_SIZES})",
    )  # fmt: skip
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="recordings at once (default: 1)")
    parser.add_argument(
        "--cache", type=Path, default=None, metavar="DIR",
        help="keep audio grids and faces here, so that the next comparison of fusions runs no front end",
    )  # fmt: skip


def run(options: argparse.Namespace) -> int:
    """Run the evaluation; raises InputError on bad input."""
    from avloc_ros.cli.evaluate_tables import print_tables
    from avloc_ros.evaluation.dsw_table import dsw_table
    from avloc_ros.evaluation.metrics_file import metrics
    from avloc_ros.evaluation.pages.report_writer import write_report
    from avloc_ros.evaluation.thresholds import with_validated_thresholds

    check_writable(options.out)
    if dcase_scores.wanted(options):
        return dcase_scores.run(options)
    if event_scores.wanted(options):
        return event_scores.run(options)
    if not options.paths:
        raise InputError("nothing to evaluate: give scenes or bags, or --dcase-ref and --dcase-pred")
    check_options(options)
    config = chain_config(options.config)
    check_fusion_weights(options, config)
    if options.system in TRACKERS:
        options.audio_tracker = options.system
    options.audio_tracker = options.audio_tracker or config.audio_tracker
    contestants, rows, left_out = chosen_systems(options, config)
    evaluate = runner(options)
    if options.validation:
        validation = evaluate(options.validation, contestants, config, "thresholds")
        contestants = with_validated_thresholds(contestants, validation)
    evaluation = evaluate(options.paths, contestants, config, "evaluating")
    about = circumstances(options, config, contestants)
    figures = metrics(evaluation, about)
    if rows:
        figures["table1"] = dsw_table(evaluation, rows, left_out, about["look_ahead_s"])
    if options.grid_sizes:
        figures["grid_sizes"] = grid_size_rows(options, config, contestants[0], evaluate)
    page = write_report(options.out, evaluation, figures)
    print_tables(figures)
    console.print(f"report: {page}", soft_wrap=True)
    return 0


def check_options(options: argparse.Namespace) -> None:
    """Raises InputError on values that cannot be, and on options that do not belong together."""
    from avloc_ros.evaluation.grid_sizes import parse_sizes

    if options.grid_sizes:
        parse_sizes(options.grid_sizes)
    if options.live:
        raise InputError("--live belongs to --system av_seld or coloc: the other systems always step frame by frame")
    if options.threshold is not None and not 0 <= options.threshold <= 1:
        raise InputError(f"--threshold is {options.threshold}, allowed: 0 to 1")
    if options.jobs < 1:
        raise InputError(f"--jobs is {options.jobs}, need at least 1")
    if options.dataset == "avdiar":
        from avloc_ros.evaluation.inputs.avdiar_input import require_sequences

        require_sequences(options.paths)
    if options.weights and options.system != "dsw":
        raise InputError("--weights names rows of the table: give --system dsw with it")


def check_fusion_weights(options: argparse.Namespace, config: Any) -> None:
    """Raises InputError where the settings bring weights for one kind of fusion and another trained one is asked for."""
    asked, meant = options.fusion, config.fusion.kind
    if config.fusion.weights and asked != meant and (asked in ("scalar", "spatial") or (asked == "flat" and options.refine)):
        raise InputError(
            f"fusion.weights of --config is for fusion.kind {meant}, --fusion asks for {asked}: set fusion.kind to {asked} "
            "where the file is for it, or leave fusion.weights out"
        )


def chosen_systems(
    options: argparse.Namespace, config: Any
) -> tuple[tuple[Contestant, ...], list[Row], dict[str, str]]:
    """The contestants, the one in question first; with --system dsw also the table's rows, and why others are missing."""
    from avloc_ros.evaluation.chain.contestants import COMPARED, Contestant
    from avloc_ros.evaluation.chain.fusions import weights_in_settings
    from avloc_ros.evaluation.dsw_rows import BY_EAR, parse_weights, rows_to_run

    by_itself = options.fusion in ("nearest_face", "sphere")
    kind = options.fusion or config.fusion.kind
    refine = options.refine or (options.fusion is None and config.fusion.is_refined)
    named = Contestant(
        kind,
        options.tracker or ("none" if by_itself else "sphere"),
        options.threshold,
        refine,
        weights_in_settings(kind, refine, config.fusion),
        audio_tracker=options.audio_tracker,
    )
    if options.system != "dsw":
        compared = [replace(c, audio_tracker=options.audio_tracker) for c in COMPARED]
        others = [c for c in compared if c.name != named.name] if options.compare else []
        return (named, *others), [], {}
    rows, left_out = rows_to_run(config, parse_weights(options.weights), options.audio_tracker)
    table = [contestant for row in reversed(rows) for contestant in row.contestants]  # the best row first
    asked = [named] if options.fusion or options.tracker else []
    ear = Contestant("sphere", "none", audio_tracker=options.audio_tracker, label=BY_EAR)
    return (*asked, *table, ear), rows, left_out


def runner(options: argparse.Namespace) -> Callable[..., Evaluation]:
    """evaluate(paths, contestants, config, what): `evaluate_paths` with the command's options and a progress bar."""
    from avloc_ros.evaluation.run import evaluate_paths
    from avloc_ros.microphone_array import MicrophoneArray

    array = MicrophoneArray.load(options.array) if options.array else None

    def evaluate(paths: Any, contestants: Any, config: Any, what: str) -> Evaluation:
        with _progress() as progress:
            task = progress.add_task(what, total=None)
            return evaluate_paths(
                paths,
                contestants,
                config,
                array=array,
                rotate_channels=options.rotate_channels,
                jobs=options.jobs,
                cache=options.cache,
                progress=lambda done, total: progress.update(task, completed=done, total=total),
            )

    return evaluate


def grid_size_rows(
    options: argparse.Namespace, config: Any, contestant: Contestant, evaluate: Callable[..., Evaluation]
) -> list[dict[str, Any]]:
    """The system in question on other image grids; each size with a threshold of its own where --validation is given."""
    from dataclasses import replace

    from avloc_ros.evaluation.grid_sizes import accuracy_by_grid, as_rows, parse_sizes
    from avloc_ros.evaluation.thresholds import with_validated_thresholds

    def recordings(system: Contestant, sized: Any) -> list[Any]:
        what = f"grid {sized.srp.image_rows}x{sized.srp.image_cols}"
        if options.validation:
            validation = evaluate(options.validation, (system,), sized, what)
            (system,) = with_validated_thresholds((system,), validation)
        return evaluate(options.paths, (system,), sized, what).recordings[system.name]

    own = replace(contestant, threshold=options.threshold, label=contestant.name)
    return as_rows(accuracy_by_grid(own, config, parse_sizes(options.grid_sizes), recordings))


def chain_config(path: Path | None) -> Any:
    """LocalizerConfig from a YAML file, or its defaults; offline runs are repeatable, so small faces come in step."""
    from avloc_ros.systems.localizer import LocalizerConfig

    values = load_parameters(path) if path is not None else {}
    values.setdefault("faces.small_faces", "sync")
    return from_mapping(LocalizerConfig, values, str(path or "settings"))


def circumstances(options: argparse.Namespace, config: Any, contestants: tuple[Contestant, ...]) -> dict[str, Any]:
    """What the figures depend on beside the recordings: networks, command, machine, and how long the ear waits."""
    from avloc_ros.evaluation.chain.audio_trackers import audio_tracker_kind
    from avloc_ros.evaluation.metrics_file import machine

    return {
        "weights": weights_of(config, contestants),
        "command": shlex.join(["avloc", *sys.argv[1:]]),
        "machine": machine(),
        "look_ahead_s": audio_tracker_kind(options.audio_tracker).look_ahead_s,
    }


def weights_of(config: Any, contestants: tuple[Contestant, ...] = ()) -> list[dict[str, str]]:
    """Name and sha256 of the networks in use: the front ends', and fusions' that were given as files."""
    import hashlib

    from avloc_ros.evaluation.chain.audio_trackers import audio_tracker_kind
    from avloc_ros.evaluation.chain.used_weights import weight_files

    heard = [path for c in contestants for path in audio_tracker_kind(c.audio_tracker).weights(config)]
    brought = [Path(contestant.weights) for contestant in contestants if contestant.weights]
    return [
        {"name": path.name, "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}
        for path in dict.fromkeys([*weight_files(config), *heard, *brought])
    ]


def _progress() -> Any:
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=error_console)
