"""The base of every filter: callbacks that are called with what the filter lets through."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Callback = Callable[..., None]


class SimpleFilter:
    """A filter that others register on."""

    def __init__(self) -> None:
        self.callbacks: dict[int, tuple[Callback, tuple[Any, ...]]] = {}

    def registerCallback(self, cb: Callback, *args: Any) -> int:  # noqa: N802 - the official name
        """Calls cb(*messages, *args) for everything that passes from now on; returns the number of the connection."""
        connection = len(self.callbacks)
        self.callbacks[connection] = (cb, args)
        return connection

    def signalMessage(self, *msg: Any) -> None:  # noqa: N802 - the official name
        """Passes messages on to all who registered, in the order in which they registered."""
        for callback, extra in list(self.callbacks.values()):
            callback(*msg, *extra)
