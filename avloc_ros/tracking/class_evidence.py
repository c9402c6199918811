"""Which of two classes a network hears at one place, by all frames that it has heard there and not by the last alone."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from avloc_ros.decode.frame_event import EventsByFrame, FrameEvent


def is_heard_more(event: FrameEvent, than_class: int, look: EventsByFrame, within_deg: float) -> bool:
    """Whether the class of an event has at least the scores of another one within so many degrees of it, all frames together."""
    own, other = (
        sum(_score(frame, index, event.direction, within_deg) for frame in look) for index in (event.class_index, than_class)
    )
    return own >= other


def _score(frame: Sequence[FrameEvent], class_index: int, direction: np.ndarray, within_deg: float) -> float:
    """The highest of a class near a direction in one frame, 0 where it is not heard there."""
    least = np.cos(np.radians(within_deg))
    return max((e.score for e in frame if e.class_index == class_index and e.direction @ direction >= least), default=0.0)
