"""What is there when the nodes are active is no longer looked through by the garbage collector."""

import gc
import weakref

import pytest

from avloc_ros.nodes.base.settled_heap import SettledHeap


class Knot:
    """An object that only the collector can free."""

    def __init__(self) -> None:
        self.self = self


@pytest.fixture(autouse=True)
def thawed():
    gc.unfreeze()
    yield
    gc.unfreeze()


def test_objects_of_the_start_are_frozen_once_per_active_node_and_later_ones_are_still_collected():
    with SettledHeap() as heap:
        heap.settle(0)
        assert gc.get_freeze_count() == 0  # nothing is active: what is there may go
        heap.settle(1)
        first = gc.get_freeze_count()
        assert first > 1000 and len(gc.get_objects()) < first
        kept = [Knot() for _ in range(100)]
        heap.settle(1)
        assert gc.get_freeze_count() <= first  # no new node: no new freeze
        heap.settle(2)
        assert gc.get_freeze_count() >= first + len(kept)
        gone = weakref.ref(Knot())
        gc.collect()
        assert gone() is None
    assert gc.get_freeze_count() == 0  # on the way out the collector sees everything again
