"""The sound that belongs to each picture: windows cut from the audio stream by capture stamps.

Stamps of sound and pictures are capture times of one clock; what differs is that they come late, jitter,
drift, get lost, come twice or out of order. Nothing here asks for the present time: how long to wait is
measured in the capture time of the streams, so that a bag at any speed gives the same windows as live.
docs/time.md explains the rules.
"""

from __future__ import annotations

from bisect import insort
from dataclasses import dataclass

from avloc_ros.sources.sync.audio_track import JUMP_BACK_S, NS, AudioTrack
from avloc_ros.sources.sync.frame_clock import FrameClock
from avloc_ros.sources.sync.sync_status import AvSyncConfig, AvSyncStatus, Notes
from avloc_ros.types import AudioChunk, AudioWindow, InputError

LARGEST_DRIFT_PPM = 2000.0  # ten times that of a bad crystal
OTHER_CLOCK_S = 1e6  # eleven days: no delay is so long

__all__ = ["AvSync", "AvSyncConfig", "AvSyncStatus"]


@dataclass(frozen=True, order=True)
class _Waiting:
    """A frame that waits for its sound: its own stamp, and the capture time at which its window starts."""

    stamp_ns: int
    start_ns: int


class AvSync:
    """Push packets and frame stamps as they come, pop windows in the order of the frames. For one thread."""

    def __init__(self, config: AvSyncConfig, channels: int, sample_rate_hz: int) -> None:
        if channels < 1 or sample_rate_hz < 1:
            raise InputError(f"sound with {channels} channels at {sample_rate_hz} Hz: both must be positive")
        self.config, self.channels, self.sample_rate_hz = config, channels, sample_rate_hz
        self._window_frames = round(config.window_s * sample_rate_hz)
        self._notes = Notes()
        self.reset()

    def reset(self) -> None:
        """Forget the streams; counts stay."""
        config = self.config
        self._audio = AudioTrack(
            self.channels, self.sample_rate_hz, config.buffer_s + config.window_s, self._notes
        )
        self._frame_clock = FrameClock()
        self._frames: list[_Waiting] = []  # sorted by stamp
        self._newest_frame_ns: int | None = None
        self._last_out_ns: int | None = None
        self._odd_frame_ns: int | None = None  # a stamp from the past, until the next one explains it
        self._heard_at_frame: int | None = None  # where the sound ended when the newest frame came
        self._awaiting_audio_jump = False  # the camera has begun a new pass, the sound not yet

    # ----------------------------------------------------------------------------------------------- input
    def push_audio(self, chunk: AudioChunk) -> None:
        """Take in a packet. Raises InputError, and keeps running, on another format than the stream has."""
        restarts = self._notes.counts["restarts"]
        if self._audio.push(chunk):
            self._audio_jumped_back(chunk.stamp_ns)
        if self._notes.counts["restarts"] != restarts:
            self._frame_clock.reset()  # the pictures of a recording that loops begin again too, off the beat

    def push_frame(self, stamp_ns: int) -> None:
        """Announce a picture. Two stamps more than a second before the newest are a new pass of a bag."""
        newest = self._newest_frame_ns
        self._heard_at_frame = self._audio.end
        if newest is not None and newest - stamp_ns > JUMP_BACK_S * NS:
            if self._odd_frame_ns is None:
                self._odd_frame_ns = stamp_ns  # one bad stamp must not throw everything away
                return
            self._camera_jumped_back(newest, self._odd_frame_ns)
            self._take_frame(self._odd_frame_ns)
        elif self._odd_frame_ns is not None:
            self._notes.count("rejected")
            self._notes.say("stamp", "a camera frame had a stamp far in the past: left out", stamp_ns)
        self._odd_frame_ns = None
        self._take_frame(stamp_ns)

    # ---------------------------------------------------------------------------------------------- output
    def pop(self) -> list[AudioWindow]:
        """Windows that are complete, or that have waited long enough, in the order of their frames."""
        self._frames_from_sound()
        ready: list[AudioWindow] = []
        done = 0
        for frame in self._frames:
            if not self._is_due(frame):
                break
            done += 1
            ready += self._cut(frame)
        del self._frames[:done]
        return ready

    def flush(self) -> list[AudioWindow]:
        """At the end of a stream: what still waits, with the sound that is there."""
        ready = self.pop()
        for frame in self._frames:
            ready += self._cut(frame)
        self._frames.clear()
        return ready

    def status(self) -> AvSyncStatus:
        """Measured drift, jitter and losses, and in words what is wrong at present."""
        audio = self._audio
        return AvSyncStatus(
            drift_ppm=audio.drift_ppm,
            jitter_ms=audio.jitter_s * 1e3,
            frame_jitter_ms=self._frame_clock.jitter_s * 1e3,
            pending=len(self._frames),
            camera_present=self._camera_present(),
            reasons=tuple(self._reasons()),
            **self._notes.counts,
        )

    # --------------------------------------------------------------------------------------------- windows
    def _is_due(self, frame: _Waiting) -> bool:
        """Its sound is complete, or no more of it will come."""
        if self._waited_too_long(frame):
            return True
        if self._audio.end is None or self._awaiting_audio_jump:
            return False
        index, frames = self._first_sample(frame), self._window_frames
        if self._audio.is_whole(index, frames):
            return True
        if self._audio.end < index + frames:
            return False
        # a packet for the hole may be out of order, but not one from before the sound began
        wait = round(self.config.reorder_wait_s * self.sample_rate_hz) if index >= self._audio.oldest else 0
        return self._audio.end >= index + frames + wait

    def _first_sample(self, frame: _Waiting) -> int:
        """Where its window begins. One that ends just after a packet ends with it: the sound of the last samples would cost
        the wait for a whole packet, and stamps are less exact than that anyway. It rests on the stream alone, so
        that a bag gives the same windows as live."""
        index = self._audio.index_at(frame.start_ns)
        end, most = index + self._window_frames, round(self.config.snap_s * self.sample_rate_hz)
        snapped = self._audio.packet_end_before(end, most)
        return index if snapped is None else index - (end - snapped)

    def _cut(self, frame: _Waiting) -> list[AudioWindow]:
        """The window of a frame, or none where too little of its sound is there."""
        self._last_out_ns = frame.stamp_ns
        index = self._first_sample(frame)
        samples, share, usable = self._audio.read(index, self._window_frames, frame.stamp_ns)
        lost = round((1 - share) * self._window_frames) - self._audio.paused(index, self._window_frames)
        if share == 0.0 or share < self.config.min_valid_fraction:
            if lost <= 0:
                return []  # between two passes of a recording
            self._notes.count("dropped_windows")
            words = f"no sound for the frame at {frame.stamp_ns / NS:.3f} s: {self._why_no_sound(frame)}"
            self._notes.say("dropped", words, frame.stamp_ns)
            return []
        if lost > 0:
            words = f"{100 * lost / self._window_frames:.0f} % of a window is missing: audio packets are lost"
            self._notes.say("partial", words, frame.stamp_ns)
        self._notes.count("windows")
        rate, frame_id = self.sample_rate_hz, self._audio.frame_id
        return [AudioWindow(frame.stamp_ns, samples, rate, share, usable, frame_id)]

    def _waited_too_long(self, frame: _Waiting) -> bool:
        latest_ns = self._newest_frame_ns if self._newest_frame_ns is not None else frame.stamp_ns
        heard_ns = self._audio.heard_until_ns
        if heard_ns is not None and not self._awaiting_audio_jump:
            latest_ns = max(latest_ns, heard_ns)
        return latest_ns - frame.stamp_ns > self.config.max_wait_s * NS

    def _frames_from_sound(self) -> None:
        """Without a camera the sound is its own frame clock."""
        audio, config = self._audio, self.config
        if config.frame_clock == "camera" or audio.end is None or self._camera_present():
            return
        heard_ns, window_ns = audio.time_ns(audio.end), round(config.window_s * NS)
        wait_s = 0.0 if config.frame_clock == "audio" else config.camera_timeout_s
        # the time in which a frame was still awaited is not made up for: it would be a burst of late work
        next_ns = audio.time_ns(self._heard_without_camera_from() + wait_s * self.sample_rate_hz)
        next_ns = max(next_ns, audio.time_ns(audio.oldest))
        last_ns = self._frames[-1].stamp_ns if self._frames else self._last_out_ns
        period_ns = round(NS / config.frame_rate_hz)
        if last_ns is not None:
            next_ns = max(next_ns, last_ns + period_ns)
        while next_ns + window_ns <= heard_ns:
            self._frames.append(_Waiting(next_ns, next_ns))
            next_ns += period_ns

    # -------------------------------------------------------------------------------------- frames and jumps
    def _take_frame(self, stamp_ns: int) -> None:
        if self._newest_frame_ns is not None and stamp_ns <= self._newest_frame_ns:
            self._out_of_order_frame(stamp_ns)
            return
        self._newest_frame_ns = stamp_ns
        start_ns = self._frame_clock.exposure_ns(stamp_ns) if self.config.smooth_frames else stamp_ns
        if self.config.frame_clock == "audio":
            return
        if self._last_out_ns is not None and stamp_ns <= self._last_out_ns:
            self._too_late(stamp_ns)
            return
        insort(self._frames, _Waiting(stamp_ns, start_ns))

    def _out_of_order_frame(self, stamp_ns: int) -> None:
        if stamp_ns == self._newest_frame_ns or any(frame.stamp_ns == stamp_ns for frame in self._frames):
            self._notes.count("duplicate_frames")
        elif self._last_out_ns is not None and stamp_ns <= self._last_out_ns:
            self._too_late(stamp_ns)
        elif self.config.frame_clock != "audio":
            insort(self._frames, _Waiting(stamp_ns, stamp_ns))

    def _too_late(self, stamp_ns: int) -> None:
        self._notes.count("late")
        self._notes.say("late", "a frame came after a later one was done with: it is left out", stamp_ns)

    def _audio_jumped_back(self, stamp_ns: int) -> None:
        self._awaiting_audio_jump, self._heard_at_frame = False, None
        limit_ns = stamp_ns + JUMP_BACK_S * NS  # frames of the new pass may have come before its sound
        self._frames = [frame for frame in self._frames if frame.stamp_ns < limit_ns]
        if self._last_out_ns is not None and self._last_out_ns >= limit_ns:
            self._last_out_ns = None

    def _camera_jumped_back(self, newest_ns: int, stamp_ns: int) -> None:
        behind_s = (newest_ns - stamp_ns) / NS
        self._notes.count("resets")
        self._notes.say(
            "jump", f"time of the camera jumped back by {behind_s:.1f} s: started again", stamp_ns
        )
        heard_ns = self._audio.heard_until_ns
        self._awaiting_audio_jump = heard_ns is not None and heard_ns - stamp_ns > JUMP_BACK_S * NS
        self._frames.clear()
        self._frame_clock.reset()
        self._newest_frame_ns = self._last_out_ns = None

    # --------------------------------------------------------------------------------------------- reasons
    def _camera_present(self) -> bool:
        """Frames come, measured in sound that has come since the newest one: late cameras are present too."""
        if self.config.frame_clock == "audio":
            return False
        if self._audio.end is None:
            return self._newest_frame_ns is not None
        since = self._audio.end - self._heard_without_camera_from()
        return since < self.config.camera_timeout_s * self.sample_rate_hz

    def _heard_without_camera_from(self) -> int:
        """Sample at which the newest frame came, or at which the sound began; frames count for nothing on the audio's clock."""
        if self._heard_at_frame is None or self.config.frame_clock == "audio":
            return self._audio.first
        return self._heard_at_frame

    def _why_no_sound(self, frame: _Waiting) -> str:
        heard_ns = self._audio.heard_until_ns
        if heard_ns is None:
            return "no audio has come; check the audio topic and its QoS"
        if frame.stamp_ns >= heard_ns:
            behind_s = (frame.stamp_ns - heard_ns) / NS
            return f"audio ends {behind_s:.2f} s before it: it stopped, or comes later than max_wait_s"
        oldest_ns = self._audio.time_ns(self._audio.oldest)
        if frame.stamp_ns < oldest_ns:
            return f"the sound that is kept begins {(oldest_ns - frame.stamp_ns) / NS:.2f} s after it"
        return "its packets were lost"

    def _reasons(self) -> list[str]:
        heard_ns, seen_ns = self._audio.heard_until_ns, self._newest_frame_ns
        reasons = self._notes.recent(max(heard_ns or 0, seen_ns or 0))
        if heard_ns is None:
            reasons.append("no audio has come")
        elif seen_ns is not None and abs(seen_ns - heard_ns) > self.config.max_wait_s * NS:
            reasons.append(_apart_in_words(seen_ns, heard_ns))
        if abs(self._audio.drift_ppm) > LARGEST_DRIFT_PPM:
            percent = self._audio.drift_ppm * 1e-4
            reasons.append(
                f"the audio clock runs {percent:+.1f} % off: does the sender state its true sample_rate?"
            )
        if self.config.frame_clock != "audio" and not self._camera_present():
            without = (
                "windows follow the sound" if self.config.frame_clock == "auto" else "no windows without them"
            )
            reasons.append(f"no camera frames: {without}")
        return reasons


def _apart_in_words(seen_ns: int, heard_ns: int) -> str:
    """That the newest stamps of camera and sound do not belong together, and what is probably wrong."""
    ahead, behind = ("camera", "audio") if seen_ns > heard_ns else ("audio", "camera")
    apart_s = abs(seen_ns - heard_ns) / NS
    if apart_s < OTHER_CLOCK_S:
        return f"stamps of {ahead} are {apart_s:.1f} s ahead of the other stream"
    return (
        f"stamps of {ahead} are {apart_s:.0f} s ahead of the other stream: they are of another clock, or the sender of {behind} "
        "does not fill in header.stamp"
    )
