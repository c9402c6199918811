"""Two events of one class at once: how often both of them are told."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from avloc_ros.sources.dcase_csv import EventRow, directions_of

NEAR_DEG = 20.0


@dataclass
class PairCounts:
    """Label frames in which two events of one class sound (of more the first two): all, those with both told, with one or both.

    An event is told where one of its class is told within NEAR_DEG; both, where that is not one and the same. Frames with fewer
    events than `least_events` do not count.
    """

    least_events: int = 2

    pairs: int = 0
    both: int = 0
    one: int = 0

    def add(self, true: Iterable[EventRow], told: Iterable[EventRow]) -> None:
        """Count those of a recording."""
        true = list(true)
        events, answers = Counter(row.frame for row in true), _by_frame_and_class(told)
        for place, rows in _by_frame_and_class(true).items():
            if len(rows) < 2 or events[place[0]] < self.least_events:
                continue
            self.pairs += 1
            if place not in answers:
                continue
            cosines = directions_of(rows[:2]) @ directions_of(answers[place]).T  # (2, told)
            near = cosines > np.cos(np.radians(NEAR_DEG))
            self.one += bool(near.any())
            self.both += bool(near.any(1).all() and near.any(0).sum() > 1)

    def shares(self) -> dict[str, float]:
        """pairs, and the shares of them: pairs_both, pairs_one (0 where there are none)."""
        count = max(1, self.pairs)
        return {"pairs": float(self.pairs), "pairs_both": self.both / count, "pairs_one": self.one / count}


def _by_frame_and_class(rows: Iterable[EventRow]) -> dict[tuple[int, int], list[EventRow]]:
    found: dict[tuple[int, int], list[EventRow]] = defaultdict(list)
    for row in rows:
        found[row.frame, row.class_index].append(row)
    return found
