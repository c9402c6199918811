"""What each stage of the live path costs per frame, and how that grows with the size of the problem."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

import numpy as np

from avloc_ros.decode.face_grid import faces_to_grid
from avloc_ros.evaluation.bench_inputs import (
    SAMPLE_RATE_HZ,
    bench_camera,
    pictures,
    plane_waves,
    sphere_array,
)
from avloc_ros.systems.faces import FaceConfig, FaceTracker
from avloc_ros.systems.fusion import open_fusion
from avloc_ros.systems.srp import SrpConfig, SrpTracker
from avloc_ros.tracking.speaker_tracker import SpeakerTracker, SpeakerTrackerConfig
from avloc_ros.types import AudioWindow, Face, FaceDetections

WARM_UP = 10


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
    progress("audio tracker")
    srp = SrpTracker(replace(SrpConfig(), device=device), array, camera, SAMPLE_RATE_HZ)
    heard = [srp.step(window) for window in windows]
    srp.reset()
    costs["audio_tracker"] = timed(lambda i: srp.step(windows[i]), frames)
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
        found.append(Growth("microphones", channels, srp_median_ms(channels, SrpConfig(device=device), frames)))
    for rows in (10, 20, 40):
        progress(f"{rows} rows")
        config = SrpConfig(device=device, image_rows=rows, image_cols=rows * 6 // 5)
        found.append(Growth("image_grid_rows", rows, srp_median_ms(6, config, frames)))
    for speakers in (1, 2, 4, 8):
        progress(f"{speakers} speakers")
        found.append(Growth("speakers", speakers, tracking_median_ms(speakers, frames)))
    for streams in (1, 2, 4, 8):
        progress(f"{streams} streams")
        found.append(Growth("streams", streams, streams_median_ms(streams, SrpConfig(device=device), frames)))
    return found


def srp_median_ms(channels: int, config: SrpConfig, frames: int) -> float:
    """Median cost of one SrpTracker step with so many microphones."""
    array = sphere_array(channels)
    windows = plane_waves(array, [0.3], frames + WARM_UP)
    tracker = SrpTracker(config, array, bench_camera(), SAMPLE_RATE_HZ)
    return timed(lambda i: tracker.step(windows[i]), frames).median_ms


def streams_median_ms(streams: int, config: SrpConfig, frames: int) -> float:
    """Median cost of one frame of `streams` rooms, each with its own tracker, one after the other on this core."""
    array = sphere_array(6)
    windows: list[AudioWindow] = plane_waves(array, [0.3], frames + WARM_UP)
    trackers = [SrpTracker(config, array, bench_camera(), SAMPLE_RATE_HZ) for _ in range(streams)]
    return timed(lambda i: [tracker.step(windows[i]) for tracker in trackers], frames).median_ms


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
