"""Three events at once, of which two are of one class: are all told, and those two as two?"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment

from avloc_ros.geometry import angle_between
from avloc_ros.sources.dcase_csv import EventRow

EVENTS, WITHIN_DEG = 3, 20.0


@dataclass(frozen=True)
class ApartCounts:
    """frames: label frames with EVENTS events of which two or more share a class; of those, how many were told how well."""

    frames: int = 0
    pair_told: int = 0  # two of the events of one class, each within WITHIN_DEG of a told one of that class of its own
    one_told: int = 0  # at least one of them
    all_told: int = 0  # every event of the frame

    def __add__(self, other: ApartCounts) -> ApartCounts:
        return ApartCounts(
            self.frames + other.frames,
            self.pair_told + other.pair_told,
            self.one_told + other.one_told,
            self.all_told + other.all_told,
        )

    def shares(self) -> dict[str, float]:
        """frames, and the shares of them."""
        most = max(1, self.frames)
        counts = {"pair_told": self.pair_told, "one_told": self.one_told, "all_told": self.all_told}
        return {"frames": float(self.frames)} | {name: count / most for name, count in counts.items()}


def count_apart(true: Iterable[EventRow], told: Iterable[EventRow]) -> ApartCounts:
    """Counts of one recording."""
    truth, answers, total = _by_frame(true), _by_frame(told), ApartCounts()
    for frame, classes in truth.items():
        shared = [directions for directions in classes.values() if len(directions) > 1]
        if sum(map(len, classes.values())) != EVENTS or not shared:
            continue
        found = {name: _found(values, answers[frame][name]) for name, values in classes.items()}
        pair = max(found[name] for name, values in classes.items() if len(values) > 1)
        total += ApartCounts(1, int(pair > 1), int(pair > 0), int(sum(found.values()) == EVENTS))
    return total


def _by_frame(rows: Iterable[EventRow]) -> dict[int, dict[int, list[np.ndarray]]]:
    """{frame: {class: directions}}."""
    frames: dict[int, dict[int, list[np.ndarray]]] = defaultdict(lambda: defaultdict(list))
    for row in rows:
        frames[row.frame][row.class_index].append(row.direction)
    return frames


def _found(true: list[np.ndarray], told: list[np.ndarray]) -> int:
    """How many of true directions have a told one of their own within WITHIN_DEG."""
    if not told:
        return 0
    angles_deg = np.degrees([[float(angle_between(one, other)) for other in told] for one in true])
    near = angles_deg <= WITHIN_DEG
    rows, columns = linear_sum_assignment(~near)
    return int(near[rows, columns].sum())
