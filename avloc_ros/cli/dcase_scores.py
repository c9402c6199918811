"""`avloc evaluate --dcase-ref DIR --dcase-pred DIR`: scores event files in the form of DCASE Task 3."""

from __future__ import annotations

import argparse
import shlex
import sys
from pathlib import Path
from typing import Any

from avloc_ros.cli.console import console
from avloc_ros.types import InputError

STARSS_CLASS_COUNT = 13
DISTANCE_UNITS_M = {"cm": 0.01, "m": 1.0}


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of event files, beside those of scenes."""
    group = parser.add_argument_group("sound events in DCASE CSV files")
    group.add_argument(
        "--dcase-ref", type=Path, default=None, metavar="DIR", help="folder of reference CSV files"
    )
    group.add_argument(
        "--dcase-pred", type=Path, default=None, metavar="DIR", help="folder of predicted CSV files"
    )
    group.add_argument(
        "--dcase-classes",
        type=int,
        default=STARSS_CLASS_COUNT,
        metavar="N",
        help="number of classes (default: 13)",
    )
    group.add_argument(
        "--dcase-distance", default="cm", choices=tuple(DISTANCE_UNITS_M),
        help="unit of the predicted distances (default: cm)",
    )  # fmt: skip


def wanted(options: argparse.Namespace) -> bool:
    """Whether the command line asks for event files."""
    return options.dcase_ref is not None or options.dcase_pred is not None


def run(options: argparse.Namespace) -> int:
    """Score and report; raises InputError on bad input."""
    from avloc_ros.evaluation.seld.folders import read_pairs, score_recordings, write_scores

    if options.dcase_ref is None or options.dcase_pred is None:
        raise InputError(
            "--dcase-ref and --dcase-pred go together: reference and predictions are both needed"
        )
    if options.paths:
        raise InputError("PATH and --dcase-ref are two evaluations: give one of them")
    if options.dcase_classes < 1:
        raise InputError(f"--dcase-classes is {options.dcase_classes}, need at least 1")
    unit_m = DISTANCE_UNITS_M[options.dcase_distance]
    pairs = read_pairs(options.dcase_ref, options.dcase_pred, options.dcase_classes, unit_m)
    scores = score_recordings(pairs, options.dcase_classes)
    scores["command"] = shlex.join(["avloc", *sys.argv[1:]])
    path = write_scores(options.out, scores)
    print_scores(scores)
    console.print(f"scores: {path}", soft_wrap=True)
    return 0


def print_scores(scores: dict[str, Any]) -> None:
    """Micro and macro on the terminal."""
    from rich.table import Table

    table = Table(title=f"{scores['recordings']} recordings, {scores['classes']} classes")
    table.add_column("average")
    for label in ("ER20", "F20", "LE_CD deg", "LR_CD", "SELD"):
        table.add_column(label, justify="right")
    for average in ("micro", "macro"):
        row = scores[average]
        table.add_row(average, *(f"{row[key]:.3f}" for key in ("er20", "f20", "le_cd_deg", "lr_cd", "seld")))
    console.print(table)
    if scores["unscored"]:
        console.print(f"without events in the reference, not scored: {', '.join(scores['unscored'])}")
