"""Stand-in for ROS 2 message_filters (Python): filters by callback, cache, exact and approximate time synchronizers."""

from __future__ import annotations

from message_filters.cache import Cache
from message_filters.simple_filter import SimpleFilter
from message_filters.subscriber import Subscriber
from message_filters.synchronizers import ApproximateTimeSynchronizer, TimeSynchronizer

__all__ = ["ApproximateTimeSynchronizer", "Cache", "SimpleFilter", "Subscriber", "TimeSynchronizer"]
