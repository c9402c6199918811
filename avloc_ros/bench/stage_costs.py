"""What each stage of the live path costs per frame, and how that grows with the size of the problem."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from avloc_ros.bench.inputs import (
    SAMPLE_RATE_HZ,
    bench_camera,
    pictures,
    plane_waves,
    sphere_array,
)
from avloc_ros.decode.face_grid import faces_to_grid
from avloc_ros.microphone_array import MicrophoneArray
from avloc_ros.runtime.diff_track_network import SYSTEM as LIVE_LOCALIZER
from avloc_ros.runtime.weights import shipped_weights
from avloc_ros.systems.any_array import AnyArrayConfig
from avloc_ros.systems.audio_grids import AudioTracker
from avloc_ros.systems.audio_tracker import DEFAULT_TRACKER, EarConfig, open_audio_tracker
from avloc_ros.systems.diff_track import DiffTrackConfig
from avloc_ros.systems.faces import FaceConfig, FaceTracker
from avloc_ros.systems.fusion import open_fusion
from avloc_ros.systems.srp import SrpConfig
from avloc_ros.tracking.speaker_tracker import SpeakerTracker, SpeakerTrackerConfig
from avloc_ros.types import AudioWindow, Face, FaceDetections

WARM_UP = 10
ANY_ARRAY_TRACKERS = ("srp", "any_array", "mixture", "blend", "diff_track")  # crnn is trained for one array


@dataclass(frozen=True)
class Cost:
    """Median and 95th percentile of the wall time of one call, in milliseconds, over `calls` calls."""

    median_ms: float
    p95_ms: float
    calls: int

    @staticmethod
    def of(times_s: Iterable[float]) -> Cost:
        times_ms = 1e3 * np.asarray(list(times_s))
        return Cost(float(np.median(times_ms)), float(np.percentile(times_ms, 95)), len(times_ms))


def timed(call: Callable[[int], object], calls: int) -> Cost:
    """Time `call(i)` for i = 0, 1, ...; the first WARM_UP calls do not count."""
    times_s = []
    for index in range(calls + WARM_UP):
        start = time.perf_counter()
        call(index)
        times_s.append(time.perf_counter() - start)
    return Cost.of(times_s[WARM_UP:])


def stage_costs(frames: int, device: str = "cpu", progress: Callable[[str], None] = lambda name: None) -> dict[str, Cost]:
    """Cost per 40 ms frame of every stage, at 6 microphones, 48 kHz, 720x450, 20 x 24 cells and one speaker."""
    camera, array = bench_camera(), sphere_array(6)
    windows, images = plane_waves(array, [0.3], frames + WARM_UP), pictures(camera, 16)
    costs: dict[str, Cost] = {}
    kinds = [kind for kind in ANY_ARRAY_TRACKERS if kind != "diff_track" or LIVE_LOCALIZER in shipped_weights()]
    for kind in sorted(kinds, key=lambda kind: kind == DEFAULT_TRACKER):  # the default is used below
        progress(f"audio tracker {kind}")
        ear = bench_ear(kind, device, array)
        heard = [ear.step(window) for window in windows]
        ear.reset()
        costs[f"audio_tracker {kind}"] = timed(partial(_step, ear, windows), frames)
    progress("face detector")
    faces = FaceTracker(replace(FaceConfig(), device=device, small_faces="off"))
    costs["face_detector"] = timed(lambda i: faces.step(images[i % len(images)]), frames)
    faces.close()
    seen = FaceDetections(0, (Face(200, 180, 40, 50, 0.9), Face(420, 190, 38, 48, 0.8)), (camera.width, camera.height))
    costs["face_grid"] = timed(lambda i: faces_to_grid(seen, 20, 24), frames)
    visual_grid = faces_to_grid(seen, 20, 24)
    progress("fusion and tracking")
    fusion = open_fusion()
    sights = [replace(visual_grid, stamp_ns=audio.sphere.stamp_ns) for audio in heard]
    costs["fusion"] = timed(lambda i: fusion.step(heard[i].image, sights[i]), frames)
    tracker = SpeakerTracker(SpeakerTrackerConfig())
    fused = [fusion.step(audio.image, sight) for audio, sight in zip(heard, sights, strict=True)]

    def track(i: int) -> object:
        stamp_ns = heard[i].sphere.stamp_ns
        return tracker.step(stamp_ns, fused[i], replace(seen, stamp_ns=stamp_ns), heard[i].sphere, camera)

    costs["speaker_tracker"] = timed(track, frames)
    return costs


def bench_ear(
    kind: str, device: str, array: MicrophoneArray, image_shape: tuple[int, int] = (20, 24)
) -> AudioTracker:
    """An audio tracker of a kind on a device, for the bench's camera."""
    rows, cols = image_shape
    srp = SrpConfig(device=device if kind == "srp" else "cpu", image_rows=rows, image_cols=cols)
    config = EarConfig(any_array=AnyArrayConfig(device=device), srp=srp, diff_track=DiffTrackConfig(device=device))
    return open_audio_tracker(kind, config, array, bench_camera(), SAMPLE_RATE_HZ)


