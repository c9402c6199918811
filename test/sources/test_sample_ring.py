"""The ring of samples against a plain dictionary."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings, strategies as st

from avloc_ros.sources.sync.sample_ring import SampleRing

CAPACITY = 37
WRITES = st.lists(st.tuples(st.integers(-60, 60), st.integers(1, 90)), min_size=1, max_size=12)


@settings(max_examples=150, deadline=None)
@given(writes=WRITES, start=st.integers(-400, 400), frames=st.integers(1, 60))
def test_reads_what_a_dictionary_holds(writes, start, frames):
    ring, kept, end, value = SampleRing(CAPACITY, 2), {}, None, 0.0
    position = 1000
    for step, length in writes:
        position += step
        values = np.arange(value, value + length, dtype=np.float32)
        value += length
        oldest = None if end is None else max(end, position + length) - CAPACITY
        written = {
            position + k: float(v) for k, v in enumerate(values) if oldest is None or position + k >= oldest
        }
        end = position + length if end is None else max(end, position + length)
        kept = {index: v for index, v in kept.items() if index >= end - CAPACITY}
        written = {index: v for index, v in written.items() if index >= end - CAPACITY}
        new = ring.write(position, np.stack([values, -values], axis=1))
        assert new == len(set(written) - set(kept))
        kept |= written
        assert ring.end == end
    samples, valid = ring.read(1000 + start, frames)
    indices = range(1000 + start, 1000 + start + frames)
    assert valid.tolist() == [index in kept for index in indices]
    assert samples[:, 0].tolist() == [kept.get(index, 0.0) for index in indices]
    assert (samples[:, 1] == -samples[:, 0]).all()
    assert ring.is_whole(1000 + start, frames) == all(index in kept for index in indices)


def test_clear_forgets():
    ring = SampleRing(10, 1)
    ring.write(0, np.ones((10, 1), np.float32))
    ring.clear()
    assert ring.end is None
    assert not ring.read(0, 10)[1].any()
