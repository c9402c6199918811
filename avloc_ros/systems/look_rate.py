"""How often a face network really looks, which depends on the machine: counted in capture time."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

SPAN_S = 5.0  # over which looks are counted: ten passes at full resolution


@dataclass(frozen=True)
class Looks:
    """per_s: looks per second of capture time over the last 5 s; age_s: from the picture last looked at to the newest one,
    None before the first result."""

    per_s: float = 0.0
    age_s: float | None = None

    def __str__(self) -> str:
        return "none yet" if self.age_s is None else f"{self.per_s:.1f}/s, the last {self.age_s:.2f} s old"


class LookRate:
    """Told of each picture and of each result, in capture time."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forget all."""
        self._first_ns: int | None = None
        self._newest_ns = 0
        self._looked_ns: deque[int] = deque()

    def picture(self, stamp_ns: int) -> None:
        """A picture came."""
        self._first_ns = stamp_ns if self._first_ns is None else self._first_ns
        self._newest_ns = stamp_ns

    def result(self, stamp_ns: int) -> None:
        """The network has told what it saw in the picture of this stamp."""
        self._looked_ns.append(stamp_ns)
        while self._looked_ns[0] <= stamp_ns - SPAN_S * 1e9:
            self._looked_ns.popleft()

    @property
    def looks(self) -> Looks:
        """As of the newest picture."""
        if self._first_ns is None or not self._looked_ns:
            return Looks()
        span_ns = min(self._newest_ns - self._first_ns, round(SPAN_S * 1e9))
        within = sum(stamp_ns > self._newest_ns - span_ns for stamp_ns in self._looked_ns)
        per_s = within / span_ns * 1e9 if span_ns else 0.0
        return Looks(per_s, (self._newest_ns - self._looked_ns[-1]) / 1e9)
