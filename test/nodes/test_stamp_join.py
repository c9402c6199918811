"""Joining streams by stamp: order, waiting, giving up, coming back; against message_filters where it has an answer."""

from __future__ import annotations

import message_filters
from std_msgs.msg import Header

from avloc_ros.nodes.base.stamp_join import StampJoin
from avloc_ros.nodes.base.stamp_order import Order, StampOrder
from avloc_ros.nodes.messages.conversions import stamp_message, stamp_ns

MS = 1_000_000


class Bench:
    """A join of streams a and b with a clock of our own."""

    def __init__(self, max_wait_s: float = 0.2) -> None:
        self.now_s = 100.0
        self.out: list[tuple[int, str]] = []
        self.join = StampJoin(("a", "b"), max_wait_s, self.emit, lambda: self.now_s)

    def emit(self, stamp: int, parts: dict) -> None:
        self.out.append((stamp // MS, "".join(sorted(parts))))

    def add(self, stream: str, stamp_ms: int, after_s: float = 0.0) -> None:
        self.now_s += after_s
        self.join.add(stream, stamp_ms * MS, object())


def test_pairs_go_at_once_in_stamp_order():
    bench = Bench()
    for stream, stamp in (("a", 0), ("a", 40), ("b", 0), ("a", 80), ("b", 40), ("b", 80)):
        bench.add(stream, stamp, 0.01)
    assert bench.out == [(0, "ab"), (40, "ab"), (80, "ab")]


def test_complete_sets_are_those_of_message_filters():
    import numpy as np

    generator = np.random.default_rng(8)
    events = sorted((float(t * 0.04 + generator.uniform(0, 0.03)), s, t) for s in "ab" for t in range(50))
    events = [event for event in events if generator.random() > 0.15]

    class Stamped:
        def __init__(self, stamp: int) -> None:
            self.header = Header(stamp=stamp_message(stamp))

    sources = {name: message_filters.SimpleFilter() for name in "ab"}
    expected: list[int] = []
    synchronizer = message_filters.TimeSynchronizer([sources["a"], sources["b"]], 30)
    synchronizer.registerCallback(lambda first, _: expected.append(stamp_ns(first.header.stamp) // MS))
    bench = Bench(max_wait_s=10.0)
    for when, stream, number in events:
        sources[stream].signalMessage(Stamped(number * 40 * MS))
        bench.now_s = 100 + when
        bench.add(stream, number * 40)
    assert [stamp for stamp, parts in bench.out if parts == "ab"] == sorted(expected)
    stamps = [stamp for stamp, _ in bench.out]
    assert stamps == sorted(set(stamps))


def test_a_missing_partner_is_waited_for_no_longer_than_max_wait():
    bench = Bench(max_wait_s=0.2)
    bench.add("a", 0)
    bench.now_s += 0.19
    bench.join.flush()
    assert bench.out == []
    bench.now_s += 0.02
    bench.join.flush()
    assert bench.out == [(0, "a")] and bench.join.incomplete == {"a": 0, "b": 1}


def test_a_lost_message_costs_no_waiting():
    bench = Bench()
    bench.add("a", 0)
    bench.add("b", 0)
    bench.add("a", 40)
    bench.add("a", 80)
    bench.add("b", 80)  # b will not send 40 any more
    assert bench.out == [(0, "ab"), (40, "a"), (80, "ab")]


def test_a_stream_that_is_gone_is_not_waited_for_until_it_returns():
    bench = Bench(max_wait_s=0.2)
    bench.add("b", 0)
    bench.add("a", 0)
    for number in range(1, 30):
        bench.add("a", 40 * number, 0.04)
        bench.join.flush()
    assert bench.join.is_away("b")
    assert bench.out[-1] == (40 * 29, "a")  # at once
    bench.add("b", 40 * 29, 0.01)  # back, a little too late for this moment
    bench.add("a", 40 * 30, 0.03)
    assert bench.out[-1] == (40 * 29, "a")  # is waited for again
    bench.add("b", 40 * 30, 0.01)
    assert bench.out[-1] == (40 * 30, "ab") and bench.join.late["b"] == 1


def test_stamps_are_judged():
    order = StampOrder(jump_back_s=0.5)
    judged = [order.judge(stamp * MS) for stamp in (1000, 1040, 1040, 1000, 1080, 100, 140)]
    assert judged == [Order.NEXT, Order.NEXT, Order.REPEATED, Order.LATE, Order.NEXT, Order.JUMPED_BACK, Order.NEXT]
