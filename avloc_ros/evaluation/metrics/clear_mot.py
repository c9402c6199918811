"""CLEAR MOT (Bernardin and Stiefelhagen 2008) with every count: MOTA, MOTP, switches, fragmentations.

The unit of distances is the caller's: degrees on the sphere, pixels, metres.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import TypeVar

import numpy as np
from scipy.optimize import linear_sum_assignment

Name = TypeVar("Name", bound=Hashable)


@dataclass(frozen=True)
class ClearMotCounts:
    """Sums over frames; the counts of several recordings may be added.

    references: true objects; detections: reported ones; distance: summed over the matches; switches: a reference
    matched to another track than before; fragmentations: a reference lost and found again.
    """

    references: int = 0
    detections: int = 0
    matches: int = 0
    switches: int = 0
    fragmentations: int = 0
    distance: float = 0.0

    def __add__(self, other: ClearMotCounts) -> ClearMotCounts:
        return ClearMotCounts(*(getattr(self, item.name) + getattr(other, item.name) for item in fields(self)))

    @property
    def misses(self) -> int:
        return self.references - self.matches

    @property
    def false_positives(self) -> int:
        return self.detections - self.matches

    @property
    def mota(self) -> float | None:
        """1 - (misses + false positives + switches) / references; None without references."""
        if not self.references:
            return None
        return 1 - (self.misses + self.false_positives + self.switches) / self.references

    @property
    def motp(self) -> float | None:
        """Mean distance of the matches; None without any."""
        return self.distance / self.matches if self.matches else None


class ClearMotScore:
    """Counts over the frames of one recording; matches stay while they are within the gate."""

    def __init__(self, gate: float) -> None:
        self.gate = gate
        self.counts = ClearMotCounts()
        self._matches: dict[Hashable, Hashable] = {}  # reference -> track, of the reference's last match
        self._lost: set[Hashable] = set()  # references that were matched once and missed since

    def step(self, references: Sequence[Hashable], tracks: Sequence[Hashable], distances: np.ndarray) -> None:
        """One frame: names, and distances (references, tracks)."""
        distances = np.asarray(distances, float).reshape(len(references), len(tracks))
        now = match_frame(self._matches, references, tracks, distances, self.gate)
        row, column = ({name: k for k, name in enumerate(names)} for names in (references, tracks))
        self.counts += ClearMotCounts(
            references=len(references),
            detections=len(tracks),
            matches=len(now),
            switches=sum(self._matches.get(name, track) != track for name, track in now.items()),
            fragmentations=sum(name in self._lost for name in now),
            distance=float(sum(distances[row[name], column[track]] for name, track in now.items())),
        )
        self._lost |= {name for name in references if name in self._matches and name not in now}
        self._lost -= set(now)
        self._matches |= now


def match_frame(
    before: Mapping[Name, Name],
    references: Sequence[Name],
    tracks: Sequence[Name],
    distances: np.ndarray,
    gate: float,
) -> dict[Name, Name]:
    """Reference -> track of one frame: pairs of before that are still within the gate, then the cheapest others.

    distances: (references, tracks).
    """
    allowed = np.where(distances <= gate, distances, np.nan)
    kept: dict[Name, Name] = {}
    column = {name: k for k, name in enumerate(tracks)}
    for row, name in enumerate(references):
        if name not in before:
            continue
        track = before[name]
        free = track in column and track not in kept.values()
        if free and np.isfinite(allowed[row, column[track]]):
            kept[name] = track
    rows = [k for k, name in enumerate(references) if name not in kept]
    columns = [k for k, name in enumerate(tracks) if name not in kept.values()]
    pairs = cheapest_pairs(allowed[np.ix_(rows, columns)], gate)
    return kept | {references[rows[r]]: tracks[columns[c]] for r, c in pairs}


def cheapest_pairs(allowed: np.ndarray, gate: float) -> list[tuple[int, int]]:
    """As many pairs of (rows, columns) as possible, of these the cheapest; nan forbids a pair."""
    if not allowed.size:
        return []
    far = 1e3 * max(gate, 1.0)  # forbids a pair, and still prefers more matches to fewer
    rows, columns = linear_sum_assignment(np.where(np.isfinite(allowed), allowed, far))
    return [(int(r), int(c)) for r, c in zip(rows, columns, strict=True) if np.isfinite(allowed[r, c])]
