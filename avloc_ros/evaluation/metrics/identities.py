"""Do identities stay? CLEAR MOT (Bernardin and Stiefelhagen 2008) on azimuths."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, dataclass

import numpy as np

from avloc_ros.evaluation.metrics.clear_mot import match_frame
from avloc_ros.evaluation.metrics.frame_report import FrameReport
from avloc_ros.geometry import wrap_angle

MATCH_WITHIN_DEG = 20.0


@dataclass(frozen=True)
class MotCounts:
    """Sums over frames: true talkers, misses, false positives, identity switches, fragmentations.

    A fragmentation is a talker who is found again after having been missed while speaking.
    """

    talkers: int = 0
    misses: int = 0
    false_positives: int = 0
    switches: int = 0
    fragmentations: int = 0

    def __add__(self, other: MotCounts) -> MotCounts:
        return MotCounts(*(mine + its for mine, its in zip(astuple(self), astuple(other), strict=True)))

    @property
    def mota(self) -> float | None:
        """1 - (misses + false positives + switches) / talkers; None without talkers."""
        if not self.talkers:
            return None
        return 1 - (self.misses + self.false_positives + self.switches) / self.talkers


class ClearMot:
    """Counts over the frames of one recording; a match of the frame before is kept while it stays within the gate."""

    def __init__(self, match_within: float) -> None:
        self.match_within = match_within
        self.counts = MotCounts()
        self._matches: dict[
            str, str
        ] = {}  # true -> reported, of the last frame in which the talker was matched
        self._lost: set[str] = set()  # talkers who were matched once and are missed now

    def step(self, true: Sequence[str], reported: Sequence[str], distances: np.ndarray) -> set[str]:
        """One frame: names, and distances (true, reported) in the unit of `match_within`. Returns who switched."""
        distances = np.asarray(distances, float).reshape(len(true), len(reported))
        now = match_frame(self._matches, true, reported, distances, self.match_within)
        switched = {name for name, match in now.items() if self._matches.get(name, match) != match}
        found_again = self._lost & now.keys()
        self._lost = (self._lost - now.keys()) | {name for name in true if name in self._matches.keys() - now.keys()}
        self._matches |= now
        self.counts += MotCounts(
            len(true), len(true) - len(now), len(reported) - len(now), len(switched), len(found_again)
        )
        return switched


@dataclass(frozen=True)
class Identities:
    """CLEAR MOT counts of one recording, and which talkers switched in each frame."""

    counts: MotCounts
    switched: tuple[frozenset[str], ...]


def follow_identities(frames: Sequence[FrameReport], threshold: float | None = None) -> Identities:
    """CLEAR MOT over the reported speakers of one recording, matched within 20 degrees of azimuth."""
    mot = ClearMot(MATCH_WITHIN_DEG)
    switched = []
    for frame in frames:
        talkers = frame.talkers()
        reported = [c for c in frame.reported(threshold) if c.azimuth_rad is not None]
        true_rad = np.array([row.azimuth_rad for row in talkers])
        reported_rad = np.array([c.azimuth_rad for c in reported], float)
        distances = np.degrees(np.abs(wrap_angle(true_rad[:, None] - reported_rad[None])))
        switched.append(frozenset(mot.step([row.speaker for row in talkers], [c.id for c in reported], distances)))
    return Identities(mot.counts, tuple(switched))


def count_identities(frames: Sequence[FrameReport], threshold: float | None = None) -> MotCounts:
    """The counts alone."""
    return follow_identities(frames, threshold).counts
