"""Many scenes: one folder each, several processes, a progress bar."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from avloc_ros.simulation.cluster import over_machines
from avloc_ros.types import InputError

Make = Callable[[Path, int], Any]  # writes scene number `index` into the folder


def make_scenes(
    make: Make,
    out: Path,
    count: int,
    jobs: int,
    console: Console,
    *,
    first: int = 0,
    dask: str | None = None,
) -> list[Path]:
    """Write `count` scenes into out/scene0000 and so on. `make` must be picklable for more than one job.

    dask: address of a scheduler whose workers make the scenes instead; they see `out` and the parts under the same paths.
    Raises InputError where a scene folder exists already: scenes are never overwritten.
    """
    if count < 1 or jobs < 1:
        raise InputError(f"count is {count} and jobs {jobs}: both need to be at least 1")
    out = out.resolve() if dask is not None else out
    folders = [out / f"scene{index:04d}" for index in range(first, first + count)]
    there = [folder for folder in folders if folder.exists()]
    if there:
        raise InputError(f"{there[0]} exists: name a new folder, scenes are never overwritten")
    out.mkdir(parents=True, exist_ok=True)
    work = [(make, folder, index) for index, folder in enumerate(folders, first)]
    columns = TextColumn("scenes"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("scenes", total=count)
        if dask is not None:
            for _ in over_machines(_make_one, work, dask):
                progress.advance(task)
            return folders
        if jobs == 1:
            for item in work:
                _make_one(item)
                progress.advance(task)
            return folders
        with multiprocessing.get_context("spawn").Pool(min(jobs, count)) as pool:
            for _ in pool.imap_unordered(_make_one, work):
                progress.advance(task)
    return folders


def _make_one(item: tuple[Make, Path, int]) -> None:
    make, folder, index = item
    make(folder, index)
