"""The DSW paper's Table 1 on our recordings: rows with their seeds, and the spatial row against each other one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from avloc_ros.evaluation.dsw_rows import PAPER_DATA, Row
from avloc_ros.evaluation.metrics.bootstrap import Interval, paired_difference, paired_ratio
from avloc_ros.evaluation.metrics.localisation import FrameScores, by_talkers, summarise
from avloc_ros.evaluation.metrics_file import as_difference, enough
from avloc_ros.evaluation.recording import PAPER_THRESHOLD, Recording
from avloc_ros.evaluation.run import Evaluation

BEST = "spatial"
FIGURES = ("le_cell_px_mean", "le_px_mean", "frame_recall", "frame_recall_strict", "false_positives")
RATIOS = ("le_cell_px_mean", "le_px_mean")
DIFFERENCES = ("frame_recall", "false_positives")

Sums = tuple[np.ndarray, np.ndarray]


def dsw_table(
    evaluation: Evaluation, rows: Sequence[Row], left_out: dict[str, str], look_ahead_s: float
) -> dict[str, Any]:
    """`table1` of metrics.json.

    rows: {label: {own, at_0.75: {figure: {mean, sd, seeds}}, threshold, by_talkers, weights, paper}}; against:
    {label: {figure_ratio | figure: intervals of spatial / other, spatial - other}}, as `spatial_against`.
    """
    seeds = {row.label: [evaluation.recordings[c.name] for c in row.contestants] for row in rows}
    names = {row.label: row for row in rows}
    everything = [recording for runs in seeds.values() for run in runs for recording in run]
    return {
        "paper_data": "AVDIAR" if is_avdiar(everything) else PAPER_DATA,
        "look_ahead_s": look_ahead_s,
        "rows": {label: _row(names[label], runs) for label, runs in seeds.items()},
        "left_out": left_out,
        "spatial_against": against(seeds[BEST], {k: v for k, v in seeds.items() if k != BEST})
        if BEST in seeds
        else {},
    }


def is_avdiar(recordings: Sequence[Recording]) -> bool:
    """Whether all recordings say that they are AVDIAR's."""
    return bool(recordings) and all(str(r.facts.get("dataset", "")).upper() == "AVDIAR" for r in recordings)


def against(best: list[list[Recording]], others: dict[str, list[list[Recording]]]) -> dict[str, Any]:
    """The best row against each other one, seeds averaged: ratios of LE, differences of FR and FP, 95 % intervals.

    Paired over the recordings that are resampled. {} with fewer than three recordings.
    """
    if not enough(best[0]):
        return {}
    numbers = sorted({int(n) for r in best[0] for n in np.unique(r.scores.talkers) if n > 0})
    return {
        label: _compared(best, runs)
        | {"by_talkers": {str(number): _compared(best, runs, number) for number in numbers}}
        for label, runs in others.items()
    }


def over_seeds(values: Sequence[float | None]) -> dict[str, Any] | None:
    """Mean, standard deviation (of the sample; None with one seed) and the values; None where there are none."""
    known = [value for value in values if value is not None]
    if not known:
        return None
    return {
        "mean": float(np.mean(known)),
        "sd": float(np.std(known, ddof=1)) if len(known) > 1 else None,
        "seeds": known,
    }


def _row(row: Row, runs: list[list[Recording]]) -> dict[str, Any]:
    own = [FrameScores.joined([r.scores for r in run]) for run in runs]
    paper = [
        FrameScores.joined([r.table.scores(PAPER_THRESHOLD) for r in run if r.picture is not None])
        for run in runs
    ]
    numbers = sorted({int(n) for scores in own for n in np.unique(scores.talkers)})
    tables = [by_talkers(scores) for scores in own]
    thresholds = [r.own_threshold for run in runs for r in run if r.own_threshold is not None]
    return {
        "weights": [contestant.weights or "shipped" for contestant in row.contestants],
        "threshold": float(np.median(thresholds)) if thresholds else None,
        "own": _figures([summarise(scores) for scores in own]),
        "at_0.75": _figures([summarise(scores) for scores in paper]),
        "by_talkers": {
            str(n): _figures([table[str(n)] for table in tables if str(n) in table]) for n in numbers
        },
        "paper": asdict(row.paper) if row.paper is not None else None,
    }


def _figures(summaries: Sequence[dict[str, float | None]]) -> dict[str, Any]:
    return {name: over_seeds([summary[name] for summary in summaries]) for name in FIGURES}


def _compared(
    best: list[list[Recording]], others: list[list[Recording]], talkers: int | None = None
) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for figure in RATIOS:
        ratio = paired_ratio(*_averaged(best, figure, talkers), *_averaged(others, figure, talkers))
        found[f"{figure}_ratio"] = _as_ratio(ratio)
    for figure in DIFFERENCES:
        difference = paired_difference(*_averaged(best, figure, talkers), *_averaged(others, figure, talkers))
        found[figure] = as_difference(difference)
    return found


def _averaged(runs: list[list[Recording]], figure: str, talkers: int | None) -> Sums:
    """Sums and counts (recordings,), averaged over seeds."""
    sums = np.array([[recording.sums(talkers)[figure] for recording in run] for run in runs], float)
    mean = sums.mean(0)  # (recordings, 2)
    return mean[:, 0], mean[:, 1]


def _as_ratio(interval: Interval | None) -> dict[str, float] | None:
    if interval is None:
        return None
    return {"ratio": interval.value, "low": interval.low, "high": interval.high}
