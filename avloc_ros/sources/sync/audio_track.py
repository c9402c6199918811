"""The sound of the last seconds, placed in capture time: packets go in, stretches of samples come out."""

from __future__ import annotations

from bisect import bisect_left
from collections import deque

import numpy as np

from avloc_ros.sources.sync.audio_placement import AudioPlacement
from avloc_ros.sources.sync.sample_ring import SampleRing
from avloc_ros.sources.sync.sync_status import Notes
from avloc_ros.types import AudioChunk, InputError

NS = 1_000_000_000
JUMP_BACK_S = 1.0  # a stamp this much older than the newest is a new pass of a bag, not a late packet
ENDS_KEPT = 256  # packets whose ends are remembered: seconds of sound
SILENT_POWER_RATIO = 1e-6  # 60 dB below the array's median: a dead microphone, not a quiet place


class AudioTrack:
    """A ring of samples with its clock. Indices are its own: one second of time is one second of samples."""

    def __init__(self, channels: int, sample_rate_hz: int, buffer_s: float, notes: Notes) -> None:
        self.channels, self.sample_rate_hz = channels, sample_rate_hz
        self._ring = SampleRing(round(buffer_s * sample_rate_hz), channels)
        self._notes = notes
        self._placement: AudioPlacement | None = None  # None before the first packet
        self._odd_chunk: AudioChunk | None = None  # a packet from the past, until the next one explains it
        self._ends: deque[int] = deque(maxlen=ENDS_KEPT)  # one past the last sample of each packet, rising

    @property
    def end(self) -> int | None:
        """One past the newest sample, None before the first."""
        return self._ring.end

    @property
    def oldest(self) -> int:
        """The oldest sample that can still be had."""
        return max(self._ring.start, self._placement.first_index if self._placement else 0)

    @property
    def first(self) -> int:
        """The first sample since the start or the last time jump."""
        return self._placement.first_index if self._placement else 0

    @property
    def frame_id(self) -> str:
        return self._placement.frame_id if self._placement else ""

    @property
    def heard_until_ns(self) -> int | None:
        """Capture time at which the sound ends, None before it began."""
        return None if self.end is None else self.time_ns(self.end)

    @property
    def drift_ppm(self) -> float:
        return self._placement.clock.drift_ppm if self._placement else 0.0

    @property
    def jitter_s(self) -> float:
        return self._placement.clock.jitter_s if self._placement else 0.0

    def time_ns(self, index: float) -> int:
        """Capture time of a sample, 0 before the sound began."""
        return self._placement.clock.time_ns(index) if self._placement else 0

    def index_at(self, time_ns: int) -> int:
        """The sample captured at a time, 0 before the sound began."""
        return round(self._placement.clock.index_at(time_ns)) if self._placement else 0

    def packet_end_before(self, index: int, within: int) -> int | None:
        """The last end of a packet (one past its last sample) in [index - within, index], None where there is none."""
        place = bisect_left(self._ends, index + 1) - 1
        return self._ends[place] if place >= 0 and self._ends[place] >= index - within else None

    def push(self, chunk: AudioChunk) -> bool:
        """Take in a packet; True where time jumped back and the track began anew. Raises InputError.

        One packet with a stamp far in the past is left out; with a second one that agrees, both begin a new
        pass.
        """
        self._check(chunk)
        jumped = False
        if self._placement is not None and self._placement.behind_s(chunk.stamp_ns) > JUMP_BACK_S:
            if self._odd_chunk is None:
                self._odd_chunk = chunk
                return False
            self._begin_again(self._odd_chunk)
            jumped = True
        elif self._odd_chunk is not None:
            self._notes.count("rejected")
            self._notes.say("stamp", "an audio packet had a stamp far in the past: left out", chunk.stamp_ns)
        self._odd_chunk = None
        self._write(chunk)
        return jumped

    def is_whole(self, index: int, frames: int) -> bool:
        """All of these samples are there."""
        return self._ring.is_whole(index, frames)

    def read(self, index: int, frames: int, stamp_ns: int) -> tuple[np.ndarray, float, np.ndarray]:
        """Samples (frames, channels), zero where missing; share received; usable channels (channels,) bool."""
        samples, valid = self._ring.read(index, frames)
        return samples, float(np.count_nonzero(valid)) / frames, self._usable(samples, stamp_ns)

    def paused(self, index: int, frames: int) -> int:
        """How many of these samples never were, since the sender had ended and begun again."""
        begin, end = self._placement.pause if self._placement else (0, 0)
        return max(0, min(index + frames, end) - max(index, begin))

    def _write(self, chunk: AudioChunk) -> None:
        if self._placement is None:
            self._placement = AudioPlacement(self.sample_rate_hz, chunk, self._notes.counts)
            self._ring.write(self._placement.first_index, chunk.samples)
            self._note_end()
            return
        end = self._ring.end or 0
        index = self._placement.place(chunk, end)
        if self._placement.event:
            self._notes.say("clock", self._placement.event, chunk.stamp_ns)
        if index is None:
            return  # was there before
        if index + len(chunk.samples) <= self._ring.start:
            self._notes.count("late")
            return
        self._placement.written(index, self._ring.write(index, chunk.samples), end)
        self._note_end()

    def _note_end(self) -> None:
        end = self._ring.end
        if end is not None and (not self._ends or end > self._ends[-1]):
            self._ends.append(end)

    def _begin_again(self, first: AudioChunk) -> None:
        behind_s = self._placement.behind_s(first.stamp_ns) if self._placement else 0.0
        self._notes.count("resets")
        self._notes.say(
            "jump", f"time of audio jumped back by {behind_s:.1f} s: started again", first.stamp_ns
        )
        self._ring.clear()
        self._ends.clear()
        self._placement = None
        self._write(first)

    def _check(self, chunk: AudioChunk) -> None:
        samples, problem = chunk.samples, ""
        if samples.ndim != 2 or samples.shape[1] != self.channels:
            came = samples.shape[1] if samples.ndim == 2 else f"samples of shape {samples.shape} instead of"
            problem = f"audio came with {came} channels, the stream has {self.channels}"
        elif chunk.sample_rate_hz != self.sample_rate_hz:
            problem = f"audio came at {chunk.sample_rate_hz} Hz, the stream has {self.sample_rate_hz} Hz"
        elif not len(samples):
            problem = "an audio packet without samples came"
        if problem:
            self._notes.count("rejected")
            problem += ": the packet is left out; check the sender, or restart with the new format"
            self._notes.say("format", problem, chunk.stamp_ns)
            raise InputError(problem)

    def _usable(self, samples: np.ndarray, stamp_ns: int) -> np.ndarray:
        """Which channels carry sound (channels,); those with bad values are set to zero in place."""
        power = np.einsum("ij,ij->j", samples, samples)  # (channels,), not finite where a sample is not
        finite = np.isfinite(power)
        if not finite.all():
            samples[:, ~finite] = 0.0
            self._notes.say("nan", f"{_channels(~finite)} not finite (NaN): check the sender", stamp_ns)
        sounding = power[finite & (power > 0)]
        if not len(sounding):
            return finite
        dead = finite & (power < SILENT_POWER_RATIO * np.median(sounding))
        if dead.any():
            self._notes.say("silent", f"{_channels(dead)} silent: check microphone and cable", stamp_ns)
        return finite & ~dead


def _channels(bad: np.ndarray) -> str:
    numbers = [str(number) for number in np.flatnonzero(bad)]
    return f"channel {numbers[0]} is" if len(numbers) == 1 else f"channels {', '.join(numbers)} are"
