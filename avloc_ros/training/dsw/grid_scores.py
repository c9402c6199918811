"""How good a network's grids are, by the rules of evaluation: LE, FR, FP per threshold, and which threshold is best."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from avloc_ros.datasets.grids.grid_recordings import GridRecording
from avloc_ros.decode.peaks import peaks_of_frames
from avloc_ros.evaluation.metrics.frame_report import Candidate, FrameReport
from avloc_ros.evaluation.metrics.localisation import FrameScores, PictureGeometry, by_talkers, summarise
from avloc_ros.evaluation.sweep_table import SweepTable
from avloc_ros.geometry import image_grid
from avloc_ros.models.dsw.fusion import FusionNetwork
from avloc_ros.sources.truth import TruthRow
from avloc_ros.systems.flat_fusion import weighted_fusion

THRESHOLDS = tuple(round(0.02 * k, 2) for k in range(1, 50))  # 0.02 .. 0.98
LE_PENALTY_PER_PX = 0.005  # what a pixel of mean localisation error costs against frame recall: 10 px are worth 0.05
MAX_CANDIDATES = 12
BATCH = 256

Scores = dict[str, float | None]


@dataclass(frozen=True)
class Predictions:
    """A network's answer to one recording: probability, the unrefined one, and both weights, (frames, rows, cols)."""

    probability: np.ndarray
    unrefined: np.ndarray
    audio_weight: np.ndarray
    video_weight: np.ndarray


@torch.no_grad()
def predict(network: FusionNetwork, recording: GridRecording) -> Predictions:
    """Run a network over all frames of a recording, on the device where the network is."""
    device = next(network.parameters()).device if any(True for _ in network.parameters()) else "cpu"
    network.eval()
    parts: list[tuple[np.ndarray, ...]] = []
    for first in range(0, recording.frames, BATCH):
        chosen = slice(first, first + BATCH)
        inputs = [
            torch.from_numpy(values[chosen].astype(np.float32)).to(device)
            for values in (recording.audio, recording.video, recording.reliability)
        ]
        parts.append(tuple(output.cpu().numpy() for output in network(*inputs)))
    probability, audio_weight, video_weight = (np.concatenate(values) for values in zip(*parts, strict=True))
    unrefined = weighted_fusion(recording.audio, recording.video, audio_weight, video_weight)
    return Predictions(probability, unrefined, audio_weight, video_weight)


def frame_reports(recording: GridRecording, probability: np.ndarray) -> list[FrameReport]:
    """The peaks of grids (frames, rows, cols) as candidates beside the truth."""
    layout = image_grid(*recording.image_size, *recording.grid_shape)
    peaks = peaks_of_frames(layout, probability, 0.0, MAX_CANDIDATES)
    return [
        FrameReport(
            frame,
            frame / recording.fps,
            tuple(_truth(recording, frame)),
            tuple(Candidate(peak.probability, False, peak.u, peak.v) for peak in found),
        )
        for frame, found in enumerate(peaks)
    ]


class GridScores:
    """Scores of the grids of several recordings at any threshold; their peaks are found once."""

    def __init__(self, recordings: Sequence[GridRecording], probabilities: Sequence[np.ndarray]) -> None:
        self._tables = [
            SweepTable(frame_reports(r, p), PictureGeometry(*r.image_size, *r.grid_shape))
            for r, p in zip(recordings, probabilities, strict=True)
        ]
        self._conditions = [r.condition for r in recordings]

    def frames(self, threshold: float, condition: str | None = None) -> FrameScores:
        """The score of every frame, of all recordings or those of one condition."""
        chosen = zip(self._tables, self._conditions, strict=True)
        return FrameScores.joined([table.scores(threshold) for table, its in chosen if condition in (None, its)])

    def summary(self, threshold: float) -> dict[str, object]:
        """LE, FR, FP over all frames, by number of talkers and by condition."""
        scores = self.frames(threshold)
        conditions = {c: summarise(self.frames(threshold, c)) for c in sorted(set(self._conditions)) if c}
        return {"threshold": threshold, **summarise(scores), "by_talkers": by_talkers(scores), "by_condition": conditions}

    def best_threshold(self) -> float:
        """The threshold of the highest FR - 0.005 * LE in pixels; the middle one where several are equal."""
        values = [_worth(summarise(self.frames(threshold))) for threshold in THRESHOLDS]
        best = [t for t, value in zip(THRESHOLDS, values, strict=True) if value >= max(values) - 1e-12]
        return best[len(best) // 2]


def _worth(summary: Scores) -> float:
    return (summary["frame_recall"] or 0.0) - LE_PENALTY_PER_PX * (summary["le_px_mean"] or 0.0)


def _truth(recording: GridRecording, frame: int) -> list[TruthRow]:
    rows = []
    for talker in range(recording.u_px.shape[1]):
        seen = bool(np.isfinite(recording.u_px[frame, talker]))
        u, v = (float(recording.u_px[frame, talker]), float(recording.v_px[frame, talker])) if seen else (None, None)
        speaking, visible = bool(recording.speaking[frame, talker]), bool(recording.visible[frame, talker])
        rows.append(
            TruthRow(frame, 0.0, str(talker), u, v, None, None, None, None, 0.0, 0.0, None, speaking, visible)
        )
    return rows
