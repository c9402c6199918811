"""All frames and the way from one to another."""

from __future__ import annotations

from tf2_ros.exceptions import (
    ConnectivityException,
    ExtrapolationException,
    InvalidArgumentException,
    LookupException,
)
from tf2_ros.frame_history import FrameHistory, ParentLink, StaticFrame
from tf2_ros.rigid_transform import RigidTransform

# A chain of parents longer than this is a loop.
MAX_DEPTH = 1000

# Frames come and go (one per speaker): after so many transforms the histories of those that are gone are let go.
EXPIRE_EVERY = 500

Step = tuple[str, RigidTransform]  # an ancestor, and the transform from the start of the chain to it


class FrameTree:
    """Frames by name; those that move remember `cache_ns` nanoseconds."""

    def __init__(self, cache_ns: int) -> None:
        self._cache_ns = cache_ns
        self._histories: dict[str, FrameHistory | StaticFrame] = {}
        self._names: set[str] = set()
        self._inserted = 0

    def clear(self) -> None:
        """Forgets all transforms that move; static ones and the names stay."""
        self._histories = {child: known for child, known in self._histories.items() if known.is_static}

    def insert(self, child: str, link: ParentLink, is_static: bool) -> bool:
        """Adds one transform; false where it is too old."""
        known = self._histories.get(child)
        if known is None or known.is_static != is_static:
            known = self._histories[child] = StaticFrame() if is_static else FrameHistory(self._cache_ns)
        self._names.update((child, link.parent))
        self._inserted += 1
        if self._inserted % EXPIRE_EVERY == 0:
            for history in self._histories.values():
                history.expire(link.stamp_ns - self._cache_ns)
        return known.insert(link)

    def lookup(self, target: str, source: str, stamp_ns: int) -> tuple[RigidTransform, int]:
        """The transform that takes points of source to target, and its stamp; 0 asks for the latest common time."""
        for role, name in (("target_frame", target), ("source_frame", source)):
            self._check_name(role, name)
        if stamp_ns == 0:
            stamp_ns = self._latest_common_time(target, source)
        if target == source:
            return RigidTransform(), stamp_ns
        target_chain, target_end = self._chain(target, stamp_ns)
        source_chain, source_end = self._chain(source, stamp_ns)
        to_ancestor = dict(target_chain)
        for ancestor, source_to_ancestor in source_chain:
            if ancestor in to_ancestor:
                return to_ancestor[ancestor].inverse().after(source_to_ancestor), stamp_ns
        out_of_range = target_end or source_end
        if out_of_range is not None:
            raise ExtrapolationException(
                f"{out_of_range}, when looking up transform from [{source}] to [{target}]"
            )
        raise _not_connected(target, source)

    def _check_name(self, role: str, name: str) -> None:
        if not name or name.startswith("/"):
            raise InvalidArgumentException(
                f"{role} {name!r}: a frame has a name, and it does not begin with a slash"
            )
        if name not in self._names:
            raise LookupException(f'"{name}" passed to lookupTransform argument {role} does not exist.')

    def _chain(self, frame: str, stamp_ns: int) -> tuple[list[Step], ExtrapolationException | None]:
        """The frame and its ancestors, and why the chain ends before the root where it does."""
        chain: list[Step] = [(frame, RigidTransform())]
        for _ in range(MAX_DEPTH):
            name, to_here = chain[-1]
            known = self._histories.get(name)
            if known is None:
                return chain, None
            try:
                link = known.at(stamp_ns)
            except ExtrapolationException as out_of_range:
                return chain, out_of_range
            chain.append((link.parent, link.transform.after(to_here)))
        raise LookupException(f"the parents of {frame!r} form a loop")

    def _latest_common_time(self, target: str, source: str) -> int:
        """The newest time that all moving frames on the way know; 0 where none moves."""
        if target == source:
            known = self._histories.get(target)
            return 0 if known is None or known.is_static else known.latest.stamp_ns
        target_chain, source_chain = (self._latest_links(frame) for frame in (target, source))
        for ancestor, source_times in source_chain.items():
            if ancestor in target_chain:
                return min(source_times + target_chain[ancestor], default=0)
        raise _not_connected(target, source)

    def _latest_links(self, frame: str) -> dict[str, list[int]]:
        """For the frame and each ancestor: the newest stamps of the moving frames below it."""
        times: list[int] = []
        below = {frame: times}
        for _ in range(MAX_DEPTH):
            known = self._histories.get(frame)
            if known is None:
                return below
            if not known.is_static:
                times = [*times, known.latest.stamp_ns]
            frame = known.latest.parent
            below[frame] = times
        raise LookupException(f"the parents of {frame!r} form a loop")


def _not_connected(target: str, source: str) -> ConnectivityException:
    return ConnectivityException(
        f"Could not find a connection between '{target}' and '{source}' because they are not part of the same tree. "
        "Tf has two or more unconnected trees."
    )
