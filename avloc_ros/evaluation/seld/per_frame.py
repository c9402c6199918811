"""F20, DOA error and relative distance error per frame (DCASE 2024 Task 3).

Every 100 ms frame counts for itself; a match is right within 20 degrees and, where distances are known, within a
relative distance error of 1. A class that was never matched is left out of the mean errors.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from avloc_ros.evaluation.seld.frames import ClassFrames, highest_frame, pair_directions
from avloc_ros.evaluation.seld.segments import EPSILON, NEAR_DEG
from avloc_ros.sources.dcase_csv import EventRow
from avloc_ros.types import InputError

FARTHEST_RELATIVE_DISTANCE = 1.0
COUNTED = (
    "right",
    "wrong_place",
    "false_positives",
    "false_negatives",
    "angle_sum_deg",
    "relative_distance_sum",
)


@dataclass
class FrameCounts:
    """Counts over frames, arrays (classes,); with_distance: whether distances are judged too."""

    classes: int
    with_distance: bool
    right: np.ndarray = field(init=False)
    wrong_place: np.ndarray = field(init=False)  # matched, but too far off in angle or distance
    false_positives: np.ndarray = field(init=False)
    false_negatives: np.ndarray = field(init=False)
    angle_sum_deg: np.ndarray = field(init=False)
    relative_distance_sum: np.ndarray = field(init=False)

    def __post_init__(self) -> None:
        for name in COUNTED:
            setattr(self, name, np.zeros(self.classes))

    def merge(self, other: FrameCounts) -> None:
        """Add the counts of another recording."""
        for name in COUNTED:
            setattr(self, name, getattr(self, name) + getattr(other, name))


def count_frames(
    reference: Sequence[EventRow],
    predicted: Sequence[EventRow],
    classes: int,
    with_distance: bool,
    frames: int | None = None,
) -> FrameCounts:
    """Counts of one recording; `frames` as in segments.count_recording. Raises InputError where a distance is missing."""
    if with_distance and any(row.distance_m is None for row in (*reference, *predicted)):
        raise InputError(
            "distances are to be judged, but some rows have none: give them, or score without distance"
        )
    counts = FrameCounts(classes, with_distance)
    true, guessed = ClassFrames.of(reference), ClassFrames.of(predicted)
    length = highest_frame(reference) if frames is None else frames
    for class_index in range(classes):
        for frame in range(length):
            here = true.classes.get(class_index, {}).get(frame, [])
            heard = guessed.classes.get(class_index, {}).get(frame, [])
            if here or heard:
                _count(counts, class_index, here, heard)
    return counts


def frame_scores(counts: FrameCounts) -> dict[str, Any]:
    """{micro, macro, classwise}, each with f20, doae_deg, rde and seld; None where nothing was matched or known."""
    per_class = [_scores(counts, [k]) for k in range(counts.classes)]
    means = {name: _mean([row[name] for row in per_class]) for name in ("f20", "doae_deg", "rde", "seld")}
    return {"micro": _scores(counts, list(range(counts.classes))), "macro": means, "classwise": per_class}


def _scores(counts: FrameCounts, chosen: list[int]) -> dict[str, float | None]:
    right, wrong_place = counts.right[chosen].sum(), counts.wrong_place[chosen].sum()
    strays = counts.false_positives[chosen].sum() + counts.false_negatives[chosen].sum()
    matched = right + wrong_place
    f20 = float(right / (EPSILON + matched + 0.5 * strays))
    doae_deg = float(counts.angle_sum_deg[chosen].sum() / matched) if matched else None
    rde = (
        float(counts.relative_distance_sum[chosen].sum() / matched)
        if matched and counts.with_distance
        else None
    )
    seld = _mean([1 - f20, None if doae_deg is None else doae_deg / 180, rde])
    return {"f20": f20, "doae_deg": doae_deg, "rde": rde, "seld": seld}


def _mean(values: list[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else None


def _count(counts: FrameCounts, k: int, reference: list[EventRow], predicted: list[EventRow]) -> None:
    counts.false_positives[k] += max(0, len(predicted) - len(reference))
    counts.false_negatives[k] += max(0, len(reference) - len(predicted))
    if not reference or not predicted:
        return
    rows, columns, angles_deg = pair_directions(reference, predicted)
    off = angles_deg > NEAR_DEG  # (pairs,)
    if counts.with_distance:
        errors = np.array(
            [_relative_error(reference[i], predicted[j]) for i, j in zip(rows, columns, strict=True)]
        )
        off |= errors > FARTHEST_RELATIVE_DISTANCE
        counts.relative_distance_sum[k] += errors.sum()
    counts.wrong_place[k] += off.sum()
    counts.right[k] += (~off).sum()
    counts.angle_sum_deg[k] += angles_deg.sum()


def _relative_error(reference: EventRow, predicted: EventRow) -> float:
    assert reference.distance_m is not None and predicted.distance_m is not None  # count_frames has looked
    return abs(reference.distance_m - predicted.distance_m) / (reference.distance_m + EPSILON)
