"""Synthetic streams whose samples say when they were captured, so that the alignment can be measured exactly."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest

from avloc_ros.sources.sync.av_sync import AvSync, AvSyncConfig
from avloc_ros.types import AudioChunk, AudioWindow

NS = 1_000_000_000
START_NS = 1_700_000_000 * NS  # an ordinary date, so that precision is tested at real magnitudes


@dataclass(frozen=True)
class Recording:
    """Sound and pictures with known capture times; channel 0 of the sound holds the sample's own number."""

    rate_hz: int = 16000
    fps: float = 25.0
    duration_s: float = 4.0
    drift_ppm: float = 0.0
    jitter_s: float = 0.0  # of the packets' stamps, uniform to either side
    frame_jitter_s: float = 0.0  # of the pictures' stamps
    packet_s: float = 0.02
    audio_late_s: float = 0.0  # arrival, not capture
    video_late_s: float = 0.0
    channels: int = 2
    counted: bool = True
    seed: int = 0

    @property
    def true_rate_hz(self) -> float:
        return self.rate_hz * (1 + self.drift_ppm * 1e-6)

    def packets(self) -> list[tuple[float, AudioChunk]]:
        """(arrival time, packet)."""
        rng = np.random.default_rng(self.seed)
        frames = round(self.packet_s * self.rate_hz)
        made = []
        for first in range(0, int(self.duration_s * self.true_rate_hz) - frames + 1, frames):
            samples = (
                np.repeat(np.arange(first, first + frames, dtype=np.float32)[:, None], self.channels, 1) + 1
            )
            time_s = first / self.true_rate_hz
            stamp_ns = START_NS + round((time_s + rng.uniform(-self.jitter_s, self.jitter_s)) * NS)
            chunk = AudioChunk(stamp_ns, first if self.counted else -1, samples, self.rate_hz)
            made.append(((first + frames) / self.true_rate_hz + self.audio_late_s, chunk))
        return made

    def pictures(self) -> list[tuple[float, int, float]]:
        """(arrival time, stamp, true capture time in seconds)."""
        rng = np.random.default_rng(self.seed + 1)
        times = np.arange(int(self.duration_s * self.fps)) / self.fps + 0.003
        jitter = rng.uniform(-self.frame_jitter_s, self.frame_jitter_s, len(times))
        return [
            (time_s + self.video_late_s, START_NS + round((time_s + late_s) * NS), time_s)
            for time_s, late_s in zip(times, jitter, strict=True)
        ]

    def true_time_s(self, window: AudioWindow) -> float:
        """When the first sample of a window that begins with received sound was really captured."""
        return (float(window.samples[0, 0]) - 1) / self.true_rate_hz


def play(
    sync: AvSync, packets: list[tuple[float, AudioChunk]], pictures: list[tuple[float, int, float]]
) -> list[tuple[float, AudioWindow]]:
    """Push everything in the order of arrival; (arrival time at which it was popped, window)."""
    arrivals = [(time_s, 0, number) for number, (time_s, _) in enumerate(packets)]
    arrivals += [(time_s, 1, number) for number, (time_s, _, _) in enumerate(pictures)]
    popped = []
    for time_s, kind, number in sorted(arrivals):
        if kind == 0:
            sync.push_audio(packets[number][1])
        else:
            sync.push_frame(pictures[number][1])
        popped += [(time_s, window) for window in sync.pop()]
    return popped


@pytest.fixture
def make_recording():
    return Recording


@pytest.fixture
def make_sync():
    def make(recording: Recording, **settings: object) -> AvSync:
        return AvSync(AvSyncConfig(**settings), recording.channels, recording.rate_hz)

    return make


@pytest.fixture
def play_streams():
    return play


@pytest.fixture
def errors_ms():
    """Position errors in ms of whole windows against the pictures' true times, with those times in s."""

    def measure(recording, pictures, windows):
        truth = {stamp_ns: time_s for _, stamp_ns, time_s in pictures}
        rows = [
            (truth[w.stamp_ns], (recording.true_time_s(w) - truth[w.stamp_ns]) * 1e3)
            for _, w in windows
            if w.valid_fraction == 1.0
        ]
        return np.array(rows).reshape(-1, 2)  # (windows, 2): time_s, error_ms

    return measure


@pytest.fixture
def restamped():
    """The same packet with other fields."""
    return replace


@pytest.fixture(scope="session")
def small_scene(tmp_path_factory):
    """A scene of 1.2 s with sound, pictures whose brightness tells their number, and truth."""
    from avloc_ros.geometry import CameraModel, rotation_from_yaw_pitch_roll
    from avloc_ros.microphone_array import MicrophoneArray
    from avloc_ros.sources.scene import TruthRow, write_scene

    rng = np.random.default_rng(3)
    array = MicrophoneArray(rng.uniform(-0.05, 0.05, (4, 3)), ("a", "b", "c", "d"), name="square")
    rotation = rotation_from_yaw_pitch_roll(0.3, 0.1, -0.05)
    camera = CameraModel(96, 64, 80.0, 81.0, 48.0, 31.0, np.array([0.02, 0.0, 0.1]), rotation)
    images = [np.full((64, 96, 3), 8 * number, np.uint8) for number in range(30)]
    rows = [
        TruthRow(k, k / 25, who, *place, azimuth_rad=0.25 - k / 100, elevation_rad=0.1, distance_m=distance,
                 speaking=k % 3 > 0, visible=place[0] is not None, extra={"note": str(k)})
        for k in range(30)
        for who, place, distance in (
            ("anna", (10.5, 20.25, 5.0, 6.0, 11.0, 28.5), 1.5), ("ben", (None,) * 6, None),
        )
    ]  # fmt: skip
    return write_scene(
        tmp_path_factory.mktemp("scenes") / "small",
        array=array,
        camera=camera,
        audio=rng.uniform(-0.5, 0.5, (19200, 4)),
        sample_rate_hz=16000,
        images=iter(images),
        truth=rows,
        extra={"description": "a small one", "room": {"rt60_s": 0.3}},
    )
