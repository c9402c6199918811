"""Settings of the alignment of sound and pictures, and what it reports about itself."""

from __future__ import annotations

from dataclasses import dataclass

from avloc_ros.config import setting

REASON_SHOWN_NS = 2_000_000_000  # stream time for which the words about a single event stay visible


@dataclass(frozen=True)
class AvSyncConfig:
    """How audio windows are cut for camera frames."""

    window_s: float = setting(0.04, "length of the audio window of a frame, seconds", low=0.005, high=1.0)
    max_wait_s: float = setting(
        0.5,
        "capture time a frame waits for its sound, seconds; above the lateness of audio",
        low=0.0,
        high=10.0,
    )
    reorder_wait_s: float = setting(
        0.04, "sound past a hole for which a missing packet is still awaited, seconds", low=0.0, high=5.0
    )
    min_valid_fraction: float = setting(
        0.25, "a window with less received sound than this share is dropped", low=0.0, high=1.0
    )
    snap_s: float = setting(
        0.0005,
        "a window whose end lies so little after the end of a packet ends there, and need not wait for the next, seconds",
        low=0.0,
        high=0.01,
    )
    buffer_s: float = setting(3.0, "sound kept for frames that come late, seconds", low=0.2, high=60.0)
    frame_clock: str = setting(
        "auto",
        "what starts a window: camera frames, the sound itself at frame_rate_hz, or the sound while no frame comes",
        choices=("auto", "camera", "audio"),
    )
    frame_rate_hz: float = setting(25.0, "windows per second without a camera", low=1.0, high=200.0)
    camera_timeout_s: float = setting(
        0.5, "sound without a frame after which windows come at frame_rate_hz, seconds", low=0.05, high=60.0
    )
    smooth_frames: bool = setting(True, "cut at the even beat of a steady camera, not at each jittery stamp")


@dataclass(frozen=True)
class AvSyncStatus:
    """What the alignment has measured, for diagnostics; counts only grow, reasons are the present ones in words.

    drift_ppm: how much faster than nominal the audio clock runs. jitter_ms, frame_jitter_ms: standard
    deviation of the stamps. gaps: holes in the sound, lost_samples: missing in them (per channel). late:
    frames and packets too late to be used. rejected: of another format, or with a stray stamp.
    dropped_windows: frames without enough sound. clock_steps: times at which stamps and sample count parted.
    restarts: times at which the sender counted its samples anew while its stamps went on (a recording that loops).
    resets: backward time jumps (when it grows, reset what follows).
    """

    drift_ppm: float = 0.0
    jitter_ms: float = 0.0
    frame_jitter_ms: float = 0.0
    gaps: int = 0
    lost_samples: int = 0
    duplicates: int = 0
    out_of_order: int = 0
    clock_steps: int = 0
    restarts: int = 0
    late: int = 0
    rejected: int = 0
    duplicate_frames: int = 0
    dropped_windows: int = 0
    windows: int = 0
    resets: int = 0
    pending: int = 0
    camera_present: bool = False
    reasons: tuple[str, ...] = ()


class Notes:
    """Counts, and the newest words about each kind of event with their stream time."""

    def __init__(self) -> None:
        self.counts = dict.fromkeys(
            ("gaps", "lost_samples", "duplicates", "out_of_order", "clock_steps", "restarts", "late", "rejected",
             "duplicate_frames", "dropped_windows", "windows", "resets"), 0,
        )  # fmt: skip
        self._events: dict[str, tuple[str, int]] = {}

    def count(self, what: str, by: int = 1) -> None:
        self.counts[what] += by

    def say(self, kind: str, words: str, stamp_ns: int) -> None:
        """Newer words of a kind replace older ones."""
        self._events[kind] = (words, stamp_ns)

    def recent(self, latest_ns: int) -> list[str]:
        """Words about what happened within the last seconds of the stream."""
        return [words for words, when in self._events.values() if abs(latest_ns - when) < REASON_SHOWN_NS]
