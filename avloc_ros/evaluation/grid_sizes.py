"""Accuracy against the size of the image grid (paper Sec. 2.2 claims no difference)."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from avloc_ros.evaluation.chain.contestants import Contestant
from avloc_ros.evaluation.chain.fusions import open_fusion_of
from avloc_ros.evaluation.recording import Recording
from avloc_ros.evaluation.summary import metrics_of
from avloc_ros.systems.localizer import LocalizerConfig
from avloc_ros.types import InputError

SIZES = ((10, 12), (20, 24), (40, 48))  # rows, columns (paper Sec. 2.2)
FIGURES = ("le_px_mean", "le_cell_px_mean", "frame_recall", "frame_recall_strict", "false_positives")


@dataclass(frozen=True)
class GridSize:
    """One line of the table: its figures, or why there are none."""

    rows: int
    cols: int
    threshold: float | None
    figures: dict[str, float | None] | None
    note: str = ""


def parse_sizes(words: str) -> tuple[tuple[int, int], ...]:
    """`10x12,20x24` as ((10, 12), (20, 24)), rows first. Raises InputError on anything else."""
    sizes = []
    for word in words.split(","):
        match = re.fullmatch(r"(\d+)x(\d+)", word.strip())
        if match is None or min(int(match[1]), int(match[2])) < 2:
            raise InputError(f"--grid-sizes {words}: give ROWSxCOLUMNS, separated by commas, such as 10x12,20x24,40x48")
        sizes.append((int(match[1]), int(match[2])))
    return tuple(sizes)


def accuracy_by_grid(
    contestant: Contestant,
    config: LocalizerConfig,
    sizes: tuple[tuple[int, int], ...],
    evaluate: Callable[[Contestant, LocalizerConfig], list[Recording]],
) -> list[GridSize]:
    """The contestant on image grids of these sizes. evaluate(contestant, config) runs it on the recordings.

    A size for which the fusion has no weights gets a note instead of figures. `le_cell_px_mean` is on cells of the
    size itself, so only `le_px_mean` compares between sizes.
    """
    found = []
    for rows, cols in sizes:
        sized = replace(config, srp=replace(config.srp, image_rows=rows, image_cols=cols))
        try:
            if contestant.choice is not None:
                open_fusion_of(contestant.choice, sized)
            recordings = evaluate(contestant, sized)
        except InputError as error:
            found.append(GridSize(rows, cols, None, None, str(error)))
            continue
        figures = metrics_of(recordings, whole=False)
        own = next((r.own_threshold for r in recordings if r.own_threshold is not None), None)
        found.append(GridSize(rows, cols, own, {name: figures[name] for name in FIGURES}))
    return found


def as_rows(sizes: list[GridSize]) -> list[dict[str, Any]]:
    """`grid_sizes` of metrics.json."""
    return [
        {"rows": size.rows, "cols": size.cols, "threshold": size.threshold, "note": size.note, **(size.figures or {})}
        for size in sizes
    ]
