"""The content of metrics.json (scene format, Reports)."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from avloc_ros.evaluation.metrics.bootstrap import Interval, paired_difference, pooled_interval
from avloc_ros.evaluation.recording import Recording
from avloc_ros.evaluation.run import Evaluation
from avloc_ros.evaluation.summary import metrics_of

INTERVAL_FIGURES = ("le_px_mean", "le_cell_px_mean", "frame_recall", "false_positives")
LEAST_FOR_INTERVALS = 3  # a bootstrap over fewer recordings says nothing


def metrics(evaluation: Evaluation, about: dict[str, Any]) -> dict[str, Any]:
    """The first system's figures at the top, per input, and the other systems beside it."""
    systems = {}
    for contestant in evaluation.contestants:
        recordings = evaluation.recordings[contestant.name]
        figures = metrics_of(recordings)
        figures["inputs"] = {r.name: _of_input(r, contestant.name == evaluation.main) for r in recordings}
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
    if not enough(main):
        return {}
    return {
        name: {
            figure: as_difference(paired_difference(*sums_of(main, figure), *sums_of(others, figure)))
            for figure in INTERVAL_FIGURES
        }
        for name, others in evaluation.recordings.items()
        if name != evaluation.main
    }


def as_difference(interval: Interval) -> dict[str, Any]:
    """An interval of a difference as metrics.json has it."""
    return {
        "difference": interval.value,
        "low": interval.low,
        "high": interval.high,
        "excludes_zero": interval.excludes_zero,
    }


def enough(recordings: Sequence[Recording]) -> bool:
    """Whether intervals over these recordings say anything."""
    return sum(len(r.scores) > 0 for r in recordings) >= LEAST_FOR_INTERVALS


def sums_of(
    recordings: Sequence[Recording], figure: str, talkers: int | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Sums and counts (recordings,) of one figure."""
    pairs = [recording.sums(talkers)[figure] for recording in recordings]
    return np.array([s for s, _ in pairs], float), np.array([n for _, n in pairs], float)


def machine() -> dict[str, Any]:
    """The machine in a few words: processor architecture, cores, system, Python."""
    import os

    return {
        "processor": _processor_name(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
    }


def _of_input(recording: Recording, whole: bool) -> dict[str, Any]:
    figures = metrics_of([recording], whole)
    error = recording.clip_error_deg
    return figures | recording.facts | ({"clip_azimuth_error_deg": error} if error is not None else {})


def _intervals(recordings: Sequence[Recording]) -> dict[str, list[float]]:
    if not enough(recordings):
        return {}
    found = {figure: pooled_interval(*sums_of(recordings, figure)) for figure in INTERVAL_FIGURES}
    return {figure: [interval.low, interval.high] for figure, interval in found.items()}


def _processor_name() -> str:
    path = Path("/proc/cpuinfo")
    if path.is_file():
        for line in path.read_text().splitlines():
            if line.lower().startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()
