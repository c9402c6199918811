"""Run systems over recordings, several recordings at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

from avloc_ros.evaluation.chain.contestants import Contestant
from avloc_ros.evaluation.chain.front_end_cache import FrontEndCache
from avloc_ros.evaluation.chain.reports import RecordingReports
from avloc_ros.evaluation.chain.stages import stages_by_tracker
from avloc_ros.evaluation.inputs.find import find_inputs
from avloc_ros.evaluation.inputs.recording_input import EvaluationInput
from avloc_ros.evaluation.metrics.localisation import PictureGeometry
from avloc_ros.evaluation.recording import Recording
from avloc_ros.microphone_array import MicrophoneArray
from avloc_ros.systems.localizer import LocalizerConfig


@dataclass(frozen=True)
class Evaluation:
    """All recordings of each system, by the system's name; the first system is the one in question."""

    contestants: tuple[Contestant, ...]
    recordings: dict[str, list[Recording]]

    @property
    def main(self) -> str:
        return self.contestants[0].name


@dataclass(frozen=True)
class Job:
    """What is run on every recording; travels to the processes."""

    paths: tuple[str | Path, ...]
    contestants: tuple[Contestant, ...]
    config: LocalizerConfig
    array: MicrophoneArray | None = None
    rotate_channels: int = 0
    cache: Path | None = None

    def inputs(self) -> list[EvaluationInput]:
        """The recordings, in an order that every process finds."""
        return find_inputs(self.paths, self.array, self.rotate_channels)


def evaluate_paths(
    paths: Sequence[str | Path],
    contestants: Sequence[Contestant],
    config: LocalizerConfig | None = None,
    *,
    array: MicrophoneArray | None = None,
    rotate_channels: int = 0,
    jobs: int = 1,
    cache: Path | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Evaluation:
    """Run every contestant on every input under `paths`. progress(done, all) is called after each recording.

    cache: folder that keeps the front ends' output between runs. Raises InputError on bad input. Recordings are spread
    over `jobs` processes; the result does not depend on it.
    """
    job = Job(tuple(paths), tuple(contestants), config or LocalizerConfig(), array, rotate_channels, cache)
    inputs = job.inputs()
    results: dict[int, dict[str, Recording]] = {}
    one_by_one = jobs <= 1 or len(inputs) == 1
    for index, found in _in_order(job, inputs) if one_by_one else _side_by_side(job, len(inputs), jobs):
        results[index] = found
        if progress is not None:
            progress(len(results), len(inputs))
    names = [contestant.name for contestant in contestants]
    return Evaluation(
        job.contestants, {name: [results[k][name] for k in range(len(inputs))] for name in names}
    )


def run_contestants(
    item: EvaluationInput,
    contestants: Sequence[Contestant],
    config: LocalizerConfig,
    cache: FrontEndCache | None = None,
) -> dict[str, Recording]:
    """Every contestant on one recording; what they share runs once. Only the first one's recording keeps its frames."""
    ears = list(dict.fromkeys(contestant.audio_tracker for contestant in contestants))
    stages = stages_by_tracker(item, config, ears, cache)
    reports = {ear: RecordingReports(item, stages[ear], config) for ear in ears}
    found: dict[str, Recording] = {}
    for contestant in contestants:
        recording = Recording.of(
            item.name,
            reports[contestant.audio_tracker].report(contestant),
            picture_of(item, config),
            item.extra,
            item.fps,
            contestant.tracker != "none",
            reports[contestant.audio_tracker].own_threshold(contestant),
        )
        found[contestant.name] = recording if not found else recording.lean()
    return found


def picture_of(item: EvaluationInput, config: LocalizerConfig) -> PictureGeometry | None:
    """The picture with the grid of the systems; None without a camera."""
    if item.camera is None:
        return None
    return PictureGeometry(item.camera.width, item.camera.height, config.srp.image_rows, config.srp.image_cols)


def _in_order(job: Job, inputs: Sequence[EvaluationInput]) -> Iterator[tuple[int, dict[str, Recording]]]:
    cache = FrontEndCache(job.cache) if job.cache is not None else None
    for index, item in enumerate(inputs):
        yield index, run_contestants(item, job.contestants, job.config, cache)


def _side_by_side(job: Job, count: int, jobs: int) -> Iterator[tuple[int, dict[str, Recording]]]:
    workers = min(jobs, count)
    with ProcessPoolExecutor(workers, get_context("spawn"), _start_worker, (job,)) as pool:
        pending = {pool.submit(_run_index, index): index for index in range(count)}
        for future in as_completed(pending):
            yield pending[future], future.result()


_work: tuple[Job, list[EvaluationInput], FrontEndCache | None] | None = None  # of a worker process


def _start_worker(job: Job) -> None:
    """Find the inputs once per process: their iterators do not travel."""
    global _work
    _work = job, job.inputs(), FrontEndCache(job.cache) if job.cache is not None else None


def _run_index(index: int) -> dict[str, Recording]:
    assert _work is not None, "a worker runs tasks only after it was started"
    job, inputs, cache = _work
    return run_contestants(inputs[index], job.contestants, job.config, cache)
