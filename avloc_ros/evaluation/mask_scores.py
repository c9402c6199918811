"""Masks and yes-no answers against truth, over a whole set: the confusion matrix and what follows from it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


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


def _ratio(part: float, whole: float) -> float | None:
    return part / whole if whole else None
