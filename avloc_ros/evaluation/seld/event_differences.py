"""Whether one sound event system is better than another: paired bootstrap over recordings, pooled over seeds."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from avloc_ros.evaluation.metrics.bootstrap import Interval
from avloc_ros.evaluation.seld.segments import SegmentCounts, macro, micro
from avloc_ros.types import InputError

FIGURES = ("er20", "f20", "le_cd_deg", "lr_cd", "seld")
AVERAGES = {"micro": micro, "macro": macro}
ARRAYS = ("near", "far", "false_positives", "false_negatives", "references", "angle_sum_deg")
NUMBERS = ("substitutions", "deletions", "insertions")
RESAMPLINGS = 1000
SEED = 20

BySeed = Sequence[Sequence[SegmentCounts]]  # for each seed, the counts of each recording, in one order


def event_figures(runs: BySeed, chosen: Sequence[int] | None = None, average: str = "micro") -> dict[str, float]:
    """Mean over seeds of the figures over recordings; chosen: their indices, with repetitions."""
    values = [AVERAGES[average](_merged(run, range(len(run)) if chosen is None else chosen)) for run in runs]
    return {name: float(np.mean([value[name] for value in values])) for name in FIGURES}


def paired_event_differences(first: BySeed, second: BySeed, average: str = "micro") -> dict[str, Interval]:
    """first - second of each figure with its 95 % interval over the same resampled recordings.

    Raises InputError where the two were not run on equally many recordings.
    """
    sizes = {len(run) for run in (*first, *second)}
    if len(sizes) != 1:
        raise InputError(f"the runs have {sorted(sizes)} recordings: a paired difference needs the same ones")
    recordings = sizes.pop()
    random = np.random.default_rng(SEED)
    draws = [random.integers(0, recordings, recordings).tolist() for _ in range(RESAMPLINGS)]
    resampled = [_difference(first, second, draw, average) for draw in draws]
    whole = _difference(first, second, None, average)
    found = {}
    for name in FIGURES:
        low, high = np.percentile([values[name] for values in resampled], [2.5, 97.5])
        found[name] = Interval(whole[name], float(low), float(high))
    return found


def _difference(first: BySeed, second: BySeed, chosen: Sequence[int] | None, average: str) -> dict[str, float]:
    ours, theirs = event_figures(first, chosen, average), event_figures(second, chosen, average)
    return {name: ours[name] - theirs[name] for name in FIGURES}


def _merged(run: Sequence[SegmentCounts], chosen: Sequence[int]) -> SegmentCounts:
    """The counts of the chosen recordings together, a recording as often as it is chosen."""
    total, times = SegmentCounts(run[0].classes), np.bincount(chosen, minlength=len(run))
    for name in ARRAYS:
        setattr(total, name, times @ np.stack([getattr(counts, name) for counts in run]))
    for name in NUMBERS:
        setattr(total, name, int(times @ np.array([getattr(counts, name) for counts in run])))
    return total
