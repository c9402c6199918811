"""The last seconds of sound, addressed by absolute sample index, with holes where packets are missing."""

from __future__ import annotations

import numpy as np


class SampleRing:
    """float32 (capacity, channels) in which sample i lies at i modulo capacity; memory never grows."""

    def __init__(self, capacity: int, channels: int) -> None:
        self.capacity = capacity
        self._samples = np.zeros((capacity, channels), np.float32)  # (capacity, channels)
        self._valid = np.zeros(capacity, bool)  # (capacity,)
        self.end: int | None = None  # one past the newest sample, None while empty

    @property
    def start(self) -> int:
        """The oldest index that is still kept."""
        return 0 if self.end is None else self.end - self.capacity

    def write(self, index: int, samples: np.ndarray) -> int:
        """Put samples (frames, channels) at an index, earlier or later than the end; returns how many were new."""
        if self.end is None:
            self.end = index
        end = index + len(samples)
        if end > self.end:
            self._mark(max(self.end, end - self.capacity), end, False)
            self.end = end
        first = max(index, self.start)
        samples = samples[first - index :]
        new = 0
        for ring, part in _pieces(first, end, self.capacity):
            self._samples[ring] = samples[part]
            new += (ring.stop - ring.start) - int(np.count_nonzero(self._valid[ring]))
            self._valid[ring] = True
        return new

    def read(self, index: int, frames: int) -> tuple[np.ndarray, np.ndarray]:
        """Samples (frames, channels), zero where missing, and which were received (frames,)."""
        samples = np.zeros((frames, self._samples.shape[1]), np.float32)  # (frames, channels)
        valid = np.zeros(frames, bool)  # (frames,)
        if self.end is None:
            return samples, valid
        first, last = max(index, self.start), min(index + frames, self.end)
        for ring, part in _pieces(first, last, self.capacity):
            target = slice(part.start + first - index, part.stop + first - index)
            samples[target] = self._samples[ring]
            valid[target] = self._valid[ring]
        samples[~valid] = 0.0
        return samples, valid

    def is_whole(self, index: int, frames: int) -> bool:
        """All of these samples have been received."""
        if self.end is None or index < self.start or index + frames > self.end:
            return False
        return all(bool(self._valid[ring].all()) for ring, _ in _pieces(index, index + frames, self.capacity))

    def clear(self) -> None:
        """Forget everything."""
        self._valid[:] = False
        self.end = None

    def _mark(self, first: int, end: int, valid: bool) -> None:
        for ring, _ in _pieces(first, end, self.capacity):
            self._valid[ring] = valid


def _pieces(first: int, end: int, capacity: int) -> list[tuple[slice, slice]]:
    """(slice of the ring, slice of the range) for the one or two stretches that [first, end) takes in the ring."""
    if end <= first:
        return []
    begin = first % capacity
    length = end - first
    head = min(length, capacity - begin)
    pieces = [(slice(begin, begin + head), slice(0, head))]
    if head < length:
        pieces.append((slice(0, length - head), slice(head, length)))
    return pieces
