"""How well the any-array networks find talkers on mixtures that they did not learn from, and the threshold that suits them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from avloc_ros.datasets.mixtures.any_array_mix import Analysed
from avloc_ros.decode.peaks import find_peaks
from avloc_ros.features.inputs.any_array_layout import COLS, ROWS
from avloc_ros.geometry import angles_from_direction, sphere_grid, wrap_angle
from avloc_ros.training.any_array.one_by_one import AnyArrayModule
from avloc_ros.types import Modality, SpeakerGrid

NEAR_RAD = np.radians(10.0)
THRESHOLDS = np.round(np.arange(0.04, 0.8, 0.02), 2)
CHOICE = "the cell threshold of 0.04 .. 0.78 with the highest F1 of peaks within 10 degrees of azimuth, on validation mixtures"
LOOK_EVERY = 5  # frames: neighbours are alike
Answer = tuple[np.ndarray, np.ndarray, np.ndarray]  # as score_probabilities takes them


@dataclass(frozen=True)
class CellScores:
    """Per threshold: hits, peaks and talkers; and the azimuth error of hits at the best one, degrees."""

    hits: np.ndarray
    peaks: np.ndarray
    talkers: int
    errors_deg: np.ndarray

    @property
    def f1(self) -> np.ndarray:
        return 2 * self.hits / np.maximum(self.peaks + self.talkers, 1)

    @property
    def threshold(self) -> float:
        return float(THRESHOLDS[int(np.argmax(self.f1))])

    def facts(self) -> dict[str, Any]:
        """For the card."""
        best = int(np.argmax(self.f1))
        return {
            "f1": round(float(self.f1[best]), 3),
            "precision": round(float(self.hits[best] / max(self.peaks[best], 1)), 3),
            "recall": round(float(self.hits[best] / max(self.talkers, 1)), 3),
            "azimuth_error_deg_median": round(float(np.median(self.errors_deg)), 2) if len(self.errors_deg) else None,
            "talkers": self.talkers,
        }


@torch.no_grad()
def score_cells(module: AnyArrayModule, examples: Sequence[Analysed]) -> CellScores:
    """Peaks of every fifth frame against the talkers who speak in it, all microphone pairs in use."""
    return score_probabilities(_answer(module, example) for example in examples)


def score_probabilities(answers: Iterable[Answer]) -> CellScores:
    """The same of given probabilities: (frames, ROWS, COLS), azimuths (talkers,), active bool (talkers, frames)."""
    hits, peaks = np.zeros(len(THRESHOLDS)), np.zeros(len(THRESHOLDS))
    talkers, errors = 0, []
    for probability, truth, active in answers:
        for values, speaks in zip(probability, active.T, strict=True):
            speaking = truth[speaks]
            talkers += len(speaking)
            found = find_peaks(_grid(values), float(THRESHOLDS[0]), 8, 3.0)
            heights = np.array([peak.probability for peak in found])
            peaks += (heights[None] >= THRESHOLDS[:, None]).sum(1)
            off = np.abs(wrap_angle(np.array([p.u for p in found])[:, None] - speaking[None]))  # (peaks, talkers)
            for talker in range(len(speaking) if len(found) else 0):
                own = off[:, talker] < NEAR_RAD
                if own.any():
                    hits += heights[own].max() >= THRESHOLDS
                    errors.append(np.degrees(off[own, talker].min()))
    return CellScores(hits, peaks, talkers, np.array(errors))


def frames_looked_at(frames: int) -> np.ndarray:
    """The frames of an example that are scored."""
    return np.arange(2 * LOOK_EVERY, frames, LOOK_EVERY)


def _answer(module: AnyArrayModule, example: Analysed) -> Answer:
    at = frames_looked_at(len(example.phases))
    truth = angles_from_direction(example.directions)[0] if len(example.directions) else np.zeros(0)
    return module.probability(example, at), truth, example.active[:, at]


def _grid(values: np.ndarray) -> SpeakerGrid:
    return SpeakerGrid(0, sphere_grid(ROWS, COLS), Modality.AUDIO, values, 0.0, "any_array", "array")
