"""What the CoLoC report tables: errors of the localizer by number of events and conditions, accuracy of the classifier."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from avloc_ros.geometry import angle_between


@dataclass
class ConditionedErrors:
    """Angles in degrees by (events in the frame, directions the network was told of) (report Table 1)."""

    angles_deg: dict[tuple[int, int], list[float]] = field(default_factory=lambda: defaultdict(list))

    def add(self, predicted: np.ndarray, stacked: np.ndarray, told: int) -> None:
        """Take in predictions (frames, 3) and all true directions (rows, frames, 3), of which rows below `told` were told.

        Only frames with more than `told` events count; the error is that to the nearest one that remains.
        """
        active = np.abs(stacked).sum(-1) > 0  # (rows, frames)
        counts = active.sum(0)
        for frame in np.flatnonzero(counts > told):
            remaining = stacked[told : counts[frame], frame]
            if np.any(predicted[frame]):
                angle_rad = angle_between(predicted[frame][None], remaining).min()
                self.angles_deg[int(counts[frame]), told].append(float(np.degrees(angle_rad)))

    def means_deg(self) -> dict[str, float]:
        """{"(events,told)": mean angle in degrees}."""
        return {
            f"({n},{told})": float(np.mean(angles)) for (n, told), angles in sorted(self.angles_deg.items())
        }


def conditional_accuracy(named: Sequence[np.ndarray], true: Sequence[np.ndarray], classes: int) -> float:
    """Share of true events whose class was named right, told the true direction (report Sec. 4.1).

    named, true: class indices of any equal shapes; cells that hold `classes` in truth hold no event and do not count.
    """
    right = sum(int(((a == b) & (b < classes)).sum()) for a, b in zip(named, true, strict=True))
    events = sum(int((b < classes).sum()) for b in true)
    return right / events if events else float("nan")
