"""One thread beside the executor for work that would block it: in order, and with the oldest dropped when it lags."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable


class Worker:
    """Runs tasks one after another on a thread of its own.

    At most `capacity` droppable tasks wait: a new one pushes the oldest out, and `on_drop` is told. Tasks that are not
    droppable (a reset, a new configuration) keep their place in the order. `on_error` gets what a task raised.
    """

    def __init__(
        self, name: str, capacity: int, on_drop: Callable[[], None], on_error: Callable[[Exception], None]
    ) -> None:
        self._capacity = capacity
        self._on_drop = on_drop
        self._on_error = on_error
        self._tasks: deque[tuple[Callable[[], None], bool]] = deque()
        self._wake = threading.Condition()
        self._stopping = False
        self._busy = False
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def submit(self, task: Callable[[], None], droppable: bool = True) -> None:
        """Append a task; returns at once."""
        with self._wake:
            waiting = sum(1 for _, is_droppable in self._tasks if is_droppable)
            if droppable and waiting >= self._capacity:
                self._drop_oldest()
            self._tasks.append((task, droppable))
            self._wake.notify_all()

    def clear(self) -> None:
        """Forget the droppable tasks that wait (they belong to a time that is gone)."""
        with self._wake:
            self._tasks = deque(item for item in self._tasks if not item[1])

    def wait_idle(self, timeout_s: float) -> bool:
        """Whether all tasks are done, at the latest after `timeout_s`."""
        with self._wake:
            return self._wake.wait_for(lambda: not self._tasks and not self._busy, timeout_s)

    def stop(self, timeout_s: float = 5.0) -> None:
        """Finish the task at hand, forget the others, end the thread. Safe to call from a task."""
        with self._wake:
            self._stopping = True
            self._tasks.clear()
            self._wake.notify_all()
        if threading.current_thread() is not self._thread:
            self._thread.join(timeout_s)

    def _drop_oldest(self) -> None:
        for index, (_, is_droppable) in enumerate(self._tasks):
            if is_droppable:
                del self._tasks[index]
                self._on_drop()
                return

    def _run(self) -> None:
        while True:
            with self._wake:
                self._busy = False
                self._wake.notify_all()
                self._wake.wait_for(lambda: self._tasks or self._stopping)
                if self._stopping:
                    return
                task, _ = self._tasks.popleft()
                self._busy = True
            try:
                task()
            except Exception as error:  # a thread that dies silently would be worse: the node reports it
                self._on_error(error)
