"""Sound events over time: what a network says frame by frame becomes events with identity, onset and offset.

Per class, directions of a frame are assigned to the events that last; each event is a Kalman filter on the sphere.
Hysteresis: an event begins where scores of `on` in frames in a row add up, and goes on while they are at least `off`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np

from avloc_ros.config import setting
from avloc_ros.decode.frame_event import EventsByFrame, FrameEvent
from avloc_ros.geometry import angle_between
from avloc_ros.tracking.association import associate
from avloc_ros.tracking.class_evidence import is_heard_more
from avloc_ros.tracking.config import MotionConfig
from avloc_ros.tracking.sphere_filter import SphereState, angle_covariance, initial_state, predict, update
from avloc_ros.types import EventState, SoundEvent, SoundEvents

T = TypeVar("T")
NS = 1_000_000_000
# Walking at arm's length turns fast, and frames are few: looser than for talkers, who are measured 25 times a second.
EVENT_MOTION = MotionConfig(acceleration_deg_s2=80.0, damping_s=1.5, initial_rate_deg_s=20.0)
SCORE_MEMORY = 0.6  # share of the score so far in the score that is told
MOST_MISSED = 1  # frames without it before the one in which its class is corrected: after more, one ended and another began


@dataclass(frozen=True)
class EventTrackerConfig:
    """When an event begins, ends, and is the same as before."""

    onset_score: float = setting(
        0.85, "what its scores in frames in a row must add up to to begin: one sure frame, or some unsure ones", low=0.0, high=9.0
    )
    onset_frames: int = setting(1, "frames in a row in which it must be heard to begin, however sure", low=1, high=100)
    class_frames: int = setting(
        8, "frames from its onset in which its class may still be corrected; 0: never", low=0, high=20
    )
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
    evidence: float  # sum of its scores, until it is confirmed
    id: str = ""  # "" until it is confirmed
    is_new: bool = False  # confirmed in this frame
    age: int = 0  # frames since its onset
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

    def step(
        self, stamp_ns: int, heard: Sequence[FrameEvent], level_db: float = -100.0, earlier: EventsByFrame | None = None
    ) -> SoundEvents:
        """Events of one frame that begins at stamp_ns, from what the network says of it.

        earlier: what it says now of the frames before, the oldest first; it has heard more since it was asked about them.
        """
        passed_s = 0.0 if self._last_ns is None else (stamp_ns - self._last_ns) / NS
        if not 0 <= passed_s <= self.config.reset_after_s:
            self.reset()
            passed_s = 0.0
        self._last_ns = stamp_ns
        loud = [event for event in heard if event.score >= self.off]
        for track in self._tracks:
            self._expect(track, passed_s)
        lost, left = self._go_on_by_class(loud, stamp_ns)
        lost, left = self._correct_classes(lost, left, [*(earlier or []), loud], stamp_ns)
        for track in lost:
            track.missed += 1
        self._tracks += [self._begun(event, stamp_ns) for event in left if event.score >= self.on]
        told = tuple(self._told(track, stamp_ns, level_db) for track in self._tracks if self._is_told(track))
        self._tracks = [track for track in self._tracks if not self._is_over(track)]
        return SoundEvents(stamp_ns, told)

    def _expect(self, track: _Track, passed_s: float) -> None:
        motion = self.config.motion
        track.age, track.is_new = track.age + 1, False
        if passed_s:
            track.state = predict(track.state, passed_s, float(np.radians(motion.acceleration_deg_s2)), motion.damping_s)

    def _go_on_by_class(self, heard: list[FrameEvent], stamp_ns: int) -> tuple[list[_Track], list[FrameEvent]]:
        """Events go on with what is heard of their class. Returns the tracks of which nothing is, and what belongs to none."""
        lost: list[_Track] = []
        left: list[FrameEvent] = []
        for index in sorted({event.class_index for event in heard} | {track.class_index for track in self._tracks}):
            own = [track for track in self._tracks if track.class_index == index]
            here = [event for event in heard if event.class_index == index]
            pairs = [(own[row], here[column]) for row, column in self._associate(own, here)]
            for track, event in pairs:
                self._go_on(track, event, SCORE_MEMORY * track.score + (1 - SCORE_MEMORY) * event.score, stamp_ns)
            lost += _without(own, [track for track, _ in pairs])
            left += _without(here, [event for _, event in pairs])
        return lost, left

    def _correct_classes(
        self, lost: list[_Track], left: list[FrameEvent], look: EventsByFrame, stamp_ns: int
    ) -> tuple[list[_Track], list[FrameEvent]]:
        """Young events of which nothing is heard, where another class is that belongs to none, were named wrongly.

        look: see step, with this frame. The class that is heard more in it since the onset stands. Returns what remains.
        """
        young = [track for track in lost if track.age <= self.config.class_frames and track.missed <= MOST_MISSED]
        sure = [event for event in left if event.score >= self.on]
        corrected = [
            (young[row], sure[column])
            for row, column in self._associate(young, sure)
            if is_heard_more(sure[column], young[row].class_index, look[-young[row].age - 1 :], self.config.gate_deg)
        ]
        for track, event in corrected:
            track.class_index = event.class_index
            self._go_on(track, event, event.score, stamp_ns)
        return _without(lost, [track for track, _ in corrected]), _without(left, [event for _, event in corrected])

    def _associate(self, tracks: Sequence[_Track], heard: Sequence[FrameEvent]) -> list[tuple[int, int]]:
        return associate(_angles(tracks, heard), float(np.radians(self.config.gate_deg)))

    def _begun(self, event: FrameEvent, stamp_ns: int) -> _Track:
        rate_sigma = float(np.radians(self.config.motion.initial_rate_deg_s))
        state = initial_state(event.direction, self._noise(), rate_sigma)
        track = _Track(event.class_index, state, stamp_ns, event.score, stamp_ns, event.score)
        self._confirm(track)
        return track

    def _go_on(self, track: _Track, event: FrameEvent, score: float, stamp_ns: int) -> None:
        track.state = update(track.state, event.direction, self._noise())
        track.score, track.last_ns = score, stamp_ns
        track.hits, track.missed, track.evidence = track.hits + 1, 0, track.evidence + event.score
        self._confirm(track)

    def _confirm(self, track: _Track) -> None:
        is_sure = track.hits >= self.config.onset_frames and track.evidence >= self.config.onset_score
        if not track.id and is_sure:
            self._count += 1
            track.id, track.is_new = f"e{self._count}", True

    def _noise(self) -> np.ndarray:
        return np.eye(2) * float(np.radians(self.config.direction_sigma_deg)) ** 2

    def _is_told(self, track: _Track) -> bool:
        return bool(track.id)

    def _is_over(self, track: _Track) -> bool:
        return track.missed >= (self.config.offset_frames if track.id else 1)

    def _told(self, track: _Track, stamp_ns: int, level_db: float) -> SoundEvent:
        is_over = self._is_over(track)
        state = EventState.OFFSET if is_over else EventState.ONSET if track.is_new else EventState.ACTIVE
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


def _without(items: list[T], taken: list[T]) -> list[T]:
    return [item for item in items if not any(item is one for one in taken)]
