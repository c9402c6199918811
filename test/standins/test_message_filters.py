"""message_filters: what joins, what does not, in which order."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from geometry_msgs.msg import PointStamped
from message_filters import ApproximateTimeSynchronizer, Cache, SimpleFilter, Subscriber, TimeSynchronizer
from rclpy.clock import ClockType
from rclpy.node import Node
from rclpy.qos import qos_profile_sensor_data
from rclpy.time import Time
from std_msgs.msg import String


def stamped(milliseconds: int, name: str = "") -> PointStamped:
    message = PointStamped()
    message.header.stamp = Time(nanoseconds=milliseconds * 1_000_000).to_msg()
    message.header.frame_id = name
    return message


def ros_time(milliseconds: int) -> Time:
    return Time(nanoseconds=milliseconds * 1_000_000, clock_type=ClockType.ROS_TIME)


def milliseconds_of(message: PointStamped) -> int:
    return Time.from_msg(message.header.stamp).nanoseconds // 1_000_000


class Joined:
    """Sources, a synchronizer on them, and the stamps of what it passed on."""

    def __init__(self, synchronizer: type[Any], *settings: Any, sources: int = 2, **options: Any) -> None:
        self.sources = [SimpleFilter() for _ in range(sources)]
        self.filter = synchronizer(self.sources, *settings, **options)
        self.matches: list[tuple[int, ...]] = []
        self.filter.registerCallback(
            lambda *messages: self.matches.append(tuple(map(milliseconds_of, messages)))
        )

    def feed(self, source: int, *milliseconds: int) -> None:
        for one in milliseconds:
            self.sources[source].signalMessage(stamped(one))


def test_simple_filter_calls_everyone_with_their_extra_arguments() -> None:
    source, calls = SimpleFilter(), []
    source.registerCallback(lambda *received: calls.append(received))
    source.registerCallback(lambda *received: calls.append(received), "extra", 2)
    source.signalMessage("a", "b")
    assert calls == [("a", "b"), ("a", "b", "extra", 2)]


def test_exact_synchronizer_joins_equal_stamps_only() -> None:
    joined = Joined(TimeSynchronizer, 10)
    joined.feed(0, 10, 20, 30)
    joined.feed(1, 11, 20, 30)
    assert joined.matches == [(20, 20), (30, 30)]


def test_exact_synchronizer_passes_a_match_once() -> None:
    joined = Joined(TimeSynchronizer, 10, sources=3)
    for source in (0, 1, 2, 0, 1):
        joined.feed(source, 10)
    assert joined.matches == [(10, 10, 10)]


def test_exact_synchronizer_forgets_the_oldest_stamps() -> None:
    joined = Joined(TimeSynchronizer, 2)
    joined.feed(0, 10, 20, 30)
    joined.feed(1, 10, 20, 30)
    assert joined.matches == [(20, 20), (30, 30)]


@pytest.mark.parametrize(("gap_ms", "matches"), [(9, [(100, 109)]), (10, []), (11, [])])
def test_approximate_spread_is_strictly_below_slop(gap_ms: int, matches: list[tuple[int, ...]]) -> None:
    joined = Joined(ApproximateTimeSynchronizer, 10, 0.01)
    joined.feed(0, 100)
    joined.feed(1, 100 + gap_ms)
    assert joined.matches == matches


def test_approximate_prefers_the_nearest_stamp() -> None:
    joined = Joined(ApproximateTimeSynchronizer, 10, 0.05)
    joined.feed(0, 90, 104, 130)
    joined.feed(1, 107)
    assert joined.matches == [(104, 107)]


def test_approximate_consumes_what_it_matched() -> None:
    joined = Joined(ApproximateTimeSynchronizer, 10, 0.05)
    joined.feed(0, 100)
    joined.feed(1, 101, 102)
    joined.feed(0, 103)
    assert joined.matches == [(100, 101), (103, 102)]


def test_approximate_limits_the_spread_of_all_not_only_to_the_newest() -> None:
    joined = Joined(ApproximateTimeSynchronizer, 10, 0.01, sources=3)
    joined.feed(0, 94)
    joined.feed(1, 106)
    joined.feed(2, 100)  # 6 ms from each, but they are 12 ms apart
    assert joined.matches == []


def test_approximate_keeps_the_order_of_its_filters() -> None:
    joined = Joined(ApproximateTimeSynchronizer, 10, 0.1, sources=3)
    joined.feed(2, 3)
    joined.feed(0, 1)
    joined.feed(1, 2)
    assert joined.matches == [(1, 2, 3)]


def test_approximate_forgets_the_oldest_stamps() -> None:
    joined = Joined(ApproximateTimeSynchronizer, 2, 0.001)
    joined.feed(0, 10, 20, 30)
    joined.feed(1, 10, 20)
    assert joined.matches == [(20, 20)]


def test_approximate_takes_messages_without_header_at_their_arrival() -> None:
    sources, matches = [SimpleFilter(), SimpleFilter()], []
    synchronizer = ApproximateTimeSynchronizer(sources, 10, 5.0, allow_headerless=True)
    synchronizer.registerCallback(lambda *messages: matches.append([message.data for message in messages]))
    sources[0].signalMessage(String(data="left"))
    sources[1].signalMessage(String(data="right"))
    assert matches == [["left", "right"]]


def test_cache_answers_by_time() -> None:
    source = SimpleFilter()
    cache = Cache(source, 10)
    for one in (10, 20, 30, 40):
        source.signalMessage(stamped(one))
    assert [milliseconds_of(one) for one in cache.getInterval(ros_time(20), ros_time(30))] == [20, 30]
    assert milliseconds_of(cache.getElemAfterTime(ros_time(25))) == 30
    assert milliseconds_of(cache.getElemBeforeTime(ros_time(25))) == 20
    assert milliseconds_of(cache.getElemBeforeTime(ros_time(20))) == 20
    assert cache.getElemBeforeTime(ros_time(5)) is None
    assert cache.getElemAfterTime(ros_time(45)) is None
    assert cache.getOldestTime() == ros_time(10)
    assert milliseconds_of(cache.getLast()) == 40


def test_cache_keeps_the_newest_and_passes_all_on() -> None:
    source, passed = SimpleFilter(), []
    cache = Cache(source, 2)
    cache.registerCallback(lambda message: passed.append(milliseconds_of(message)))
    for one in (10, 20, 30):
        source.signalMessage(stamped(one))
    assert cache.getOldestTime() == ros_time(20)
    assert passed == [10, 20, 30]


def test_subscriber_is_a_filter(node: Node, spin_until: Callable[[Callable[[], bool]], None]) -> None:
    received: list[PointStamped] = []
    subscriber = Subscriber(node, PointStamped, "points", qos_profile=qos_profile_sensor_data)
    subscriber.registerCallback(received.append)
    publisher = node.create_publisher(PointStamped, "points", qos_profile_sensor_data)
    spin_until(lambda: publisher.get_subscription_count() == 1)
    publisher.publish(stamped(5, "here"))
    spin_until(lambda: bool(received))
    assert received[0].header.frame_id == "here"
    assert subscriber.getTopic() == "points"
