"""Masks and yes-no answers against truth, over a whole set: the confusion matrix and what follows from it."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

STEPS = 200  # of probability


@dataclass(frozen=True)
class Confusion:
    """Counts over all pixels (or frames) of a set; may be added. A ratio without any case is None."""

    true_positives: int = 0
    false_positives: int = 0
    false_negatives: int = 0
    true_negatives: int = 0

    @staticmethod
    def of(found: np.ndarray, true: np.ndarray) -> Confusion:
        """Of bool arrays of one shape."""
        found, true = np.asarray(found, bool), np.asarray(true, bool)
        hits, marked, wanted = int((found & true).sum()), int(found.sum()), int(true.sum())
        return Confusion(hits, marked - hits, wanted - hits, found.size - marked - wanted + hits)

    def __add__(self, other: Confusion) -> Confusion:
        return Confusion(
            self.true_positives + other.true_positives,
            self.false_positives + other.false_positives,
            self.false_negatives + other.false_negatives,
            self.true_negatives + other.true_negatives,
        )

    @property
    def accuracy(self) -> float | None:
        right = self.true_positives + self.true_negatives
        return _ratio(right, right + self.false_positives + self.false_negatives)

    @property
    def recall(self) -> float | None:
        return _ratio(self.true_positives, self.true_positives + self.false_negatives)

    @property
    def precision(self) -> float | None:
        return _ratio(self.true_positives, self.true_positives + self.false_positives)

    @property
    def f1(self) -> float | None:
        return self.tversky(0.5, 0.5)

    @property
    def iou(self) -> float | None:
        return self.tversky(1.0, 1.0)

    def tversky(self, false_negative_weight: float, false_positive_weight: float) -> float | None:
        """TP / (TP + w_fn FN + w_fp FP)."""
        wrong = false_negative_weight * self.false_negatives + false_positive_weight * self.false_positives
        return _ratio(self.true_positives, self.true_positives + wrong)

    def to_mapping(self, false_negative_weight: float = 0.7, false_positive_weight: float = 0.3) -> dict:
        """Counts and ratios for a report; the weights are those of its Tversky score."""
        return {
            "true_positives": self.true_positives,
            "false_positives": self.false_positives,
            "false_negatives": self.false_negatives,
            "true_negatives": self.true_negatives,
            "accuracy": self.accuracy,
            "recall": self.recall,
            "precision": self.precision,
            "f1": self.f1,
            "iou": self.iou,
            "tversky": self.tversky(false_negative_weight, false_positive_weight),
        }


@dataclass(frozen=True)
class ProbabilityCounts:
    """How many true and untrue cases had which probability, in STEPS steps: int (STEPS,) each; may be added."""

    true: np.ndarray = field(default_factory=lambda: np.zeros(STEPS, np.int64))
    untrue: np.ndarray = field(default_factory=lambda: np.zeros(STEPS, np.int64))

    @staticmethod
    def of(probability: np.ndarray, true: np.ndarray) -> ProbabilityCounts:
        """Of probabilities and bool arrays of one shape."""
        step = np.minimum((np.asarray(probability) * STEPS).astype(np.int64), STEPS - 1)
        return ProbabilityCounts(*(np.bincount(step[kind], minlength=STEPS) for kind in (true, ~np.asarray(true))))

    def __add__(self, other: ProbabilityCounts) -> ProbabilityCounts:
        return ProbabilityCounts(self.true + other.true, self.untrue + other.untrue)

    def confusion(self, threshold: float) -> Confusion:
        """Of probabilities at or above a threshold, a multiple of 1 / STEPS."""
        first = round(threshold * STEPS)
        hits, false = int(self.true[first:].sum()), int(self.untrue[first:].sum())
        return Confusion(hits, false, int(self.true.sum()) - hits, int(self.untrue.sum()) - false)

    def best_threshold(self) -> float:
        """The threshold with the highest F1, and so with the highest IoU; 0.5 where there is none."""
        scores = [self.confusion(step / STEPS).f1 or 0.0 for step in range(1, STEPS)]
        return (1 + int(np.argmax(scores))) / STEPS if max(scores) > 0 else 0.5


def _ratio(part: float, whole: float) -> float | None:
    return part / whole if whole else None
