"""What a node knows about itself: rates, latencies, drops, and in words why there is no output, or a poor one."""

from __future__ import annotations

import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from enum import IntEnum

import numpy as np

NOBODY, QUIET = "nobody publishes it", "its publisher is there but sends nothing"  # why nothing comes
OVERLOAD = "by overload"  # the key of drops by a worker that lags


class Level(IntEnum):
    """How bad it is; the numbers are those of DiagnosticStatus."""

    OK = 0
    WARN = 1
    ERROR = 2
    STALE = 3


@dataclass(frozen=True)
class HealthReport:
    """One line for the user, its level, and the numbers behind it."""

    level: Level
    message: str
    values: dict[str, str]


@dataclass
class _Input:
    topic: str
    consequence: str
    last_s: float | None = None
    count: int = 0


@dataclass
class _Output:
    is_promised: bool = False  # else nobody is to miss it: there may be nothing to say, or nobody who looks
    count: int = 0
    last_s: float | None = None
    latencies_s: deque[float] = field(default_factory=lambda: deque(maxlen=500))


class Health:
    """Collects from callbacks and worker threads; `report()` sums up what happened since the last report.

    explain_silence(topic): why a topic that gives nothing gives nothing (NOBODY, QUIET, "incompatible ...").
    excuse(): why it is right that nothing comes out while nothing comes in; "" where it is not.
    An input that stopped is a warning. One that never came is none while others come: a robot may have one sense only.
    """

    def __init__(
        self,
        explain_silence: Callable[[str], str] = lambda topic: "",
        clock_s: Callable[[], float] = time.monotonic,
        note_s: float = 3.0,
        excuse: Callable[[], str] = lambda: "",
    ) -> None:
        self._explain_silence = explain_silence
        self._clock_s = clock_s
        self._note_s = note_s
        self._excuse = excuse
        self.be_patient(stale_after_s=1.0, startup_s=5.0, waiting_s=30.0)
        self._lock = threading.RLock()
        self._problems: dict[str, tuple[Level, str]] = {}
        self._notes: dict[str, float] = {}  # text -> when it was noted last
        self.drops: Counter[str] = Counter()
        self.values: dict[str, str] = {}
        self._overload_seen = 0
        self.restart()

    def be_patient(self, stale_after_s: float, startup_s: float, waiting_s: float) -> None:
        """Silence up to stale_after_s is normal, for startup_s after `watch` it is no error that nothing goes out, and for
        waiting_s it is only a warning while nothing has come in."""
        self._stale_after_s, self._startup_s, self._waiting_s = stale_after_s, startup_s, waiting_s

    def restart(self) -> None:
        """Forget streams and problems (the node is configured anew); drop counts stay."""
        with self._lock:
            self._inputs: dict[str, _Input] = {}
            self._outputs: dict[str, _Output] = {}
            self._problems.clear()
            self._since_s = self._clock_s()
            self._watching_since_s = self._clock_s()

    def watch(self) -> None:
        """From now on inputs are expected and outputs due (the node has become active)."""
        with self._lock:
            self._watching_since_s = self._clock_s()

    # -------------------------------------------------------------------------------------------- what happens
    def expect(self, stream: str, topic: str, consequence: str) -> None:
        """An input that should come; `consequence` says what is lost without it ("" where it is optional)."""
        with self._lock:
            self._inputs[stream] = _Input(topic, consequence)

    def promise(self, stream: str) -> None:
        """An output that should go."""
        with self._lock:
            self._outputs[stream] = _Output(is_promised=True)

    def received(self, stream: str) -> None:
        """A message of an input came."""
        with self._lock:
            if stream in self._inputs:
                self._inputs[stream].count += 1
                self._inputs[stream].last_s = self._clock_s()

    def published(self, stream: str, latency_s: float) -> None:
        """A message went out, `latency_s` after the capture of what it tells of."""
        with self._lock:
            output = self._outputs.setdefault(stream, _Output())
            output.count += 1
            output.last_s = self._clock_s()
            output.latencies_s.append(latency_s)

    def dropped(self, what: str, count: int = 1) -> None:
        """Something was left out; the total is shown."""
        with self._lock:
            self.drops[what] += count

    def problem(self, key: str, text: str, level: Level = Level.WARN) -> bool:
        """Something is wrong until `well(key)`. True where that is news."""
        with self._lock:
            is_news = self._problems.get(key, (None, ""))[1] != text
            self._problems[key] = (level, text)
            return is_news

    def problems(self, key: str, texts: Iterable[str], level: Level = Level.WARN) -> bool:
        """All that is wrong in one respect, none for nothing. True where there is something new."""
        joined = "; ".join(texts)
        if joined:
            return self.problem(key, joined, level)
        self.well(key)
        return False

    def well(self, key: str) -> None:
        """A problem is over."""
        with self._lock:
            self._problems.pop(key, None)

    def note(self, text: str) -> None:
        """Something happened once; it is shown for a few seconds."""
        with self._lock:
            self._notes[text] = self._clock_s()

    # -------------------------------------------------------------------------------------------- what is told
    def has_come(self, stream: str) -> bool:
        """Whether an input has come at all."""
        with self._lock:
            return stream in self._inputs and self._inputs[stream].last_s is not None

    def age_s(self, stream: str) -> float:
        """Seconds since an input last came, or since the node began to watch."""
        with self._lock:
            last_s = self._inputs[stream].last_s
            return self._clock_s() - max(self._watching_since_s, last_s or 0.0)

    def report(self, is_active: bool = True) -> HealthReport:
        """Sum up since the last report."""
        with self._lock:
            now = self._clock_s()
            span_s = max(now - self._since_s, 1e-6)
            self._since_s = now
            values = self._numbers(span_s)
            self._notes = {text: when for text, when in self._notes.items() if now - when < self._note_s}
            self._judge_drops(span_s)
            words = [text for _, text in self._problems.values()]
            worst = max((level for level, _ in self._problems.values()), default=Level.OK)
            missed, absent = self._silent_inputs() if is_active else ([], [])
            words = [*missed, *words, *self._notes]
            worst = max(worst, Level.WARN) if missed or self._notes else worst
            if not is_active:
                return HealthReport(max(worst, Level.WARN), "; ".join(["not active", *words]), values)
            return HealthReport(*self._judged(worst, words, absent, now), values)

    def _judged(self, worst: Level, words: list[str], absent: list[str], now: float) -> tuple[Level, str]:
        """Level and message. absent: inputs that never came, which may be as it should be."""
        watched_s = now - self._watching_since_s
        is_starting = watched_s < max(self._stale_after_s, self._startup_s)
        has_output = any(
            output.last_s is not None and now - output.last_s < 1.0 + self._stale_after_s
            for output in self._outputs.values()
        )
        told = "; ".join([*absent, *words])
        if not has_output and any(output.is_promised for output in self._outputs.values()):
            is_quiet = absent and not words
            excuse = self._excuse() if is_quiet or not self._inputs else ""
            if excuse:
                return worst, "; ".join([f"idle: {excuse}", *words])
            if is_starting:
                return min(worst, Level.WARN), "; ".join(filter(None, ["starting", told]))
            if absent and not words and watched_s < self._waiting_s and not self._something_comes():
                return Level.WARN, f"waiting: {told}"
            unknown = "inputs come, but nothing has been made of them yet" if self._inputs else "the source gives nothing"
            return Level.ERROR, f"no output: {told or unknown}"
        if absent and not is_starting and not self._something_comes():
            worst = max(worst, Level.WARN)
        if worst == Level.OK:
            return worst, "; ".join(filter(None, ["running", told]))
        return worst, told

    def _something_comes(self) -> bool:
        """Whether there is something to work with."""
        return any(
            item.consequence and item.last_s is not None and self.age_s(stream) <= self._stale_after_s
            for stream, item in self._inputs.items()
        )

    def _judge_drops(self, span_s: float) -> None:
        new = self.drops[OVERLOAD] - self._overload_seen
        self._overload_seen = self.drops[OVERLOAD]
        if new:
            self.problem(OVERLOAD, f"{new / span_s:.0f} inputs a second dropped: this machine is too slow for them")
        else:
            self.well(OVERLOAD)

    def _silent_inputs(self) -> tuple[list[str], list[str]]:
        """Words on the inputs that are missed, and on those that nobody has ever given us."""
        missed: list[str] = []
        absent: list[str] = []
        for stream, item in self._inputs.items():
            quiet_s = self.age_s(stream)
            if quiet_s <= self._stale_after_s or not item.consequence:
                continue
            since = f"for {quiet_s:.1f} s" if item.last_s is not None else "yet"
            why = self._explain_silence(item.topic)
            words = f"no {stream} {since} on {item.topic}{f' ({why})' if why else ''}: {item.consequence}"
            never_was = item.last_s is None and why in ("", NOBODY, QUIET)
            (absent if never_was else missed).append(words)
        return missed, absent

    def _numbers(self, span_s: float) -> dict[str, str]:
        values: dict[str, str] = {}
        for name, item in self._inputs.items():
            values[f"{name} rate_hz"] = f"{item.count / span_s:.1f}"
            item.count = 0
        for name, output in self._outputs.items():
            values[f"{name} rate_hz"] = f"{output.count / span_s:.1f}"
            output.count = 0
            if output.latencies_s:
                p50, p95, p99 = np.percentile(np.array(output.latencies_s) * 1e3, [50, 95, 99])
                values[f"{name} latency_ms p50 p95 p99"] = f"{p50:.1f} {p95:.1f} {p99:.1f}"
        for what, count in self.drops.items():
            values[f"dropped {what}"] = str(count)
        return values | self.values
