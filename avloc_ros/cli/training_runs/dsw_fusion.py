"""`avloc train dsw_fusion_* GRIDS`: a fusion network on cached grids, or on scenes, whose grids are made first."""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from avloc_ros.cli.console import console, error_console
from avloc_ros.cli.training_runs.request import Request
from avloc_ros.types import InputError

if TYPE_CHECKING:
    from avloc_ros.datasets.grids.grid_recordings import GridRecording
    from avloc_ros.training.dsw.fusion_training import FusionRecipe


def run(recipe: FusionRecipe, request: Request) -> list[Path]:
    """Train on the recordings' split, or on folders for each part, and write the weights."""
    from avloc_ros.config import to_mapping
    from avloc_ros.datasets.grids.grid_split import GridSplit, split_recordings
    from avloc_ros.training.cards import Provenance
    from avloc_ros.training.dsw.fusion_product import make_fusion_weights

    options = request.options
    if not request.paths:
        raise InputError("name the folder of cached grids (avloc train grids), or of scenes, that the fusion learns from")
    recordings = _recordings(request.paths, request)
    if (options.validation is None) != (options.test is None):
        raise InputError("--validation and --test belong together; without both, the recordings are split")
    if options.validation is not None:
        held_out = (tuple(_recordings([path], request)) for path in (options.validation, options.test))
        split = GridSplit(tuple(recordings), *held_out)
    else:
        split = split_recordings(recordings, recipe.split)
    provenance = Provenance(to_mapping(recipe), _data_facts(split), request.command, options.seed)
    made = make_fusion_weights(recipe, split, request.run_options(), provenance)
    return [made] if made else []


def _recordings(paths: list[Path], request: Request) -> list[GridRecording]:
    """Cached grids as they are; scenes through the front ends first, into the folder `grids` of the output."""
    from avloc_ros.datasets.grids.grid_recordings import load_grid_folder

    found: list[GridRecording] = []
    for path in paths:
        if not path.exists():
            raise InputError(f"{path}: no such folder")
        if not any(path.glob("*.npz")):
            place = zlib.crc32(str(path.resolve()).encode())  # two folders may have the same name
            cache = request.out / "grids" / f"{path.name}-{place:08x}"
            make_grids([path], cache, request)
            path = cache
        found += load_grid_folder(path)
    return found


def make_grids(paths: list[Path], out: Path, request: Request) -> None:
    """What both front ends say about scenes, into a cache. Raises InputError where no scenes are named."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from avloc_ros.cli.evaluate import chain_config
    from avloc_ros.evaluation.grid_making import cache_grids

    if not paths:
        raise InputError("name the scenes (folders, or folders of them) whose grids are wanted")
    columns = TextColumn("grids"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    with Progress(*columns, console=error_console) as progress:
        task = progress.add_task("grids", total=None)
        files = cache_grids(
            paths,
            out,
            chain_config(request.options.config),
            jobs=request.options.jobs,
            cache=request.options.cache,
            progress=lambda done, total: progress.update(task, completed=done, total=total),
        )
    console.print(f"grids of {len(files)} recordings in {out}", soft_wrap=True)


def _data_facts(split: Any) -> dict[str, Any]:
    """Sizes of the three subsets, and the settings of the front ends."""
    facts: dict[str, Any] = {"front_ends": split.train[0].settings}
    for name in ("train", "validation", "test"):
        recordings = getattr(split, name)
        talkers = [recording.talkers for recording in recordings]
        facts[name] = {
            "recordings": len(recordings),
            "frames": sum(recording.frames for recording in recordings),
            "by_talkers": {str(number): talkers.count(number) for number in sorted(set(talkers))},
        }
    return facts
