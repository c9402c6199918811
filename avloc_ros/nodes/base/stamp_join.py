"""Brings together what several streams say about the same moment, without letting one that is missing hold up the rest.

message_filters' TimeSynchronizer passes on complete sets only; here an incomplete set passes too, once it is clear that
the rest will not come: after `max_wait_s`, or when every missing stream has already delivered a later stamp, or when a
missing stream has been away so long that waiting for it would only add delay.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

Emit = Callable[[int, dict[str, Any]], None]


@dataclass
class _Moment:
    first_arrival_s: float
    parts: dict[str, Any] = field(default_factory=dict)


class StampJoin:
    """Joins messages of `streams` by equal stamps (nanoseconds) and calls `emit(stamp_ns, parts)` in stamp order.

    clock_s: monotonic seconds (of arrival, not of capture). Counts: `complete`, `incomplete` (by missing stream),
    `late` (came after their moment had passed).
    """

    def __init__(
        self, streams: Sequence[str], max_wait_s: float, emit: Emit, clock_s: Callable[[], float], capacity: int = 64
    ) -> None:
        self.streams = tuple(streams)
        self.max_wait_s = max_wait_s
        self._emit = emit
        self._clock_s = clock_s
        self._capacity = capacity
        self.reset()
        self.complete = 0
        self.incomplete = dict.fromkeys(self.streams, 0)
        self.late = dict.fromkeys(self.streams, 0)

    def reset(self) -> None:
        """Forget all moments that wait."""
        self._moments: dict[int, _Moment] = {}
        self._passed: dict[int, float] = {}  # the newest moments that were emitted, with their first arrival
        self._newest: dict[str, int] = {}  # stamp by stream
        # When each stream last came early enough to be waited for; at the start all are given the chance to come.
        self._in_time_s = dict.fromkeys(self.streams, self._clock_s())

    def add(self, stream: str, stamp_ns: int, part: Any) -> None:
        """One message of a stream; what is complete or overdue by it is emitted before this returns."""
        now = self._clock_s()
        self._newest[stream] = max(stamp_ns, self._newest.get(stream, stamp_ns))
        if self._passed and stamp_ns <= max(self._passed):
            self._note_late(stream, stamp_ns, now)
            return
        self._in_time_s[stream] = now
        moment = self._moments.setdefault(stamp_ns, _Moment(now))
        moment.parts[stream] = part
        while len(self._moments) > self._capacity:
            self._pass_on(min(self._moments))
        self.flush()

    def flush(self) -> None:
        """Emit all moments, oldest first, that need not wait any longer. Call it from a timer too."""
        now = self._clock_s()
        while self._moments:
            oldest = min(self._moments)
            if not self._is_due(oldest, now):
                return
            self._pass_on(oldest)

    def is_away(self, stream: str) -> bool:
        """Whether a stream has not come in time for so long that nobody waits for it."""
        return self._clock_s() - self._in_time_s[stream] > 2 * self.max_wait_s

    def _is_due(self, stamp_ns: int, now: float) -> bool:
        moment = self._moments[stamp_ns]
        missing = [stream for stream in self.streams if stream not in moment.parts]
        if not missing or now - moment.first_arrival_s >= self.max_wait_s:
            return True
        return all(self._newest.get(stream, stamp_ns) > stamp_ns or self.is_away(stream) for stream in missing)

    def _pass_on(self, stamp_ns: int) -> None:
        moment = self._moments.pop(stamp_ns)
        missing = [stream for stream in self.streams if stream not in moment.parts]
        self.complete += not missing
        for stream in missing:
            self.incomplete[stream] += 1
        self._passed[stamp_ns] = moment.first_arrival_s
        while len(self._passed) > self._capacity:
            del self._passed[min(self._passed)]
        self._emit(stamp_ns, moment.parts)

    def _note_late(self, stream: str, stamp_ns: int, now: float) -> None:
        self.late[stream] += 1
        first_arrival_s = self._passed.get(stamp_ns)
        if first_arrival_s is not None and now - first_arrival_s < self.max_wait_s:
            self._in_time_s[stream] = now  # it is back, and early enough to be waited for from now on
