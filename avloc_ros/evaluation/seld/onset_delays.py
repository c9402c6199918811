"""How soon a live system tells a sound event by its right name, and what it tells that is none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from avloc_ros.sources.dcase_csv import FRAME_S, EventRow, directions_of

NEAR_DEG = 20.0  # as DCASE counts a direction as right
ASKED_ONSET_S = 0.6
EARLY_FRAMES = 3  # what was told so long before a sound began is not of it


@dataclass(frozen=True)
class ToldEvent:
    """One event in one label frame, as it was told live.

    row: frame, class and direction; onset_frame: where it began, by the system; told_s: end of the newest sound that had
    come when it was told, seconds of the recording.
    """

    id: str
    row: EventRow
    onset_frame: int
    told_s: float


@dataclass
class OnsetCounts:
    """Delays of all true events of the recordings added (seconds, infinite where never told), and what was told wrongly.

    false_events: identities that are of no true event in any frame; wrong_names: pairs of identity and class of which this
    holds, so that an event whose class is corrected counts here; wrong_frames: those that they last, in label frames.
    """

    delays_s: list[float] = field(default_factory=list)
    false_events: int = 0
    wrong_names: int = 0
    wrong_frames: int = 0
    corrected: int = 0
    frames: int = 0

    def add(self, truth: Sequence[EventRow], told: Sequence[ToldEvent], frames: int) -> None:
        """Count those of a recording of so many label frames."""
        rights = _right_names(truth, told)
        names = {(event.id, event.row.class_index) for event in told}
        identities = {identity for identity, _ in names}
        self.delays_s += _delays_s(truth, told)
        self.false_events += len(identities - {identity for identity, _ in rights})
        self.wrong_names += len(names - rights)
        self.wrong_frames += sum((event.id, event.row.class_index) not in rights for event in told)
        self.corrected += len(names) - len(identities)
        self.frames += frames

    def summary(self, processing_s: float = 0.0) -> dict[str, float | None]:
        """Shares, medians and rates; processing_s, the time from the newest sound to the message, adds to every delay.

        onset_delay_s_median is that of the events that were told, None where none was.
        """
        delays = np.array(self.delays_s) + processing_s
        told = delays[np.isfinite(delays)]
        minutes = max(1, self.frames) * FRAME_S / 60
        return {
            "events": len(delays),
            "events_told": len(told) / max(1, len(delays)),
            "onset_delay_s_median": float(np.median(told)) if len(told) else None,
            "onset_within_0.6s": float(np.sum(told <= ASKED_ONSET_S + 1e-9)) / max(1, len(delays)),
            "false_events_per_minute": self.false_events / minutes,
            "wrong_names_per_minute": self.wrong_names / minutes,
            "wrong_frames": self.wrong_frames / max(1, self.frames),
            "corrected_per_minute": self.corrected / minutes,
            "processing_s": processing_s,
        }


def _delays_s(truth: Sequence[EventRow], told: Sequence[ToldEvent]) -> list[float]:
    """Of each true event: from its beginning to the end of the newest sound when it was first told, by class and place.

    What began earlier than EARLY_FRAMES before it, by its own account, is another event.
    """
    delays = []
    for source in sorted({row.source for row in truth}):
        own = sorted((row for row in truth if row.source == source), key=lambda row: row.frame)
        onset = own[0].frame
        here = [
            event
            for event in told
            if event.row.class_index == own[0].class_index
            and event.onset_frame >= onset - EARLY_FRAMES
            and event.row.frame <= own[-1].frame
        ]
        times = [event.told_s for event in here if _is_near(event.row, own)]
        delays.append(min(times, default=np.inf) - onset * FRAME_S)
    return delays


def _is_near(row: EventRow, event: Sequence[EventRow]) -> bool:
    """Whether a row is within NEAR_DEG of where an event is in the frame of its own that is nearest to the row's."""
    nearest = min(event, key=lambda own: abs(own.frame - row.frame))
    return float(row.direction @ nearest.direction) >= np.cos(np.radians(NEAR_DEG))


def _right_names(truth: Sequence[EventRow], told: Sequence[ToldEvent]) -> set[tuple[str, int]]:
    """(identity, class) of what is, in one frame at least, where an event of its class sounds, EARLY_FRAMES early or late."""
    rights: set[tuple[str, int]] = set()
    frames = np.array([row.frame for row in truth])
    classes = np.array([row.class_index for row in truth])
    directions = directions_of(truth)
    for event in told:
        row = event.row
        if (event.id, row.class_index) in rights or not len(frames):
            continue
        same = (np.abs(frames - row.frame) <= EARLY_FRAMES) & (classes == row.class_index)
        if (directions[same] @ row.direction >= np.cos(np.radians(NEAR_DEG))).any():
            rights.add((event.id, row.class_index))
    return rights
