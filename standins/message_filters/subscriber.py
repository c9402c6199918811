"""The filter at the head of a chain: a subscription."""

from __future__ import annotations

from typing import Any

from message_filters.simple_filter import SimpleFilter


class Subscriber(SimpleFilter):
    """Subscribes `topic` of `msg_type` on `node`; quality of service by default a depth of 10, reliable.

    Attributes of the subscription (topic_name, ...) can be read from the filter itself.
    """

    def __init__(self, node: Any, msg_type: type, topic: str, *args: Any, **options: Any) -> None:
        super().__init__()
        self.node = node
        self.topic = topic
        if args:
            options["qos_profile"], *unexpected = args
            if unexpected:
                raise TypeError(
                    f"Subscriber takes node, type, topic and qos_profile by position, not also {unexpected}"
                )
        options.setdefault("qos_profile", 10)
        self.sub = node.create_subscription(msg_type, topic, self.callback, **options)

    def callback(self, msg: Any) -> None:
        """Receives one message."""
        self.signalMessage(msg)

    def getTopic(self) -> str:  # noqa: N802 - the official name
        """The topic's name as given."""
        return self.topic

    def __getattr__(self, key: str) -> Any:
        if key == "sub":  # not there yet: asked for before __init__ came to it
            raise AttributeError(key)
        return getattr(self.sub, key)
