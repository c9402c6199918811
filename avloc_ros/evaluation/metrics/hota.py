"""HOTA (Luiten et al. 2021): how well things are found, times how well their identities stay."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment

LEVELS = np.arange(0.05, 0.99, 0.05)  # similarities above which a pair may be a true positive


@dataclass(frozen=True)
class HotaFrame:
    """Names of one frame and their similarity (references, tracks) in [0, 1]: 1 where they coincide."""

    references: Sequence[Hashable]
    tracks: Sequence[Hashable]
    similarity: np.ndarray


@dataclass(frozen=True)
class Hota:
    """Means over the levels: hota, and its parts detection and association (each in [0, 1])."""

    hota: float
    detection: float
    association: float


def similarity_within(distances: np.ndarray, zero_distance: float) -> np.ndarray:
    """1 at distance 0, falling straight to 0 at zero_distance (same unit) and beyond."""
    return np.clip(1 - np.asarray(distances, float) / zero_distance, 0, 1)


def hota(frames: Sequence[HotaFrame]) -> Hota | None:
    """Score of one recording; None where nothing is true and nothing reported.

    As in the paper's section 5: per frame the assignment maximises the alignment of whole tracks; per level, a true
    positive counts the share that its two identities have in common (Eq. 9); HOTA = sqrt(detection * association).
    """
    references = _numbered(name for frame in frames for name in frame.references)
    tracks = _numbered(name for frame in frames for name in frame.tracks)
    if not references and not tracks:
        return None
    seen = [
        (
            np.array([references[name] for name in frame.references], int),
            np.array([tracks[name] for name in frame.tracks], int),
            np.asarray(frame.similarity, float).reshape(len(frame.references), len(frame.tracks)),
        )
        for frame in frames
    ]
    lengths = (
        np.bincount(np.concatenate([s[0] for s in seen]), minlength=len(references)),
        np.bincount(np.concatenate([s[1] for s in seen]), minlength=len(tracks)),
    )
    alignment = _alignment(seen, lengths)
    matches = [_assigned(rows, columns, similarity, alignment) for rows, columns, similarity in seen]
    levels = np.array([_at_level(level, matches, lengths) for level in LEVELS])  # (levels, 2)
    return Hota(float(np.sqrt(levels.prod(axis=1)).mean()), *(float(x) for x in levels.mean(axis=0)))


def _numbered(names) -> dict[Hashable, int]:
    return {name: number for number, name in enumerate(dict.fromkeys(names))}


def _alignment(seen: list, lengths: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    """How much of their lives a reference and a track share: (references, tracks) in [0, 1]."""
    together = np.zeros((len(lengths[0]), len(lengths[1])))
    for rows, columns, similarity in seen:
        rivals = similarity.sum(axis=0)[None] + similarity.sum(axis=1)[:, None] - similarity
        together[np.ix_(rows, columns)] += np.where(similarity > 0, similarity / np.maximum(rivals, 1e-12), 0)
    return together / np.maximum(lengths[0][:, None] + lengths[1][None] - together, 1e-12)


def _assigned(
    rows: np.ndarray, columns: np.ndarray, similarity: np.ndarray, alignment: np.ndarray
) -> np.ndarray:
    """(pairs, 3): reference, track, similarity."""
    chosen = linear_sum_assignment(alignment[np.ix_(rows, columns)] * similarity, maximize=True)
    return np.stack([rows[chosen[0]], columns[chosen[1]], similarity[chosen]], axis=1)


def _at_level(
    level: float, matches: list[np.ndarray], lengths: tuple[np.ndarray, np.ndarray]
) -> tuple[float, float]:
    pairs = np.concatenate(matches)
    pairs = pairs[pairs[:, 2] >= level - 1e-12][:, :2].astype(int)
    count = np.zeros((len(lengths[0]), len(lengths[1])))
    np.add.at(count, (pairs[:, 0], pairs[:, 1]), 1)
    true_positives = len(pairs)
    everything = int(lengths[0].sum() + lengths[1].sum()) - true_positives
    shared = count / np.maximum(1, lengths[0][:, None] + lengths[1][None] - count)
    association = float((count * shared).sum() / max(1, true_positives))
    return true_positives / max(1, everything), association
