"""Tracked directions against true ones, on the sphere: CLEAR MOT, HOTA, and LE, LR, LP, LF."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np

from avloc_ros.evaluation.metrics.clear_mot import ClearMotCounts, ClearMotScore, cheapest_pairs
from avloc_ros.evaluation.metrics.hota import HotaFrame, hota, similarity_within
from avloc_ros.geometry import angle_between

GATE_DEG = 20.0


@dataclass(frozen=True)
class DirectionFrame:
    """What is true and what is reported at one time: names, and vectors (n, 3) of any length above zero."""

    references: tuple[Hashable, ...]
    reference_directions: np.ndarray
    tracks: tuple[Hashable, ...]
    track_directions: np.ndarray

    def angles_deg(self) -> np.ndarray:
        """Great-circle distances (references, tracks) in degrees."""
        if not self.references or not self.tracks:
            return np.zeros((len(self.references), len(self.tracks)))
        true, found = np.asarray(self.reference_directions), np.asarray(self.track_directions)
        return np.degrees(angle_between(true[:, None], found[None]))


@dataclass(frozen=True)
class LocalizationScore:
    """Without identities. le_deg: mean angle of the true positives; lr, lp, lf: their recall, precision and F."""

    le_deg: float | None
    lr: float | None
    lp: float | None
    lf: float | None


@dataclass(frozen=True)
class DirectionScore:
    """All that is said about tracked directions; hota is the mean over recordings, weighted by their references."""

    clear_mot: ClearMotCounts
    localization: LocalizationScore
    hota: float | None

    def to_mapping(self) -> dict[str, float | int | None]:
        """Plain numbers for a report."""
        mot, place = self.clear_mot, self.localization
        return {
            "mota": mot.mota,
            "motp_deg": mot.motp,
            "id_switches": mot.switches,
            "fragmentations": mot.fragmentations,
            "misses": mot.misses,
            "false_positives": mot.false_positives,
            "references": mot.references,
            "hota": self.hota,
            "le_deg": place.le_deg,
            "lr": place.lr,
            "lp": place.lp,
            "lf": place.lf,
        }


def score_directions(
    recordings: Sequence[Sequence[DirectionFrame]], gate_deg: float = GATE_DEG
) -> DirectionScore:
    """Score recordings, each a sequence of frames; identities do not go from one to the next.

    gate_deg: how far a match may be; HOTA's similarity falls to 0 at twice of it.
    """
    counts, identities, weights = ClearMotCounts(), [], []
    for frames in recordings:
        counts += clear_mot_of(frames, gate_deg)
        found = hota(
            [
                HotaFrame(f.references, f.tracks, similarity_within(f.angles_deg(), 2 * gate_deg))
                for f in frames
            ]
        )
        if found is not None:
            identities.append(found.hota)
            weights.append(max(1, sum(len(f.references) for f in frames)))
    mean_hota = float(np.average(identities, weights=weights)) if identities else None
    return DirectionScore(counts, localization_of([f for r in recordings for f in r], gate_deg), mean_hota)


def clear_mot_of(frames: Sequence[DirectionFrame], gate_deg: float = GATE_DEG) -> ClearMotCounts:
    """CLEAR MOT counts of one recording, distances in degrees."""
    score = ClearMotScore(gate_deg)
    for frame in frames:
        score.step(frame.references, frame.tracks, frame.angles_deg())
    return score.counts


def localization_of(
    frames: Sequence[DirectionFrame], gate_deg: float | None = GATE_DEG
) -> LocalizationScore:
    """Frame by frame the cheapest pairs, whoever they are. gate_deg None: every pair is a true positive."""
    gate = 180.0 if gate_deg is None else gate_deg
    errors: list[float] = []
    for frame in frames:
        angles = frame.angles_deg()
        pairs = cheapest_pairs(np.where(angles <= gate + 1e-9, angles, np.nan), gate)
        errors += [float(angles[pair]) for pair in pairs]
    hits = len(errors)
    references, tracks = (sum(len(names) for names in side) for side in _sides(frames))
    return LocalizationScore(
        le_deg=float(np.mean(errors)) if errors else None,
        lr=hits / references if references else None,
        lp=hits / tracks if tracks else None,
        lf=2 * hits / (references + tracks) if references + tracks else None,
    )


def _sides(frames: Sequence[DirectionFrame]) -> tuple[list, list]:
    return [f.references for f in frames], [f.tracks for f in frames]
