"""Judges a stream's stamps: in order, repeated, late, or time itself jumped back (a bag that loops)."""

from __future__ import annotations

from enum import Enum


class Order(Enum):
    """What a new stamp is, compared with those before."""

    NEXT = "next"
    REPEATED = "repeated"
    LATE = "late"
    JUMPED_BACK = "jumped back"


STANDS_STILL = 3  # messages in a row with the stamp of the one before: no middleware repeats so often


class StampOrder:
    """Remembers the newest stamp of one stream.

    A stamp older than the newest by more than `jump_back_s` is a jump of time, not a late message.
    """

    def __init__(self, jump_back_s: float) -> None:
        self._jump_back_ns = round(jump_back_s * 1e9)
        self.newest_ns: int | None = None
        self._repeated = 0

    @property
    def stands_still(self) -> bool:
        """Whether the newest messages all have one stamp: their sender does not fill it in."""
        return self._repeated >= STANDS_STILL

    def judge(self, stamp_ns: int) -> Order:
        """Classify a stamp; NEXT and JUMPED_BACK make it the newest."""
        before = self.newest_ns
        self._repeated = self._repeated + 1 if stamp_ns == before else 0
        if before is None or stamp_ns > before:
            self.newest_ns = stamp_ns
            return Order.NEXT
        if stamp_ns < before - self._jump_back_ns:
            self.newest_ns = stamp_ns
            return Order.JUMPED_BACK
        return Order.REPEATED if stamp_ns == before else Order.LATE

    def reset(self) -> None:
        """Forget the newest stamp."""
        self.newest_ns = None
        self._repeated = 0
