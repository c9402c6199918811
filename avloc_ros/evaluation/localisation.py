"""LE, FR and FP in the picture (specs: dsw, Metrics; paper Sec. 3.3)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy.optimize import linear_sum_assignment

from avloc_ros.evaluation.frame_report import Candidate, FrameReport

COLLAR_FRAMES = 2
SWEEP = tuple(round(0.05 * k, 2) for k in range(1, 20))  # 0.05 .. 0.95 (paper Fig. 4)


@dataclass(frozen=True)
class PictureGeometry:
    """Size of the picture in pixels, and the grid to whose cell centres `le_cell_px` snaps."""

    width: int
    height: int
    rows: int = 20
    cols: int = 24

    def snapped(self, points: np.ndarray) -> np.ndarray:
        """The centres of the cells that hold points (n, 2)."""
        cell = np.array([self.width / self.cols, self.height / self.rows])
        inside = np.clip(np.floor(points / cell), 0, [self.cols - 1, self.rows - 1])
        return (inside + 0.5) * cell


@dataclass(frozen=True)
class FrameScore:
    """One frame: localisation errors in pixels (None without talkers), counts, and whether it is outside the collars."""

    error_px: float | None
    error_cell_px: float | None
    talkers: int
    detections: int
    counted: bool

    @property
    def excess(self) -> int:
        return max(0, self.detections - self.talkers)


def localisation_error(detections: np.ndarray, truth: np.ndarray) -> float:
    """Sum of pixel distances in the best assignment, divided by the number of talkers.

    detections (n, 2) with n >= talkers, truth (talkers, 2). Hungarian on Euclidean distances.
    """
    distances = np.linalg.norm(detections[:, None] - truth[None], axis=-1)  # (n, talkers)
    rows, columns = linear_sum_assignment(distances)
    return float(distances[rows, columns].sum() / len(truth))


def padded_detections(
    reported: Sequence[Candidate], others: Sequence[Candidate], talkers: int, picture: PictureGeometry
) -> np.ndarray:
    """Pixels (n, 2) of what is reported, filled up to the number of talkers with the next best candidates.

    A system that has no further candidate guesses the centre of the picture.
    """
    points = [(c.u_px, c.v_px) for c in reported]
    points += [(c.u_px, c.v_px) for c in others][: max(0, talkers - len(points))]
    points += [(picture.width / 2, picture.height / 2)] * max(0, talkers - len(points))
    return np.array(points, float).reshape(-1, 2)


def outside_collars(counts: Sequence[int], collar_frames: int = COLLAR_FRAMES) -> list[bool]:
    """Per frame whether the true count is the same in all frames up to `collar_frames` away on either side."""
    last = len(counts) - 1
    shifts = [d for d in range(-collar_frames, collar_frames + 1) if d]
    return [all(counts[min(max(k + d, 0), last)] == counts[k] for d in shifts) for k in range(len(counts))]


def score_frames(
    frames: Sequence[FrameReport], picture: PictureGeometry, threshold: float | None = None
) -> list[FrameScore]:
    """Scores of consecutive frames of one recording, at the system's own threshold or at a given one."""
    counts = [len(frame.talkers_in_picture()) for frame in frames]
    return [
        _score(frame, picture, threshold, counted)
        for frame, counted in zip(frames, outside_collars(counts), strict=True)
    ]


def summarise(scores: Sequence[FrameScore]) -> dict[str, float | None]:
    """LE mean and median, LE on cells, frame recall with and without collars, mean excess detections."""
    errors = [s.error_px for s in scores if s.error_px is not None]
    cell_errors = [s.error_cell_px for s in scores if s.error_cell_px is not None]
    counted = [s for s in scores if s.counted]
    return {
        "le_px_mean": _mean(errors),
        "le_px_median": float(np.median(errors)) if errors else None,
        "le_cell_px_mean": _mean(cell_errors),
        "frame_recall": _mean([s.detections == s.talkers for s in counted]),
        "frame_recall_strict": _mean([s.detections == s.talkers for s in scores]),
        "false_positives": _mean([s.excess for s in counted]),
    }


def by_talkers(scores: Sequence[FrameScore]) -> dict[str, dict[str, float | None]]:
    """The same for each number of talkers (paper Sec. 4.3)."""
    numbers = sorted({s.talkers for s in scores})
    groups = {number: [s for s in scores if s.talkers == number] for number in numbers}
    return {str(number): {"frames": len(group), **summarise(group)} for number, group in groups.items()}


def _score(
    frame: FrameReport, picture: PictureGeometry, threshold: float | None, counted: bool
) -> FrameScore:
    talkers = frame.talkers_in_picture()
    reported = [c for c in frame.reported(threshold) if c.in_picture]
    if not talkers:
        return FrameScore(None, None, 0, len(reported), counted)
    others = [c for c in frame.candidates if c.in_picture and c not in reported]
    points = padded_detections(reported, others, len(talkers), picture)
    truth = np.array([(row.u_px, row.v_px) for row in talkers], float)
    errors = _both_errors(points.tobytes(), truth.tobytes(), picture)
    return FrameScore(*errors, len(talkers), len(reported), counted)


@lru_cache(maxsize=65536)
def _both_errors(points: bytes, truth: bytes, picture: PictureGeometry) -> tuple[float, float]:
    """Errors on pixels and on cells. Kept, because most thresholds of a sweep report the same places."""
    p, t = (np.frombuffer(raw, float).reshape(-1, 2) for raw in (points, truth))
    return localisation_error(p, t), localisation_error(picture.snapped(p), picture.snapped(t))


def _mean(values: Sequence[float | bool | int]) -> float | None:
    return float(np.mean(values)) if len(values) else None
