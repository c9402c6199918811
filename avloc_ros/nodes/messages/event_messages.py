"""Between our messages of sound events and the types of the pipeline."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from avloc_ros.msg import SoundEvent as SoundEventMessage, SoundEventArray, SoundEventClasses
from avloc_ros.nodes.messages.conversions import stamp_message, stamp_ns, vector_message, xyz
from avloc_ros.types import EventState, SoundEvent, SoundEvents


def events_to_message(events: SoundEvents) -> SoundEventArray:
    """All events of one label frame as their message."""
    message = SoundEventArray(events=[_event_message(event) for event in events.events])
    message.header.stamp = stamp_message(events.stamp_ns)
    message.header.frame_id = events.frame_id
    return message


def events_from_message(message: SoundEventArray) -> SoundEvents:
    """The events of a message."""
    found = tuple(_event(item) for item in message.events)
    return SoundEvents(stamp_ns(message.header.stamp), found, message.header.frame_id)


def classes_to_message(system: str, weights: str, names: Sequence[str], frame_id: str) -> SoundEventClasses:
    """The class table of a network."""
    message = SoundEventClasses(system=system, weights=weights, names=list(names))
    message.header.frame_id = frame_id
    return message


def _event_message(event: SoundEvent) -> SoundEventMessage:
    message = SoundEventMessage(
        id=event.id, class_id=event.class_id, score=float(event.score), state=int(event.state), level_db=float(event.level_db)
    )
    message.onset, message.offset = stamp_message(event.onset_ns), stamp_message(event.offset_ns)
    message.direction = vector_message(event.direction)
    message.direction_covariance = np.asarray(event.direction_covariance, float).reshape(4)
    return message


def _event(message: SoundEventMessage) -> SoundEvent:
    return SoundEvent(
        message.id,
        message.class_id,
        message.score,
        EventState(message.state),
        stamp_ns(message.onset),
        xyz(message.direction),
        np.array(message.direction_covariance, float).reshape(2, 2),
        stamp_ns(message.offset),
        message.level_db,
    )
