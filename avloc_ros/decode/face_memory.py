"""Who speaks, weighed over time: every face seen has a belief that pictures and their sound move, one after the other.

A network that sees a third of a second takes a pause for silence and a noise for a voice; who spoke just now most likely
still does. The belief is the forward filter of a chain of two states, silent and speaking (Rabiner 1989, equations 19 to
20); it needs nothing of the future. What moves it is the mask over the face, and what is heard in the face's direction
where the network has an ear for that.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np

from avloc_ros.config import setting
from avloc_ros.decode.speaker_mask import SMALLEST_BLOB, SMALLEST_BLOB_PX

NS = 1_000_000_000
STEP_S = 0.05  # time that `evidence` is about
LEAST = 1e-3  # probability, so that logarithms are finite
SUREST = 8.0  # log-odds of a belief at most


@dataclass(frozen=True)
class FaceMemoryConfig:
    """How fast beliefs change, and what is the same face from one picture to the next."""

    face_threshold: float = setting(0.5, "probability above which a pixel is a face's", low=0.0, high=1.0)
    evidence: float = setting(
        0.3, "what counts of a picture's log-odds per 50 ms: windows of sound overlap, and repeat each other", low=0.0, high=1.0
    )
    undecided: float = setting(0.27, "mean probability over a face that speaks neither for nor against", low=0.01, high=0.99)
    heard: float = setting(
        0.0, "what counts, beside, per 50 ms of the log-odds that a voice is heard in the face's direction", low=0.0, high=1.0
    )
    heard_undecided: float = setting(0.5, "probability of that voice that speaks neither for nor against", low=0.01, high=0.99)
    memory_s: float = setting(1.2, "time in which a belief comes 63 % of its way to one half by itself", low=0.01, high=60.0)
    first: float = setting(0.2, "belief in a face that has just come", low=0.01, high=0.99)
    reach: float = setting(0.12, "how far a face may move between pictures, in widths of the picture", low=0.0, high=1.0)
    kept_s: float = setting(0.2, "how long a face that is lost is remembered", low=0.0, high=10.0)


@dataclass
class _Face:
    """A face that was seen: its centre (u, v) in pixels of the network's picture, its belief as log-odds, when."""

    centre: np.ndarray
    log_odds: float
    stamp_ns: int


class FaceMemory:
    """Give it the masks of one picture after the other."""

    def __init__(self, config: FaceMemoryConfig | None = None) -> None:
        self.config = config or FaceMemoryConfig()
        self.reset()

    def reset(self) -> None:
        """Forget all faces."""
        self._faces: list[_Face] = []

    def step(
        self, speaking: np.ndarray, faces: np.ndarray, stamp_ns: int, heard: np.ndarray | None = None
    ) -> np.ndarray:
        """The belief that its face speaks for every pixel of a face, 0 elsewhere: float32 (rows, cols).

        speaking, faces: probabilities (rows, cols) that a pixel belongs to a speaker, and to anybody's face. heard: log-odds
        (cols,) of a voice in the direction of each column; None: nothing but the mask counts. A picture that is not
        younger than the last one begins anew.
        """
        if any(stamp_ns <= face.stamp_ns for face in self._faces):
            self.reset()
        self._faces = [face for face in self._faces if stamp_ns - face.stamp_ns <= self.config.kept_s * NS]
        belief = np.zeros(speaking.shape, np.float32)
        parts = _parts(faces >= self.config.face_threshold)
        known = _nearest([face.centre for face in self._faces], [c for c, _ in parts], self.config.reach * speaking.shape[1])
        found = []
        for (centre, inside), number in zip(parts, known, strict=True):
            before = None if number is None else self._faces[number]
            evidence = self._evidence(float(speaking[inside].mean()), None if heard is None else _at(heard, centre))
            log_odds = self._learned(before, evidence, stamp_ns)
            belief[inside] = 1 / (1 + math.exp(-log_odds))
            found.append(_Face(centre, log_odds, stamp_ns))
        self._faces = found + [face for number, face in enumerate(self._faces) if number not in known]
        return belief

    def _evidence(self, probability: float, heard: float | None) -> float:
        """What 50 ms of a picture and its sound add to the log-odds of a face."""
        config = self.config
        seen = config.evidence * (_log_odds(probability) - _log_odds(config.undecided))
        return seen if heard is None else seen + config.heard * (heard - _log_odds(config.heard_undecided))

    def _learned(self, before: _Face | None, evidence: float, stamp_ns: int) -> float:
        """Log-odds of a face after a picture, from those before it."""
        config, step_s, belief = self.config, STEP_S, self.config.first
        if before is not None:
            step_s = (stamp_ns - before.stamp_ns) / NS
            belief = 1 / (1 + math.exp(-before.log_odds))
        belief = 0.5 + (belief - 0.5) * math.exp(-step_s / config.memory_s)
        weight = min(step_s / STEP_S, 1 / max(config.evidence, config.heard, 1e-6))  # nothing counts more than once
        log_odds = _log_odds(belief) + weight * evidence
        return min(SUREST, max(-SUREST, log_odds))


def _at(columns: np.ndarray, centre: np.ndarray) -> float:
    """Of values (cols,) the one in whose column a centre (u, v) lies."""
    return float(columns[min(len(columns) - 1, round(float(centre[0])))])


def _log_odds(probability: float) -> float:
    return math.log((probability + LEAST) / (1 - probability + LEAST))


def _parts(mask: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """Centre (u, v) and pixels, bool (rows, cols), of every connected part of a mask but specks."""
    count, labels, stats, centres = cv2.connectedComponentsWithStats(mask.astype(np.uint8))
    smallest = max(SMALLEST_BLOB_PX, SMALLEST_BLOB * mask.size)
    large = [number for number in range(1, count) if stats[number, cv2.CC_STAT_AREA] >= smallest]
    return [(centres[number], labels == number) for number in large]


def _nearest(known: list[np.ndarray], new: list[np.ndarray], reach: float) -> list[int | None]:
    """For each new centre the number of its known one, nearest pairs first, none twice; None beyond reach."""
    chosen: list[int | None] = [None] * len(new)
    pairs = sorted(
        (float(np.linalg.norm(a - b)), i, j) for i, a in enumerate(known) for j, b in enumerate(new)
    )
    taken: set[int] = set()
    for distance, i, j in pairs:
        if distance <= reach and i not in taken and chosen[j] is None:
            chosen[j] = i
            taken.add(i)
    return chosen
