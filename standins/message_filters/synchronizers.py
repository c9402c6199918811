"""Filters that join several streams by the stamps of their messages."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from threading import Lock
from typing import Any

from message_filters.simple_filter import SimpleFilter
from message_filters.stamps import arrival_stamp, has_stamp, stamp_of
from rclpy.duration import Duration
from rclpy.logging import get_logger

Queue = dict[int, Any]  # stamp in nanoseconds -> message


class TimeSynchronizer(SimpleFilter):
    """Passes on one message of each filter together where all have the very same stamp.

    Each filter's `queue_size` newest messages wait for their partners. Callbacks get the messages in the order of `fs`.
    """

    def __init__(self, fs: Sequence[SimpleFilter], queue_size: int) -> None:
        super().__init__()
        self.queue_size = queue_size
        self.lock = Lock()
        self.connectInput(fs)

    def connectInput(self, fs: Sequence[SimpleFilter]) -> None:  # noqa: N802 - the official name
        """Takes messages from fs, with empty queues."""
        self.queues: list[Queue] = [{} for _ in fs]
        self.input_connections = [
            source.registerCallback(self.add, queue, index)
            for index, (source, queue) in enumerate(zip(fs, self.queues, strict=True))
        ]

    def add(self, msg: Any, my_queue: Queue, my_queue_index: int | None = None) -> None:
        """Receives one message of the filter that my_queue belongs to."""
        with self.lock:
            self._enqueue(stamp_of(msg).nanoseconds, msg, my_queue)
            complete = set.intersection(*(set(queue) for queue in self.queues))
            for stamp in sorted(complete):
                self._pass_on([stamp] * len(self.queues))

    def _enqueue(self, stamp: int, msg: Any, queue: Queue) -> None:
        queue[stamp] = msg
        while len(queue) > self.queue_size:
            del queue[min(queue)]

    def _pass_on(self, stamps: Sequence[int]) -> None:
        self.signalMessage(*(queue[stamp] for queue, stamp in zip(self.queues, stamps, strict=True)))
        for queue, stamp in zip(self.queues, stamps, strict=True):
            del queue[stamp]


class ApproximateTimeSynchronizer(TimeSynchronizer):
    """Passes on one message of each filter together where their stamps spread over less than `slop` seconds.

    Partners of a new message are searched from the nearest stamp outwards; matched messages are consumed. Messages
    without a header are left out, or, with allow_headerless, count as of the time of their arrival; with
    sync_arrival_time that holds for all messages.
    """

    def __init__(
        self,
        fs: Sequence[SimpleFilter],
        queue_size: int,
        slop: float,
        allow_headerless: bool = False,
        sync_arrival_time: bool = False,
    ) -> None:
        super().__init__(fs, queue_size)
        self.slop = Duration(seconds=slop)
        self.allow_headerless = allow_headerless
        self.sync_arrival_time = sync_arrival_time

    def add(self, msg: Any, my_queue: Queue, my_queue_index: int | None = None) -> None:
        """Receives one message of the filter that my_queue belongs to."""
        if self.sync_arrival_time or (not has_stamp(msg) and self.allow_headerless):
            stamp = arrival_stamp().nanoseconds
        elif has_stamp(msg):
            stamp = stamp_of(msg).nanoseconds
        else:
            get_logger("message_filters").warning(
                "Synchronizer got a message without a header and left it out"
            )
            return
        with self.lock:
            self._enqueue(stamp, msg, my_queue)
            if stamp not in my_queue:  # older than all that wait in a full queue
                return
            candidates = [[stamp] if queue is my_queue else self._near(queue, stamp) for queue in self.queues]
            for stamps in itertools.product(*candidates):
                if max(stamps) - min(stamps) < self.slop.nanoseconds:
                    self._pass_on(stamps)
                    return

    def _near(self, queue: Queue, stamp: int) -> list[int]:
        within_slop = [other for other in queue if abs(other - stamp) <= self.slop.nanoseconds]
        return sorted(within_slop, key=lambda other: abs(other - stamp))
