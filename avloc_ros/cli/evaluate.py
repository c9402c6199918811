"""`avloc evaluate`: scores systems on recordings with truth."""

from __future__ import annotations

import argparse
import shlex
import sys
from pathlib import Path
from typing import Any

from avloc_ros.cli import dcase_scores
from avloc_ros.cli.console import console, error_console
from avloc_ros.config import from_mapping, load_parameters
from avloc_ros.types import InputError

TERMINAL_COLUMNS = {
    "le_px_mean": "LE px",
    "frame_recall": "FR",
    "false_positives": "FP",
    "azimuth_error_deg_median": "az deg",
    "azimuth_within_10deg": "in 10 deg",
    "count_accuracy": "count",
    "false_per_frame": "false",
    "mota": "MOTA",
}  # the page shows more: a terminal has 80 columns


def register(subparsers: Any) -> None:
    """Add the sub-command."""
    parser = subparsers.add_parser(
        "evaluate",
        help="score systems on scenes, bags or clips with truth",
        description="Scores systems on scene folders, folders of them, bags with truth, and labelled clips: localisation "
        "error, frame recall, false positives with a threshold sweep, azimuth errors, identities, processing time.",
    )
    parser.add_argument(
        "paths",
        nargs="*",
        type=Path,
        metavar="PATH",
        help="scene folder, folder of them, bag, labelled clips",
    )
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder for the report")
    parser.add_argument("--system", default="srp", choices=("srp",), help="audio tracker (default: srp)")
    parser.add_argument(
        "--tracker", default=None, choices=("sphere", "none"), help="speaker tracker (default: sphere)"
    )
    parser.add_argument(
        "--fusion", default="flat", choices=("flat", "audio", "video", "nearest_face"),
        help="what is reported: flat fusion, one sense alone, or the plain rule 'face nearest to the peak' (default: flat)",
    )  # fmt: skip
    parser.add_argument(
        "--threshold", type=float, default=None, metavar="X", help="instead of the system's own"
    )
    parser.add_argument(
        "--compare", action="store_true", help="a table of all systems, with intervals of their differences"
    )
    parser.add_argument("--config", type=Path, default=None, metavar="YAML", help="settings of the chain")
    parser.add_argument(
        "--array", type=Path, default=None, metavar="FILE", help="geometry for recordings without one"
    )
    parser.add_argument(
        "--rotate-channels", type=int, default=0, metavar="N",
        help="roll the channels of labelled clips of a regular array; the truth turns with them",
    )  # fmt: skip
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="recordings at once (default: 1)")
    dcase_scores.add_options(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Run the evaluation; raises InputError on bad input."""
    from avloc_ros.evaluation.contestants import COMPARED, Contestant
    from avloc_ros.evaluation.report_writer import write_report
    from avloc_ros.evaluation.run import evaluate_paths, machine, metrics

    if dcase_scores.wanted(options):
        return dcase_scores.run(options)
    if not options.paths:
        raise InputError("nothing to evaluate: give scenes or bags, or --dcase-ref and --dcase-pred")
    if options.threshold is not None and not 0 <= options.threshold <= 1:
        raise InputError(f"--threshold is {options.threshold}, allowed: 0 to 1")
    if options.jobs < 1:
        raise InputError(f"--jobs is {options.jobs}, need at least 1")
    tracker = options.tracker or ("none" if options.fusion == "nearest_face" else "sphere")
    main = Contestant(options.fusion, tracker, options.threshold)
    others = [c for c in COMPARED if c.name != main.name] if options.compare else []
    config = chain_config(options.config)
    from avloc_ros.geometry import MicrophoneArray

    array = MicrophoneArray.load(options.array) if options.array else None
    with _progress() as progress:
        task = progress.add_task("evaluating", total=None)
        evaluation = evaluate_paths(
            options.paths,
            [main, *others],
            config,
            array=array,
            rotate_channels=options.rotate_channels,
            jobs=options.jobs,
            progress=lambda done, total: progress.update(task, completed=done, total=total),
        )
    about = {
        "weights": weights_of(config),
        "command": shlex.join(["avloc", *sys.argv[1:]]),
        "machine": machine(),
    }
    figures = metrics(evaluation, about)
    page = write_report(options.out, evaluation, figures)
    print_table(figures)
    console.print(f"report: {page}", soft_wrap=True)
    return 0


def chain_config(path: Path | None) -> Any:
    """LocalizerConfig from a YAML file, or its defaults; offline runs are repeatable, so small faces come in step."""
    from avloc_ros.systems.localizer import LocalizerConfig

    values = load_parameters(path) if path is not None else {}
    values.setdefault("faces.small_faces", "sync")
    return from_mapping(LocalizerConfig, values, str(path or "settings"))


def weights_of(config: Any) -> list[dict[str, str]]:
    """Name and sha256 of the networks in use."""
    import hashlib

    from avloc_ros.evaluation.used_weights import weight_files

    return [
        {"name": path.name, "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}
        for path in weight_files(config)
    ]


def print_table(figures: dict[str, Any]) -> None:
    """The figures of all systems on the terminal."""
    from rich.table import Table

    from avloc_ros.evaluation.page import number

    table = Table(title=f"{len(figures['inputs'])} recordings, {figures['frames']} frames")
    table.add_column("system", no_wrap=True)
    for label in TERMINAL_COLUMNS.values():
        table.add_column(label, justify="right")
    for name, system in figures.get("systems", {figures["system"]: figures}).items():
        table.add_row(name, *(number(system[key]) for key in TERMINAL_COLUMNS))
    console.print(table)
    for other, row in figures.get("differences_95", {}).items():
        parts = [
            f"{label} {row[key]['difference']:+.3f} [{row[key]['low']:+.3f}, {row[key]['high']:+.3f}]"
            for key, label in (("le_px_mean", "LE"), ("frame_recall", "FR"), ("false_positives", "FP"))
        ]
        console.print(f"{figures['system']} minus {other}: {'  '.join(parts)}")
    clips = {
        k: v["clip_azimuth_error_deg"] for k, v in figures["inputs"].items() if "clip_azimuth_error_deg" in v
    }
    for name, error in clips.items():
        console.print(f"{name}: azimuth error of the clip {error:.1f} deg")


def _progress() -> Any:
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=error_console)
