"""Run systems over recordings, several recordings at once, and put the figures together."""

from __future__ import annotations

import platform
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np

from avloc_ros.evaluation.bootstrap import paired_difference, pooled_interval
from avloc_ros.evaluation.contestants import Contestant, report_frames
from avloc_ros.evaluation.inputs import EvaluationInput, find_inputs
from avloc_ros.evaluation.localisation import PictureGeometry
from avloc_ros.evaluation.stages import run_stages
from avloc_ros.evaluation.summary import Recording, clip_error_deg, metrics_of
from avloc_ros.geometry import MicrophoneArray
from avloc_ros.systems.localizer import LocalizerConfig

INTERVAL_FIGURES = ("le_px_mean", "frame_recall", "false_positives")
LEAST_FOR_INTERVALS = 3  # a bootstrap over fewer recordings says nothing


@dataclass(frozen=True)
class Evaluation:
    """All recordings of each system, by the system's name; the first system is the one in question."""

    contestants: tuple[Contestant, ...]
    recordings: dict[str, list[Recording]]

    @property
    def main(self) -> str:
        return self.contestants[0].name


def evaluate_paths(
    paths: Sequence[str | Path],
    contestants: Sequence[Contestant],
    config: LocalizerConfig | None = None,
    *,
    array: MicrophoneArray | None = None,
    rotate_channels: int = 0,
    jobs: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> Evaluation:
    """Run every contestant on every input under `paths`. progress(done, all) is called after each recording.

    Raises InputError on bad input. Recordings are spread over `jobs` processes; the result does not depend on it.
    """
    config = config or LocalizerConfig()
    found = find_inputs(paths, array, rotate_channels)
    tasks = [
        (paths, index, tuple(contestants), config, array, rotate_channels) for index in range(len(found))
    ]
    results: dict[int, dict[str, Recording]] = {}
    if jobs <= 1 or len(found) == 1:
        for index, item in enumerate(found):
            results[index] = run_contestants(item, contestants, config)
            if progress is not None:
                progress(index + 1, len(found))
    else:
        with ProcessPoolExecutor(min(jobs, len(found)), mp_context=get_context("spawn")) as pool:
            pending = {pool.submit(_run_task, *task): task[1] for task in tasks}
            for done, future in enumerate(as_completed(pending), 1):
                results[pending[future]] = future.result()
                if progress is not None:
                    progress(done, len(found))
    names = [contestant.name for contestant in contestants]
    return Evaluation(
        tuple(contestants), {name: [results[k][name] for k in range(len(found))] for name in names}
    )


def run_contestants(
    item: EvaluationInput, contestants: Sequence[Contestant], config: LocalizerConfig
) -> dict[str, Recording]:
    """Every contestant on one recording; the stages they share run once."""
    stages = run_stages(item, config)
    picture = None
    if item.camera is not None:
        picture = PictureGeometry(
            item.camera.width, item.camera.height, config.srp.image_rows, config.srp.image_cols
        )
    return {
        contestant.name: Recording(
            item.name, tuple(report_frames(contestant, item, stages, config)), picture, item.extra
        )
        for contestant in contestants
    }


def metrics(evaluation: Evaluation, about: dict[str, Any]) -> dict[str, Any]:
    """The content of metrics.json: the first system's figures at the top, per input, and the other systems beside it."""
    systems = {}
    for contestant in evaluation.contestants:
        recordings = evaluation.recordings[contestant.name]
        tracked = contestant.tracker != "none"
        figures = metrics_of(recordings, tracked)
        figures["inputs"] = {r.name: _of_input(r, tracked) for r in recordings}
        figures["intervals_95"] = _intervals(recordings)
        systems[contestant.name] = figures
    result = {"system": evaluation.main, **about, **systems[evaluation.main]}
    if len(systems) > 1:
        result["systems"] = systems
        result["differences_95"] = differences(evaluation)
    return result


def differences(evaluation: Evaluation) -> dict[str, dict[str, dict[str, Any]]]:
    """Main system minus each other one, with paired 95 % intervals over recordings."""
    main = evaluation.recordings[evaluation.main]
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for name, others in evaluation.recordings.items():
        if name == evaluation.main or not _enough(main):
            continue
        found[name] = {}
        for figure in INTERVAL_FIGURES:
            interval = paired_difference(*_arrays(main, figure), *_arrays(others, figure))
            found[name][figure] = {
                "difference": interval.value,
                "low": interval.low,
                "high": interval.high,
                "excludes_zero": interval.excludes_zero,
            }
    return found


def machine() -> dict[str, Any]:
    """The machine in a few words: processor architecture, cores, system, Python."""
    import os

    return {
        "processor": _processor_name(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
    }


def _run_task(
    paths: Sequence[str | Path],
    index: int,
    contestants: Sequence[Contestant],
    config: LocalizerConfig,
    array: MicrophoneArray | None,
    rotate_channels: int,
) -> dict[str, Recording]:
    """One recording in a process of its own, found again by its place in the list (iterators do not travel)."""
    return run_contestants(find_inputs(paths, array, rotate_channels)[index], contestants, config)


def _of_input(recording: Recording, tracked: bool) -> dict[str, Any]:
    figures = metrics_of([recording], tracked)
    error = clip_error_deg(recording)
    return figures | recording.facts | ({"clip_azimuth_error_deg": error} if error is not None else {})


def _intervals(recordings: Sequence[Recording]) -> dict[str, list[float]]:
    if not _enough(recordings):
        return {}
    found = {figure: pooled_interval(*_arrays(recordings, figure)) for figure in INTERVAL_FIGURES}
    return {figure: [interval.low, interval.high] for figure, interval in found.items()}


def _enough(recordings: Sequence[Recording]) -> bool:
    return sum(bool(r.scores) for r in recordings) >= LEAST_FOR_INTERVALS


def _arrays(recordings: Sequence[Recording], figure: str) -> tuple[np.ndarray, np.ndarray]:
    """Sums and counts (recordings,) of one figure."""
    pairs = [recording.sums()[figure] for recording in recordings]
    return np.array([s for s, _ in pairs], float), np.array([n for _, n in pairs], float)


def _processor_name() -> str:
    path = Path("/proc/cpuinfo")
    if path.is_file():
        for line in path.read_text().splitlines():
            if line.lower().startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()
