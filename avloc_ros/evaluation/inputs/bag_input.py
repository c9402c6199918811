"""Bags with truth (`scene_to_bag`, `avloc record` of a scene): windows are cut by stamps, as the nodes do."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from avloc_ros.evaluation.inputs.recording_input import DEFAULT_FPS, SCENE_FACTS, EvaluationInput, Moment
from avloc_ros.sources.bags.bag import BagSource
from avloc_ros.sources.sync.av_sync import AvSync, AvSyncConfig
from avloc_ros.sources.truth import TruthRow
from avloc_ros.types import AudioChunk, AudioWindow, InputError, VideoFrame

NS = 1e-9


def bag_input(path: Path) -> EvaluationInput:
    """A bag as an input. Raises InputError where it has no truth topic."""
    bag = BagSource(path)
    if not bag.truth:
        raise InputError(
            f"{path} has no topic 'truth': there is nothing to compare with; a bag made from a scene has it"
        )
    fps = bag.fps or float(bag.scene_json.get("fps", DEFAULT_FPS))
    truth: dict[int, list[TruthRow]] = {}
    for row in bag.truth:
        truth.setdefault(row.frame, []).append(row)
    hears = bag.sample_rate_hz > 0
    return EvaluationInput(
        bag.name,
        path,
        fps,
        max(truth) + 1,
        bag.array if hears else None,
        bag.camera,
        bag.sample_rate_hz,
        {frame: tuple(rows) for frame, rows in truth.items()},
        lambda: bag_moments(bag, fps),
        {key: bag.scene_json[key] for key in SCENE_FACTS if key in bag.scene_json},
        tuple(sorted(f for f in path.iterdir() if f.is_file())) if path.is_dir() else (path,),
    )


def bag_moments(bag: BagSource, fps: float) -> Iterator[Moment]:
    """Frames of a bag with the sound that belongs to each; None for what was lost."""

    def number_of(stamp_ns: int) -> int:
        return round((stamp_ns - bag.start_ns) * NS * fps)

    waiting: list[VideoFrame] = []
    sync: AvSync | None = None
    clock = "camera" if bag.fps else "audio"
    for item in bag:
        if isinstance(item, VideoFrame):
            waiting.append(item)
        elif sync is None:
            config = AvSyncConfig(window_s=1 / fps, frame_clock=clock, frame_rate_hz=fps)
            sync = AvSync(config, item.channels, item.sample_rate_hz)
            for frame in waiting:
                sync.push_frame(frame.stamp_ns)
        if sync is None:
            continue
        if isinstance(item, AudioChunk):
            sync.push_audio(item)
        else:
            sync.push_frame(item.stamp_ns)
        yield from _paired(sync.pop(), waiting, number_of)
    if sync is not None:
        yield from _paired(sync.flush(), waiting, number_of)
    for frame in waiting:
        yield number_of(frame.stamp_ns), None, frame


def _paired(
    windows: list[AudioWindow], waiting: list[VideoFrame], number_of: Callable[[int], int]
) -> Iterator[Moment]:
    """Windows with the pictures of their stamps; pictures that were passed over come without sound."""
    for window in windows:
        while waiting and waiting[0].stamp_ns < window.stamp_ns:
            frame = waiting.pop(0)
            yield number_of(frame.stamp_ns), None, frame
        same = waiting.pop(0) if waiting and waiting[0].stamp_ns == window.stamp_ns else None
        yield number_of(window.stamp_ns), window, same
