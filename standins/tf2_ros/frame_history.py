"""What is known of one frame: its parents and transforms over time."""

from __future__ import annotations

import bisect
from dataclasses import dataclass

from tf2_ros.exceptions import ExtrapolationException
from tf2_ros.rigid_transform import RigidTransform


@dataclass(frozen=True)
class ParentLink:
    """The transform to a parent frame, at a time."""

    parent: str
    transform: RigidTransform
    stamp_ns: int


class FrameHistory:
    """A frame that moves: links of the last `length_ns` nanoseconds, in order of their stamps."""

    is_static = False

    def __init__(self, length_ns: int) -> None:
        self._length_ns = length_ns
        self._stamps_ns: list[int] = []
        self._links: list[ParentLink] = []

    def insert(self, link: ParentLink) -> bool:
        """Puts a link in; false where it is older than what is kept."""
        if self._links and link.stamp_ns < self._stamps_ns[-1] - self._length_ns:
            return False
        index = bisect.bisect_left(self._stamps_ns, link.stamp_ns)
        if index < len(self._links) and self._stamps_ns[index] == link.stamp_ns:
            self._links[index] = link
        else:
            self._stamps_ns.insert(index, link.stamp_ns)
            self._links.insert(index, link)
        expired = bisect.bisect_left(self._stamps_ns, self._stamps_ns[-1] - self._length_ns)
        del self._stamps_ns[:expired], self._links[:expired]
        return True

    def expire(self, before_ns: int) -> None:
        """Keeps only the latest link of a frame that nobody has moved since `before_ns`."""
        if self._stamps_ns and self._stamps_ns[-1] < before_ns:
            del self._stamps_ns[:-1], self._links[:-1]

    @property
    def latest(self) -> ParentLink:
        return self._links[-1]

    def at(self, stamp_ns: int) -> ParentLink:
        """The link at a time, interpolated; 0 is the latest. ExtrapolationException outside what is kept."""
        if stamp_ns == 0:
            return self.latest
        index = bisect.bisect_left(self._stamps_ns, stamp_ns)
        if index < len(self._links) and self._stamps_ns[index] == stamp_ns:
            return self._links[index]
        if index in (0, len(self._links)):
            raise ExtrapolationException(self._out_of_range(stamp_ns))
        before, after = self._links[index - 1], self._links[index]
        if before.parent != after.parent:  # moved to another parent: nothing to interpolate with
            return before
        fraction = (stamp_ns - before.stamp_ns) / (after.stamp_ns - before.stamp_ns)
        return ParentLink(before.parent, before.transform.towards(after.transform, fraction), stamp_ns)

    def _out_of_range(self, stamp_ns: int) -> str:
        first_s, last_s, wanted_s = (ns * 1e-9 for ns in (self._stamps_ns[0], self._stamps_ns[-1], stamp_ns))
        side = "past" if stamp_ns < self._stamps_ns[0] else "future"
        return (
            f"Lookup would require extrapolation into the {side}: requested time {wanted_s:.6f} "
            f"but the buffer holds {first_s:.6f} to {last_s:.6f}"
        )


class StaticFrame:
    """A frame that does not move: one link, good at any time."""

    is_static = True

    def __init__(self) -> None:
        self._link: ParentLink | None = None

    def insert(self, link: ParentLink) -> bool:
        self._link = link
        return True

    def expire(self, before_ns: int) -> None:
        """What does not move does not grow old."""

    @property
    def latest(self) -> ParentLink:
        if self._link is None:
            raise ExtrapolationException("no transform was set yet")
        return self._link

    def at(self, stamp_ns: int) -> ParentLink:
        return self.latest
