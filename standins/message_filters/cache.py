"""The last messages of a filter, by time."""

from __future__ import annotations

from typing import Any

from message_filters.simple_filter import SimpleFilter
from message_filters.stamps import arrival_stamp, has_stamp, stamp_of
from rclpy.logging import get_logger
from rclpy.time import Time


class Cache(SimpleFilter):
    """Keeps the last `cache_size` messages that `f` let through and passes them on.

    Messages without a header are left out, or, with allow_headerless, get the time of their arrival.
    """

    def __init__(
        self, f: SimpleFilter | None = None, cache_size: int = 1, allow_headerless: bool = False
    ) -> None:
        super().__init__()
        self.cache_size = cache_size
        self.allow_headerless = allow_headerless
        self.cache_msgs: list[Any] = []
        self.cache_times: list[Time] = []
        self.incoming_connection: int | None = None
        if f is not None:
            self.connectInput(f)

    def connectInput(self, f: SimpleFilter) -> None:  # noqa: N802 - the official name
        """Takes messages from f."""
        self.incoming_connection = f.registerCallback(self.add)

    def add(self, msg: Any) -> None:
        """Puts one message in, and the oldest arrival out where the cache is full."""
        if has_stamp(msg):
            stamp = stamp_of(msg)
        elif self.allow_headerless:
            stamp = arrival_stamp()
        else:
            get_logger("message_filters").warning("Cache got a message without a header and left it out")
            return
        self.cache_msgs.append(msg)
        self.cache_times.append(stamp)
        if len(self.cache_msgs) > self.cache_size:
            del self.cache_msgs[0], self.cache_times[0]
        self.signalMessage(msg)

    def getInterval(self, from_stamp: Time, to_stamp: Time) -> list[Any]:  # noqa: N802 - the official name
        """Messages from from_stamp to to_stamp, both included."""
        return [msg for msg, time in self._timed() if from_stamp <= time <= to_stamp]

    def getElemAfterTime(self, stamp: Time) -> Any:  # noqa: N802 - the official name
        """The first message at or after stamp, None where there is none."""
        return next((msg for msg, time in self._timed() if time >= stamp), None)

    def getElemBeforeTime(self, stamp: Time) -> Any:  # noqa: N802 - the official name
        """The last message at or before stamp, None where there is none."""
        return next((msg for msg, time in reversed(self._timed()) if time <= stamp), None)

    def getLatestTime(self) -> Time | None:  # noqa: N802 - the official name
        """Stamp of the newest message, None where the cache is empty."""
        return max(self.cache_times, key=_nanoseconds, default=None)

    # The official package's name for it has a letter too many; both are in use.
    getLastestTime = getLatestTime  # noqa: N815

    def getOldestTime(self) -> Time | None:  # noqa: N802 - the official name
        """Stamp of the oldest message, None where the cache is empty."""
        return min(self.cache_times, key=_nanoseconds, default=None)

    def getLast(self) -> Any:  # noqa: N802 - the official name
        """The newest message, None where the cache is empty."""
        latest = self.getLatestTime()
        return None if latest is None else self.getElemAfterTime(latest)

    def _timed(self) -> list[tuple[Any, Time]]:
        return sorted(
            zip(self.cache_msgs, self.cache_times, strict=True), key=lambda pair: _nanoseconds(pair[1])
        )


def _nanoseconds(time: Time) -> int:
    return time.nanoseconds
