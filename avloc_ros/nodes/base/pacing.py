"""Plays a recorded stream at the pace at which it was captured."""

from __future__ import annotations

import heapq
import threading
import time
from collections.abc import Iterable, Iterator

from avloc_ros.types import AudioChunk, VideoFrame

Item = AudioChunk | VideoFrame
LOOK_AHEAD_S = 0.5  # longer than any chunk: what is due earlier is then known


def due_ns(item: Item) -> int:
    """When a device would hand the item out: a picture at its exposure, sound when its last sample is in."""
    if isinstance(item, VideoFrame):
        return item.stamp_ns
    return item.stamp_ns + round(item.samples.shape[0] / item.sample_rate_hz * 1e9)


def in_due_order(items: Iterable[Item]) -> Iterator[tuple[int, Item]]:
    """(due time in ns, item), sorted by due time, of items sorted by capture."""
    waiting: list[tuple[int, int, Item]] = []
    for number, item in enumerate(items):
        heapq.heappush(waiting, (due_ns(item), number, item))
        while waiting[0][0] <= item.stamp_ns - LOOK_AHEAD_S * 1e9:
            due, _, first = heapq.heappop(waiting)
            yield due, first
    while waiting:
        due, _, first = heapq.heappop(waiting)
        yield due, first


class Pace:
    """Sleeps until the moments of a stream come, at `rate` times real time; `stop` ends the sleep."""

    def __init__(self, rate: float, stop: threading.Event) -> None:
        self._rate = rate
        self._stop = stop
        self._start_s: float | None = None
        self._first_ns = 0

    def wait_for(self, moment_ns: int) -> bool:
        """Sleep until `moment_ns` of the stream; the first call sets the start. False where told to stop."""
        if self._start_s is None:
            self._start_s, self._first_ns = time.monotonic(), moment_ns
        due_s = self._start_s + (moment_ns - self._first_ns) / 1e9 / self._rate
        return not self._stop.wait(max(0.0, due_s - time.monotonic()))
