"""Sound events over time: what a network says frame by frame becomes events with identity, onset and offset.

Per class, directions of a frame are assigned to the events that last; each event is a Kalman filter on the sphere.
Hysteresis: an event begins with a score of `on` in some frames in a row, and goes on while it is at least `off`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from avloc_ros.config import setting
from avloc_ros.decode.frame_event import FrameEvent
from avloc_ros.geometry import angle_between
from avloc_ros.tracking.association import associate
from avloc_ros.tracking.config import MotionConfig
from avloc_ros.tracking.sphere_filter import SphereState, angle_covariance, initial_state, predict, update
from avloc_ros.types import EventState, SoundEvent, SoundEvents

NS = 1_000_000_000
# Walking at arm's length turns fast, and frames are few: looser than for talkers, who are measured 25 times a second.
EVENT_MOTION = MotionConfig(acceleration_deg_s2=80.0, damping_s=1.5, initial_rate_deg_s=20.0)
SCORE_MEMORY = 0.6  # share of the score so far in the score that is told


@dataclass(frozen=True)
class EventTrackerConfig:
    """When an event begins, ends, and is the same as before."""

    onset_frames: int = setting(2, "frames in a row in which it must be heard to begin", low=1, high=100)
    offset_frames: int = setting(4, "frames without it after which it has ended", low=1, high=600)
    gate_deg: float = setting(35.0, "farther from where it is expected it is another event", low=1.0, high=180.0)
    direction_sigma_deg: float = setting(8.0, "error of the direction of one frame", low=0.1, high=90.0)
    reset_after_s: float = setting(2.0, "a hole in the sound of this length ends all events", low=0.1, high=3600.0)
    motion: MotionConfig = field(default_factory=lambda: EVENT_MOTION)


@dataclass
class _Track:
    class_index: int
    state: SphereState
    onset_ns: int
    score: float
    last_ns: int
    id: str = ""  # "" until it is confirmed
    hits: int = 1
    missed: int = 0


class EventTracker:
    """Give it the frames in their order; get the events of each.

    on, off: scores that begin an event and that let it go on. classes: names by index.
    """

    def __init__(self, classes: Sequence[str], on: float, off: float, config: EventTrackerConfig | None = None) -> None:
        self.config = config or EventTrackerConfig()
        self.classes, self.on, self.off = tuple(classes), on, min(on, off)
        self._count = 0
        self.reset()

    def reset(self) -> None:
        """Forget the events that last; numbers of identities go on, so that none comes twice."""
        self._tracks: list[_Track] = []
        self._last_ns: int | None = None

    def step(self, stamp_ns: int, heard: Sequence[FrameEvent], level_db: float = -100.0) -> SoundEvents:
        """Events of one frame that begins at stamp_ns, from what the network says of it."""
        passed_s = 0.0 if self._last_ns is None else (stamp_ns - self._last_ns) / NS
        if not 0 <= passed_s <= self.config.reset_after_s:
            self.reset()
            passed_s = 0.0
        self._last_ns = stamp_ns
        loud = [event for event in heard if event.score >= self.off]
        for class_index in {event.class_index for event in loud} | {track.class_index for track in self._tracks}:
            self._step_class(class_index, [e for e in loud if e.class_index == class_index], stamp_ns, passed_s)
        told = tuple(self._told(track, stamp_ns, level_db) for track in self._tracks if self._is_told(track))
        self._tracks = [track for track in self._tracks if not self._is_over(track)]
        return SoundEvents(stamp_ns, told)

    def _step_class(self, class_index: int, heard: list[FrameEvent], stamp_ns: int, passed_s: float) -> None:
        motion, config = self.config.motion, self.config
        own = [track for track in self._tracks if track.class_index == class_index]
        for track in own:
            acceleration = np.radians(motion.acceleration_deg_s2)
            track.state = predict(track.state, passed_s, acceleration, motion.damping_s) if passed_s else track.state
        matched = set()
        for row, column in associate(_angles(own, heard), float(np.radians(config.gate_deg))):
            self._go_on(own[row], heard[column], stamp_ns)
            matched |= {("track", row), ("heard", column)}
        for row, track in enumerate(own):
            if ("track", row) not in matched:
                track.missed += 1
                track.hits = 0 if not track.id else track.hits
        for column, event in enumerate(heard):
            if ("heard", column) not in matched and event.score >= self.on:
                self._tracks.append(self._begun(class_index, event, stamp_ns))

    def _begun(self, class_index: int, event: FrameEvent, stamp_ns: int) -> _Track:
        rate_sigma = float(np.radians(self.config.motion.initial_rate_deg_s))
        track = _Track(
            class_index, initial_state(event.direction, self._noise(), rate_sigma), stamp_ns, event.score, stamp_ns
        )
        self._confirm(track)
        return track

    def _go_on(self, track: _Track, event: FrameEvent, stamp_ns: int) -> None:
        track.state = update(track.state, event.direction, self._noise())
        track.score = SCORE_MEMORY * track.score + (1 - SCORE_MEMORY) * event.score
        track.hits, track.missed, track.last_ns = track.hits + 1, 0, stamp_ns
        self._confirm(track)

    def _confirm(self, track: _Track) -> None:
        if not track.id and track.hits >= self.config.onset_frames:
            self._count += 1
            track.id = f"e{self._count}"

    def _noise(self) -> np.ndarray:
        return np.eye(2) * float(np.radians(self.config.direction_sigma_deg)) ** 2

    def _is_told(self, track: _Track) -> bool:
        return bool(track.id)

    def _is_over(self, track: _Track) -> bool:
        return track.missed >= (self.config.offset_frames if track.id else 1)

    def _told(self, track: _Track, stamp_ns: int, level_db: float) -> SoundEvent:
        is_over = self._is_over(track)
        is_new = track.hits == self.config.onset_frames and not track.missed
        state = EventState.OFFSET if is_over else EventState.ONSET if is_new else EventState.ACTIVE
        frame_ns = stamp_ns - track.last_ns if is_over else 0
        return SoundEvent(
            track.id,
            self.classes[track.class_index],
            track.score,
            state,
            track.onset_ns,
            track.state.direction,
            angle_covariance(track.state),
            # it ended where the first frame without it began
            stamp_ns - round(frame_ns * (track.missed - 1) / max(track.missed, 1)) if is_over else 0,
            level_db,
        )


def _angles(tracks: Sequence[_Track], heard: Sequence[FrameEvent]) -> np.ndarray:
    """Radians (tracks, heard) between where events are expected and what is heard."""
    if not tracks or not heard:
        return np.zeros((len(tracks), len(heard)))
    expected = np.stack([track.state.direction for track in tracks])
    return np.asarray(angle_between(expected[:, None], np.stack([event.direction for event in heard])[None]))
