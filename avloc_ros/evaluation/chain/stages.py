"""The stages that all systems of a table share: faces and audio grids of every frame, computed once."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

from avloc_ros.evaluation.chain.audio_trackers import audio_tracker_kind
from avloc_ros.evaluation.chain.front_end_cache import FrontEndCache
from avloc_ros.evaluation.chain.front_end_frames import HeardFrame, SeenFrame
from avloc_ros.evaluation.inputs.recording_input import EvaluationInput
from avloc_ros.systems.audio_grids import AudioGrids, AudioTracker
from avloc_ros.systems.audio_tracker import DEFAULT_TRACKER
from avloc_ros.systems.faces import FaceTracker
from avloc_ros.systems.localizer import LocalizerConfig
from avloc_ros.types import FaceDetections


@dataclass(frozen=True)
class StageFrame:
    """What detector and audio tracker say about one frame, and how long each took."""

    frame: int
    stamp_ns: int
    audio: AudioGrids | None
    faces: FaceDetections | None
    audio_ms: float
    faces_ms: float


def run_stages(
    item: EvaluationInput, config: LocalizerConfig, audio_tracker: str = DEFAULT_TRACKER, cache: FrontEndCache | None = None
) -> list[StageFrame]:
    """Frames of one recording in order, with one audio tracker."""
    return stages_by_tracker(item, config, (audio_tracker,), cache)[audio_tracker]


def stages_by_tracker(
    item: EvaluationInput,
    config: LocalizerConfig,
    audio_trackers: Sequence[str],
    cache: FrontEndCache | None = None,
) -> dict[str, list[StageFrame]]:
    """Frames of one recording in order, per audio tracker; what the cache holds is not computed again.

    The recording is read once at most, whatever the number of audio trackers. Raises InputError on an unknown one.
    """
    heard: dict[str, list[HeardFrame]] = {}
    seen: list[SeenFrame] | None = None
    if cache is not None:
        found = {name: cache.load_heard(item, config, name) for name in audio_trackers}
        heard = {name: frames for name, frames in found.items() if frames is not None}
        seen = cache.load_seen(item, config)
    missing = [name for name in audio_trackers if name not in heard]
    if missing or seen is None:
        new_heard, new_seen = _listen_and_look(item, config, missing, look=seen is None)
        heard |= new_heard
        seen = new_seen if seen is None else seen
        if cache is not None:
            cache.keep(item, config, new_heard, new_seen)
    assert seen is not None  # looked for where the cache had none
    return {name: _joined(heard[name], seen) for name in audio_trackers}


def _listen_and_look(
    item: EvaluationInput, config: LocalizerConfig, audio_trackers: Sequence[str], look: bool
) -> tuple[dict[str, list[HeardFrame]], list[SeenFrame] | None]:
    """One pass over the recording with the front ends that are asked for."""
    hears = item.array is not None and item.sample_rate_hz > 0
    ears: dict[str, AudioTracker | None] = {
        name: audio_tracker_kind(name).open(config, item) if hears else None for name in audio_trackers
    }
    faces = FaceTracker(config.faces) if item.camera is not None and look else None
    heard: dict[str, list[HeardFrame]] = {name: [] for name in ears}
    stamps_ns: list[int | None] = []  # of the frames' windows
    seen: list[SeenFrame] = []
    try:
        for number, window, picture in item.moments():
            shown = picture if picture is not None else window
            stamp_ns = shown.stamp_ns if shown is not None else 0
            stamps_ns.append(window.stamp_ns if window is not None else None)
            for name, ear in ears.items():
                started = time.perf_counter()
                grids = ear.step(window) if ear is not None and window is not None else None
                heard[name].append(HeardFrame(number, stamp_ns, grids, _ms_since(started)))
            started = time.perf_counter()
            found = faces.step(picture) if faces is not None and picture is not None else None
            seen.append(SeenFrame(number, stamp_ns, found, _ms_since(started)))
    finally:
        if faces is not None:
            faces.close()
    aligned = {name: at_their_frames(frames, stamps_ns) for name, frames in heard.items()}
    return aligned, seen if look else None


def at_their_frames(heard: Sequence[HeardFrame], stamps_ns: Sequence[int | None]) -> list[HeardFrame]:
    """Grids of a tracker with look-ahead come some frames late: each is put to the frame whose window it is about.

    stamps_ns: of each frame's window, None without one. The last frames, whose grids never came, have none.
    """
    grids = {frame.grids.sphere.stamp_ns: frame.grids for frame in heard if frame.grids is not None}
    return [
        replace(frame, grids=grids.get(stamp_ns) if stamp_ns is not None else None)
        for frame, stamp_ns in zip(heard, stamps_ns, strict=True)
    ]


def _joined(heard: Sequence[HeardFrame], seen: Sequence[SeenFrame]) -> list[StageFrame]:
    return [
        StageFrame(ear.frame, ear.stamp_ns, ear.grids, eye.faces, ear.took_ms, eye.took_ms)
        for ear, eye in zip(heard, seen, strict=True)
    ]


def _ms_since(started: float) -> float:
    return (time.perf_counter() - started) * 1e3
