"""What the speaking network learns from: the facts of every track of a recording, moment by moment, and whether it speaks."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from avloc_ros.evaluation.chain.front_end_cache import FrontEndCache
from avloc_ros.evaluation.chain.stages import run_stages
from avloc_ros.evaluation.inputs.find import find_inputs
from avloc_ros.evaluation.inputs.recording_input import EvaluationInput
from avloc_ros.evaluation.metrics.localisation import outside_collars
from avloc_ros.geometry import angles_from_direction, wrap_angle
from avloc_ros.systems.localizer import FusedTracking, LocalizerConfig
from avloc_ros.tracking.track import Track
from avloc_ros.types import InputError

NEAR_RAD = np.radians(15.0)  # who speaks is the nearest track, if it is this near in azimuth


@dataclass(frozen=True)
class History:
    """One track: frames (moments,), facts float32 (moments, FACTS), whether it speaks (moments,), and whether it would
    count among those reported inside the picture (moments,).
    """

    frames: np.ndarray
    facts: np.ndarray
    speaks: np.ndarray
    counts: np.ndarray


@dataclass(frozen=True)
class RecordingHistories:
    """All tracks of a recording; talkers in the picture who speak (frames,), and frames outside collars (frames,)."""

    name: str
    histories: tuple[History, ...]
    talkers: np.ndarray
    scored: np.ndarray


class HistoryTaker:
    """Collects what a tracker tells of its tracks, frame by frame."""

    def __init__(self) -> None:
        self._moments: dict[int, list[Moment]] = defaultdict(list)  # by the birth of a track
        self._now: dict[int, tuple[Track, np.ndarray]] = {}
        self._talkers: list[int] = []

    def take(self, tracks: Sequence[Track], facts: np.ndarray) -> None:
        """For SpeakerTracker's `on_facts`."""
        self._now = {track.order: (track, row) for track, row in zip(tracks, facts, strict=True)}

    def close_frame(self, frame: int, azimuths_rad: Sequence[float], talkers: int) -> None:
        """azimuths_rad: of all who speak; talkers: how many of them are in the picture."""
        moments = {order: moment_of(frame, track, row) for order, (track, row) in self._now.items()}
        label(list(moments.values()), azimuths_rad)
        for order, moment in moments.items():
            self._moments[order].append(moment)
        self._talkers.append(talkers)
        self._now = {}

    def histories(self, name: str) -> RecordingHistories:
        """All that was collected."""
        talkers = self._talkers
        joined = tuple(map(_joined, self._moments.values()))
        return RecordingHistories(name, joined, np.array(talkers, int), np.array(outside_collars(talkers), bool))


@dataclass
class Moment:
    """One track in one frame, as the tracker holds it."""

    frame: int
    azimuth_rad: float
    facts: np.ndarray
    counts: bool
    speaks: bool = False


def histories_of(
    item: EvaluationInput, config: LocalizerConfig, cache: FrontEndCache | None = None
) -> RecordingHistories:
    """Run the chain over one recording. Raises InputError where it lacks sound or pictures."""
    if item.camera is None or item.array is None:
        raise InputError(f"{item.path}: who speaks is learnt from recordings with both sound and pictures")
    taker = HistoryTaker()
    chain = FusedTracking(with_chain(config), item.camera, on_facts=taker.take)
    for stage in run_stages(item, config, config.audio_tracker, cache):
        chain.step(stage.audio, stage.faces, stage.stamp_ns)
        speaking = [row for row in item.truth.get(stage.frame, ()) if row.speaking]
        azimuths = [row.azimuth_rad for row in speaking]
        taker.close_frame(stage.frame, azimuths, sum(row.in_picture for row in speaking))
    return taker.histories(item.name)


def histories_below(
    paths: Sequence[Path], config: LocalizerConfig, cache: Path | None = None, jobs: int = 1,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> list[RecordingHistories]:  # fmt: skip
    """The same of all recordings under `paths`, `jobs` of them at once; progress(done, all) is called after each.

    cache: a folder of `avloc evaluate --cache`.
    """
    count = len(find_inputs(paths))
    tasks = [(tuple(paths), index, config, cache) for index in range(count)]
    found: list[RecordingHistories] = []
    if jobs <= 1 or count <= 1:
        for task in tasks:
            found.append(_one(*task))
            progress(len(found), count)
        return found
    with ProcessPoolExecutor(min(jobs, count), mp_context=get_context("spawn")) as pool:
        for made in [pool.submit(_one, *task) for task in tasks]:
            found.append(made.result())
            progress(len(found), count)
    return found


def _one(
    paths: tuple[Path, ...], index: int, config: LocalizerConfig, cache: Path | None
) -> RecordingHistories:
    """One recording, found again by its place in the list (iterators do not travel between processes)."""
    return histories_of(find_inputs(paths)[index], config, FrontEndCache(cache) if cache is not None else None)


def with_chain(config: LocalizerConfig) -> LocalizerConfig:
    """The same with a tracker that needs no network to be taught one."""
    tracker = config.tracker
    return replace(config, tracker=replace(tracker, speaking=replace(tracker.speaking, judge="chain")))


def label(moments: Sequence[Moment], azimuths_rad: Sequence[float]) -> None:
    """Mark the track that is nearest to each talker who speaks, and near enough."""
    azimuths = np.array([moment.azimuth_rad for moment in moments])
    for azimuth in azimuths_rad if moments else ():
        off = np.abs(wrap_angle(azimuths - azimuth))
        if off.min() < NEAR_RAD:
            moments[int(off.argmin())].speaks = True


def moment_of(frame: int, track: Track, facts: np.ndarray) -> Moment:
    """As the tracker holds it after the frame."""
    azimuth, _ = angles_from_direction(track.state.direction)
    return Moment(frame, float(azimuth), facts, track.confirmed and not track.is_outside)


def _joined(moments: list[Moment]) -> History:
    return History(
        np.array([moment.frame for moment in moments]),
        np.stack([moment.facts for moment in moments]),
        np.array([moment.speaks for moment in moments]),
        np.array([moment.counts for moment in moments]),
    )