def _step(ear: AudioTracker, windows: list[AudioWindow], index: int) -> object:
    return ear.step(windows[index])


@dataclass(frozen=True)
class Growth:
    """The median cost of one frame where one quantity (`what`) has the value n."""

    what: str
    n: int
    ms: float


def growth(frames: int, device: str = "cpu", progress: Callable[[str], None] = lambda name: None) -> list[Growth]:
    """How the audio path's cost grows with microphones, grid rows and streams, and tracking's with speakers."""
    found: list[Growth] = []
    for channels in (2, 4, 6, 8, 12, 16):
        progress(f"{channels} microphones")
        found.append(Growth("microphones", channels, ear_median_ms(channels, device, frames)))
    for rows in (10, 20, 40):
        progress(f"{rows} rows")
        found.append(Growth("image_grid_rows", rows, ear_median_ms(6, device, frames, (rows, rows * 6 // 5))))
    for speakers in (1, 2, 4, 8):
        progress(f"{speakers} speakers")
        found.append(Growth("speakers", speakers, tracking_median_ms(speakers, frames)))
    for streams in (1, 2, 4, 8):
        progress(f"{streams} streams")
        found.append(Growth("streams", streams, streams_median_ms(streams, device, frames)))
    return found


def ear_median_ms(
    channels: int, device: str, frames: int, image_shape: tuple[int, int] = (20, 24)
) -> float:
    """Median cost of one step of the default audio tracker with so many microphones."""
    array = sphere_array(channels)
    windows = plane_waves(array, [0.3], frames + WARM_UP)
    ear = bench_ear(DEFAULT_TRACKER, device, array, image_shape)
    return timed(partial(_step, ear, windows), frames).median_ms


def streams_median_ms(streams: int, device: str, frames: int) -> float:
    """Median cost of one frame of `streams` rooms, each with its own tracker, one after the other on this core."""
    array = sphere_array(6)
    windows: list[AudioWindow] = plane_waves(array, [0.3], frames + WARM_UP)
    ears = [bench_ear(DEFAULT_TRACKER, device, array) for _ in range(streams)]
    return timed(lambda i: [ear.step(windows[i]) for ear in ears], frames).median_ms


def tracking_median_ms(speakers: int, frames: int) -> float:
    """Median cost of tracking so many faces, spread over the picture."""
    camera = bench_camera()
    faces = tuple(
        Face(30 + index * (camera.width - 100) / max(speakers, 1), 180, 40, 50, 0.9) for index in range(speakers)
    )
    fusion, tracker = open_fusion(), SpeakerTracker(SpeakerTrackerConfig())

    def track(i: int) -> object:
        seen = FaceDetections(int(i * 40e6), faces, (camera.width, camera.height))
        return tracker.step(seen.stamp_ns, fusion.step(None, faces_to_grid(seen, 20, 24)), seen, None, camera)

    return timed(track, frames).median_ms
