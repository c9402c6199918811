"""ER20, F20, LE_CD, LR_CD and SELD over blocks of one second (DCASE 2022/23 Task 3; docs/papers.md: av_seld).

Where the rules of the public evaluator surprise, the code says so; results agree with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from avloc_ros.evaluation.seld.frames import ByFrame, ClassFrames, highest_frame, pair_directions
from avloc_ros.sources.dcase_csv import EventRow

BLOCK_FRAMES = 10  # of 100 ms
NEAR_DEG = 20.0
FARTHEST_DEG = 180.0  # localisation error of a class that was never found
EPSILON = np.finfo(float).eps


@dataclass
class SegmentCounts:
    """What is counted over blocks, arrays (classes,); `merge` adds the counts of another recording."""

    classes: int
    near: np.ndarray = field(init=False)  # matched within 20 degrees
    far: np.ndarray = field(init=False)  # matched, but beyond
    false_positives: np.ndarray = field(init=False)
    false_negatives: np.ndarray = field(init=False)
    references: np.ndarray = field(init=False)
    angle_sum_deg: np.ndarray = field(init=False)  # of the mean angles of matched tracks
    substitutions: int = 0
    deletions: int = 0
    insertions: int = 0

    def __post_init__(self) -> None:
        for name in ("near", "far", "false_positives", "false_negatives", "references", "angle_sum_deg"):
            setattr(self, name, np.zeros(self.classes))

    @property
    def matched(self) -> np.ndarray:
        """Reference tracks with a prediction of their class at any distance, (classes,)."""
        return self.near + self.far

    def merge(self, other: SegmentCounts) -> None:
        """Add the counts of another recording."""
        for name in ("near", "far", "false_positives", "false_negatives", "references", "angle_sum_deg"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.substitutions += other.substitutions
        self.deletions += other.deletions
        self.insertions += other.insertions

    def error_rate(self) -> float:
        """ER20 = (S + D + I) / N_ref, always over all classes."""
        errors = self.substitutions + self.deletions + self.insertions
        return float(errors / (self.references.sum() + EPSILON))


def count_recording(
    reference: Sequence[EventRow], predicted: Sequence[EventRow], classes: int, frames: int | None = None
) -> SegmentCounts:
    """Counts of one recording. frames: its length in label frames; without it, the evaluator's rule.

    That rule takes the highest frame index of the reference for the number of frames: a last frame that alone would open
    a block is not scored.
    """
    counts = SegmentCounts(classes)
    true, guessed = ClassFrames.of(reference), ClassFrames.of(predicted)
    length = highest_frame(reference) if frames is None else frames
    for first in range(0, length, BLOCK_FRAMES):
        _count_block(counts, true, guessed, first)
    return counts


def micro(counts: SegmentCounts) -> dict[str, float]:
    """Scores over all events alike: er20, f20, le_cd_deg, lr_cd, seld."""
    matched, misses = counts.matched.sum(), counts.false_negatives.sum()
    wrong = counts.far.sum() + 0.5 * (counts.false_positives.sum() + misses)
    f20 = counts.near.sum() / (counts.near.sum() + wrong + EPSILON)
    le_deg = counts.angle_sum_deg.sum() / matched if matched else FARTHEST_DEG
    return _scores(counts.error_rate(), f20, le_deg, matched / (matched + misses + EPSILON))


def macro(counts: SegmentCounts) -> dict[str, float]:
    """Means over all classes; a class without events counts F 0, LE 180, LR 0. ER is over all classes at once."""
    rows = classwise(counts)
    f20, le_deg, recall = (float(np.mean([row[k] for row in rows])) for k in ("f20", "le_cd_deg", "lr_cd"))
    return _scores(counts.error_rate(), f20, le_deg, recall)


def classwise(counts: SegmentCounts) -> list[dict[str, float]]:
    """Per class f20, le_cd_deg, lr_cd, references and seld (with the ER of all classes, as the evaluator prints)."""
    matched, misses = counts.matched, counts.false_negatives
    f20 = counts.near / (EPSILON + matched + 0.5 * (counts.false_positives + misses))
    le_deg = np.where(matched > 0, counts.angle_sum_deg / np.maximum(matched, 1), FARTHEST_DEG)
    recall = matched / (EPSILON + matched + misses)
    return [
        _scores(counts.error_rate(), f20[k], le_deg[k], recall[k])
        | {"references": float(counts.references[k])}
        for k in range(counts.classes)
    ]


def segment_scores(counts: SegmentCounts) -> dict[str, Any]:
    """The block of metrics.json: micro, macro, each with er20, f20, le_cd_deg, lr_cd, seld; and classwise."""
    return {"micro": micro(counts), "macro": macro(counts), "classwise": classwise(counts)}


def _scores(error_rate: float, f20: float, le_deg: float, recall: float) -> dict[str, float]:
    seld = np.mean([error_rate, 1 - f20, le_deg / 180, 1 - recall])
    values: dict[str, Any] = {"er20": error_rate, "f20": f20, "le_cd_deg": le_deg, "lr_cd": recall, "seld": seld}
    return {name: float(value) for name, value in values.items()}


def _count_block(counts: SegmentCounts, true: ClassFrames, guessed: ClassFrames, first: int) -> None:
    false_positives = false_negatives = (
        0  # over the classes: a wrong class is one substitution, not two errors
    )
    for class_index in range(counts.classes):
        reference = true.between(class_index, first, first + BLOCK_FRAMES)
        predicted = guessed.between(class_index, first, first + BLOCK_FRAMES)
        if not reference and not predicted:
            continue
        wrong, missed = _count_class(counts, class_index, reference, predicted)
        false_positives += wrong
        false_negatives += missed
    counts.substitutions += min(false_positives, false_negatives)
    counts.deletions += max(0, false_negatives - false_positives)
    counts.insertions += max(0, false_positives - false_negatives)


def _count_class(counts: SegmentCounts, k: int, reference: ByFrame, predicted: ByFrame) -> tuple[int, int]:
    """Counts of one class in one block; returns what it adds to the block's false positives and negatives."""
    references, predictions = _tracks(reference), _tracks(predicted)
    counts.references[k] += references
    angles_deg = _track_angles(reference, predicted)
    if references and predictions and not angles_deg:
        # Both sound in this block, but in no common frame: the evaluator counts the predictions, and as misses.
        counts.false_negatives[k] += predictions
        return 0, predictions
    far = int(np.sum(np.array(angles_deg) > NEAR_DEG)) if angles_deg else 0
    counts.near[k] += len(angles_deg) - far
    counts.far[k] += far
    counts.angle_sum_deg[k] += sum(angles_deg)
    surplus, missed = max(0, predictions - references), max(0, references - predictions)
    counts.false_positives[k] += surplus
    counts.false_negatives[k] += missed
    return surplus + far, missed


def _tracks(frames: ByFrame) -> int:
    return max((len(rows) for rows in frames.values()), default=0)


def _track_angles(reference: ByFrame, predicted: ByFrame) -> list[float]:
    """Mean angle in degrees per reference track; the track is the row's index in its frame, not the source number."""
    angles: dict[int, list[float]] = {}
    for frame in reference.keys() & predicted.keys():
        tracks, _, angles_deg = pair_directions(reference[frame], predicted[frame])
        for track, angle_deg in zip(tracks, angles_deg, strict=True):
            angles.setdefault(int(track), []).append(float(angle_deg))
    return [sum(values) / len(values) for values in angles.values()]
