"""How long a robot waits: from the moment a talker begins until somebody is reported there."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from avloc_ros.evaluation.metrics.bearings import WITHIN_DEG
from avloc_ros.evaluation.metrics.frame_report import FrameReport
from avloc_ros.geometry import wrap_angle

NEW_TURN_AFTER_S = 0.5  # a shorter silence is a pause within a turn


def onset_delays_s(frames: Sequence[FrameReport], threshold: float | None = None) -> list[float]:
    """Per turn the time from its first frame to the first with a report within 10 degrees; infinite without any.

    A turn begins where a talker speaks after at least 0.5 s of silence, and lasts until the next such silence. A report
    that points there already when the turn begins (another talker nearby, or a track that lingers) counts as no delay.
    The frame's own duration is not part of it: at 25 fps an answer comes 40 ms after the frame's start at the earliest.
    """
    waiting: dict[str, float] = {}  # talker -> begin of the turn that nobody reported yet
    last_spoke: dict[str, float] = {}
    delays: list[float] = []
    for frame in frames:
        reported = [c.azimuth_rad for c in frame.reported(threshold) if c.azimuth_rad is not None]
        for row in frame.talkers():
            silent_s = frame.time_s - last_spoke.get(row.speaker, -np.inf)
            if silent_s > NEW_TURN_AFTER_S:
                if row.speaker in waiting:
                    delays.append(np.inf)
                waiting[row.speaker] = frame.time_s
            last_spoke[row.speaker] = frame.time_s
            if row.speaker in waiting and _points_there(reported, row.azimuth_rad):
                delays.append(frame.time_s - waiting.pop(row.speaker))
    return delays + [np.inf] * len(waiting)


def summarise_onsets(delays_s: Sequence[float]) -> dict[str, float | int | None]:
    """Number of turns, the share never reported, and median and 90th percentile of the delay.

    A turn that is never reported counts as endless: a percentile that falls on one is None.
    """
    delays = np.array(delays_s, float)
    median, p90 = (_percentile(delays, p) for p in (50, 90))
    return {
        "turns": len(delays),
        "turns_never_reported": float(np.isinf(delays).mean()) if len(delays) else None,
        "onset_delay_s_median": median,
        "onset_delay_s_p90": p90,
    }


def _percentile(delays: np.ndarray, percent: float) -> float | None:
    """The smallest delay that at least `percent` of the turns do not exceed."""
    if not len(delays):
        return None
    value = float(np.percentile(delays, percent, method="inverted_cdf"))
    return value if np.isfinite(value) else None


def _points_there(reported_rad: Sequence[float], azimuth_rad: float) -> bool:
    offsets = np.degrees(np.abs(wrap_angle(np.asarray(reported_rad, float) - azimuth_rad)))
    return bool((offsets <= WITHIN_DEG).any())
