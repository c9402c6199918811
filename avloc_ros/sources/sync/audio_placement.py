"""Where in the stream does a packet belong? From its index if the sender counts, else from its stamp."""

from __future__ import annotations

from collections import deque
from dataclasses import replace
from statistics import fmean

from avloc_ros.sources.sync.sample_clock import SampleClock
from avloc_ros.types import AudioChunk

NS = 1e9
STEP_S = 1.0  # a stamp this far from its prediction cannot be jitter: the stream was interrupted
GATE_S = 0.05  # beyond this (and six sigmas) a stamp is an outlier, unless several in a row agree
AGREEING = 3
STAND_STILL = "audio stamps stand still: the sender must fill in header.stamp"
COUNTS = ("gaps", "lost_samples", "duplicates", "out_of_order", "clock_steps", "restarts")
REMEMBERED = 16  # recent packets in which duplicates are looked for when the sender does not count
LAGS = 16  # packets over which a lag is averaged before it counts as a lost packet


class AudioPlacement:
    """Gives each packet an index of our own, in which a second of capture time is a second of samples.

    The sender's first_sample_index is followed as long as it agrees with the stamps within a second; a sender
    that does not count while it is paused is put in place by its stamp. So is one that counts anew while its stamps
    go on, as a recording that loops: nothing is lost then. A negative index means that the sender does not count:
    packets then follow each other unless the stamps say that some are missing.
    """

    def __init__(self, sample_rate_hz: int, first: AudioChunk, counts: dict[str, int]) -> None:
        self.first_index = max(first.first_sample_index, 0)
        self.frame_id = first.frame_id
        self.event = ""  # what was unusual about the newest packet, in words
        self.counts = counts
        self.clock = SampleClock(sample_rate_hz, self.first_index, first.stamp_ns)
        self._rate = sample_rate_hz
        self.pause = (0, 0)  # own indices between which no sound was, since the sender began again
        self._shift = 0  # own index minus the sender's
        self._newest_stamp_ns = first.stamp_ns
        self._sender_end = first.first_sample_index + len(first.samples)  # one past the newest, by its own count
        self._outliers: deque[float] = deque(maxlen=AGREEING)
        self._recent: deque[int] = deque(maxlen=REMEMBERED)
        self._repeated = 0  # packets in a row whose stamp was had
        self._lags_s: deque[float] = deque(maxlen=LAGS)

    def index_at(self, time_ns: int) -> int:
        """The sample captured at a time."""
        return round(self.clock.index_at(time_ns))

    def behind_s(self, stamp_ns: int) -> float:
        """Seconds by which a stamp lies before the newest one."""
        return (self._newest_stamp_ns - stamp_ns) / NS

    def place(self, chunk: AudioChunk, end: int) -> int | None:
        """Own index of a packet's first sample, None for one that was had. end: one past what is stored."""
        self.event, self.frame_id = "", chunk.frame_id
        counted = chunk.first_sample_index >= 0
        index = chunk.first_sample_index + self._shift if counted else self._by_stamp(chunk, end)
        if index is None:
            return None
        late_s = self.clock.innovation_s(index, chunk.stamp_ns)
        if chunk.stamp_ns == self._newest_stamp_ns and index >= end:
            self.event = STAND_STILL
        if self._counts_anew(chunk, late_s):
            index = self._begin_again(chunk, end)
        elif abs(late_s) > STEP_S or self._agree_on_step(late_s):
            index = self._step(chunk, end, late_s)
        elif index >= end and not self._is_outlier(late_s):
            self.clock.update(index, chunk.stamp_ns)
        self._newest_stamp_ns = max(self._newest_stamp_ns, chunk.stamp_ns)
        self._sender_end = max(self._sender_end, chunk.first_sample_index + len(chunk.samples))
        return index

    def written(self, index: int, new: int, end: int) -> None:
        """Count gaps and repeats. new: samples that were not there; end: one past what was stored before."""
        if index > end and (end, index) != self.pause:
            self.counts["gaps"] += 1
            self.counts["lost_samples"] += index - end
        elif index < end:
            self.counts["duplicates" if new == 0 else "out_of_order"] += 1
            self.counts["lost_samples"] = max(0, self.counts["lost_samples"] - new)

    def _by_stamp(self, chunk: AudioChunk, end: int) -> int | None:
        """Place a packet of a sender that does not count: after the last one, or some packets off."""
        if chunk.stamp_ns in self._recent:
            self.counts["duplicates"] += 1
            self._repeated += 1
            if self._repeated >= AGREEING:  # nobody sends a packet so often
                self.event = STAND_STILL
            return None
        self._repeated = 0
        self._recent.append(chunk.stamp_ns)
        frames = len(chunk.samples)
        packet_s = frames / self._rate
        late_s = self.clock.innovation_s(end, chunk.stamp_ns)
        if abs(late_s) > STEP_S:
            return end  # an interruption, which place() handles
        self._lags_s.append(late_s)
        certain_s = max(0.75 * packet_s, 5 * self.clock.jitter_s)
        if abs(late_s) < certain_s:
            late_s = fmean(self._lags_s) if len(self._lags_s) == LAGS else 0.0
            # jitter averages out over several packets, a lost one does not
            certain_s = max(0.6 * packet_s, 4 * self.clock.jitter_s / LAGS**0.5)
        if abs(late_s) < certain_s:
            return end
        self._lags_s.clear()
        return end + round(late_s / packet_s) * frames

    def _is_outlier(self, late_s: float) -> bool:
        return abs(late_s) > max(GATE_S, 6 * self.clock.jitter_s)

    def _agree_on_step(self, late_s: float) -> bool:
        if not self._is_outlier(late_s):
            self._outliers.clear()
            return False
        self._outliers.append(late_s)
        return len(self._outliers) == AGREEING and max(self._outliers) - min(self._outliers) < GATE_S

    def _counts_anew(self, chunk: AudioChunk, late_s: float) -> bool:
        """An index that was had before, with a newer stamp: no late packet, which has an old stamp too."""
        is_had = 0 <= chunk.first_sample_index < self._sender_end
        return is_had and chunk.stamp_ns > self._newest_stamp_ns and late_s > 0 and self._is_outlier(late_s)

    def _begin_again(self, chunk: AudioChunk, end: int) -> int:
        index = self._place_by_stamp(chunk, end)
        self.pause = (end, index)
        self._sender_end = 0
        self.counts["restarts"] += 1
        after_s = (index - end) / self._rate
        self.event = f"the sound began again after {after_s:.2f} s (a recording that loops, or its sender was restarted)"
        return index

    def _step(self, chunk: AudioChunk, end: int, late_s: float) -> int:
        """Stamps and count have parted: go by the stamp, after what is there."""
        self.counts["clock_steps"] += 1
        self.event = (
            self.event or f"audio stamps stepped by {late_s:+.2f} s against the sample count: placed by stamp"
        )
        return self._place_by_stamp(chunk, end)

    def _place_by_stamp(self, chunk: AudioChunk, end: int) -> int:
        index = max(end, self.index_at(chunk.stamp_ns))
        self._shift = index - chunk.first_sample_index
        self.clock.step_to(index, chunk.stamp_ns)
        self._outliers.clear()
        self._lags_s.clear()
        return index


class PacketCounter:
    """Gives packets of a sender that does not count their first_sample_index, from their stamps."""

    def __init__(self) -> None:
        self._placement: AudioPlacement | None = None
        self._end = 0

    def count(self, chunk: AudioChunk) -> AudioChunk | None:
        """The packet with its index, or None for a duplicate; packets that are counted pass unchanged."""
        if chunk.first_sample_index >= 0:
            return chunk
        index: int | None = 0
        if self._placement is None or self._placement.behind_s(chunk.stamp_ns) > STEP_S:
            self._placement = AudioPlacement(chunk.sample_rate_hz, chunk, dict.fromkeys(COUNTS, 0))
            self._end = 0
        else:
            index = self._placement.place(chunk, self._end)
        if index is None:
            return None
        self._end = max(self._end, index + len(chunk.samples))
        return replace(chunk, first_sample_index=max(index, 0))
