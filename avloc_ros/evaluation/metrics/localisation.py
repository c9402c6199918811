"""LE, FR and FP in the picture (docs/papers.md: dsw; paper Sec. 3.3)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment

from avloc_ros.evaluation.metrics.frame_report import Candidate, FrameReport

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
class FrameScores:
    """Frames in columns of (frames,): localisation errors in pixels (NaN without talkers in the picture), counts of
    talkers and detections in the picture, and whether the frame is outside the collars."""

    error_px: np.ndarray
    error_cell_px: np.ndarray
    talkers: np.ndarray
    detections: np.ndarray
    counted: np.ndarray

    def __len__(self) -> int:
        return len(self.talkers)

    @property
    def excess(self) -> np.ndarray:
        """Detections beyond the number of talkers."""
        return np.maximum(0, self.detections - self.talkers)

    @property
    def right(self) -> np.ndarray:
        """Whether the count is right."""
        return self.detections == self.talkers

    def where(self, chosen: np.ndarray) -> FrameScores:
        """The frames that a mask or an index chooses."""
        return FrameScores(*(column[chosen] for column in _columns(self)))

    @staticmethod
    def joined(parts: Sequence[FrameScores]) -> FrameScores:
        """The frames of several recordings."""
        if not parts:
            return FrameScores(*(np.zeros(0, kind) for kind in (float, float, int, int, bool)))
        return FrameScores(*(np.concatenate(columns) for columns in zip(*map(_columns, parts), strict=True)))


def localisation_error(detections: np.ndarray, truth: np.ndarray) -> float:
    """Sum of pixel distances in the best assignment, divided by the number of talkers.

    detections (n, 2) with n >= talkers, truth (talkers, 2). Hungarian on Euclidean distances.
    """
    distances = np.linalg.norm(detections[:, None] - truth[None], axis=-1)  # (n, talkers)
    if len(truth) == 1:  # most frames: no assignment needed
        return float(distances.min())
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
) -> FrameScores:
    """Scores of consecutive frames of one recording, at the system's own threshold or at a given one."""
    rows = [_score(frame, picture, threshold) for frame in frames]
    errors, cell_errors, talkers, detections = zip(*rows, strict=True) if rows else ((), (), (), ())
    return FrameScores(
        np.array(errors, float),
        np.array(cell_errors, float),
        np.array(talkers, int),
        np.array(detections, int),
        np.array(outside_collars(talkers), bool),
    )


def summarise(scores: FrameScores) -> dict[str, float | None]:
    """LE mean and median, LE on cells, frame recall with and without collars, mean excess detections."""
    errors = scores.error_px[scores.talkers > 0]
    counted = scores.where(scores.counted)
    return {
        "le_px_mean": _mean(errors),
        "le_px_median": float(np.median(errors)) if len(errors) else None,
        "le_cell_px_mean": _mean(scores.error_cell_px[scores.talkers > 0]),
        "frame_recall": _mean(counted.right),
        "frame_recall_strict": _mean(scores.right),
        "false_positives": _mean(counted.excess),
    }


def by_talkers(scores: FrameScores) -> dict[str, dict[str, float | None]]:
    """The same for each number of talkers (paper Sec. 4.3)."""
    groups = {int(number): scores.where(scores.talkers == number) for number in np.unique(scores.talkers)}
    return {str(number): {"frames": len(group), **summarise(group)} for number, group in groups.items()}


def _score(
    frame: FrameReport, picture: PictureGeometry, threshold: float | None
) -> tuple[float, float, int, int]:
    """Errors on pixels and on cells, talkers, detections."""
    talkers = frame.talkers_in_picture()
    reported = [c for c in frame.reported(threshold) if c.in_picture]
    if not talkers:
        return np.nan, np.nan, 0, len(reported)
    others = [c for c in frame.candidates if c.in_picture and c not in reported]
    points = padded_detections(reported, others, len(talkers), picture)
    truth = np.array([(row.u_px, row.v_px) for row in talkers], float)
    return *both_errors(points, truth, picture), len(talkers), len(reported)


def both_errors(points: np.ndarray, truth: np.ndarray, picture: PictureGeometry) -> tuple[float, float]:
    """LE between detections (n, 2) and talkers (talkers, 2) as they are, and with both on their cells' centres."""
    return localisation_error(points, truth), localisation_error(picture.snapped(points), picture.snapped(truth))


def _columns(scores: FrameScores) -> tuple[np.ndarray, ...]:
    return scores.error_px, scores.error_cell_px, scores.talkers, scores.detections, scores.counted


def _mean(values: np.ndarray) -> float | None:
    return float(np.mean(values)) if len(values) else None
