"""Keeps the garbage collector away from what the nodes loaded at their start: looking through it again and again halts them."""

from __future__ import annotations

import gc
from types import TracebackType


class SettledHeap:
    """Tells the collector, each time one more node is active, that everything there is by now will stay.

    Modules, networks and classes are some hundred thousand objects; a full collection through them holds every thread of
    the process for a tenth of a second. What comes later is still collected. On exit the collector sees all again.
    """

    def __init__(self) -> None:
        self._active = 0

    def __enter__(self) -> SettledHeap:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._active:
            gc.unfreeze()

    def settle(self, active: int) -> None:
        """Take note of how many nodes are active now."""
        if active > self._active:
            gc.freeze()
        self._active = max(active, self._active)
