"""Many scenes: one folder each, several processes, a progress bar."""

from __future__ import annotations

import contextlib
import multiprocessing
import shutil
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from avloc_ros.simulation.cluster import over_machines
from avloc_ros.types import InputError

Make = Callable[[Path, int], Any]  # writes scene number `index` into the folder
Work = tuple[Make, Path, int]


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
        free = 1 + max(int(folder.name.removeprefix("scene")) for folder in there)
        raise InputError(
            f"{there[0]} exists, scenes are never overwritten: name a new folder, or add scenes with --first {free}"
        )
    out.mkdir(parents=True, exist_ok=True)
    work = [(make, folder, index) for index, folder in enumerate(folders, first)]
    columns = TextColumn("scenes"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("scenes", total=count)
        if dask is not None:
            for _ in over_machines(_make_one, work, dask):
                progress.advance(task)
            return folders
        done: set[Path] = set()
        try:
            with contextlib.closing(_made_here(work, min(jobs, count))) as made:  # no process writes on when this is left
                for folder in made:
                    done.add(folder)
                    progress.advance(task)
        except BaseException:  # also a Ctrl-C: each folder that stays is a whole scene
            for folder in set(folders) - done:
                shutil.rmtree(folder, ignore_errors=True)
            raise
    return folders


def _made_here(work: list[Work], jobs: int) -> Generator[Path, None, None]:
    """The folders of the scenes as they are made, in this process or in several."""
    if jobs == 1:
        yield from map(_make_one, work)
        return
    with multiprocessing.get_context("spawn").Pool(jobs) as pool:
        yield from pool.imap_unordered(_make_one, work)


def _make_one(item: Work) -> Path:
    make, folder, index = item
    make(folder, index)
    return folder
