"""`avloc train`: from scenes to weights with a card, by a recipe."""

from __future__ import annotations

import argparse
import shlex
import sys
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from avloc_ros.cli.console import console, error_console
from avloc_ros.cli.train_array import add_array_options, train_audio_recipe, train_everything
from avloc_ros.types import InputError

if TYPE_CHECKING:
    from avloc_ros.datasets.grid_recordings import GridRecording
    from avloc_ros.training.any_array_recipe import AnyArrayRecipe
    from avloc_ros.training.fusion_training import FusionRecipe
    from avloc_ros.training.trainer import RunOptions

EXAMPLES = """examples:
  avloc train grids scenes/train --out grids/train --jobs 2       what both front ends say, computed once
  avloc train dsw_fusion_spatial grids/train --out runs/spatial   fusion on cached grids (or on scenes directly)
  avloc train any_array KIT --out runs/any_array                  audio tracker for any array, from speech/ and events/
  avloc train dsw_audio --out runs/audio --array head_6mic --camera camera.yaml
  avloc train dsw --array mine.yaml --camera camera.yaml --out runs/mine    everything for your own array
docs/training.md explains recipes, caches and cards."""


def register(subparsers: Any) -> None:
    """Add the sub-command."""
    parser = subparsers.add_parser(
        "train",
        help="train networks and write weights with a card",
        description="Trains what a recipe names and writes NAME.onnx with NAME.card.json. RECIPE is a shipped name, a "
        "YAML file, `grids` (only make the cache that the fusion learns from), or `dsw` (everything for an array).",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("recipe", metavar="RECIPE", help="shipped recipe, YAML file, `grids`, `dsw`, or `list`")
    parser.add_argument("paths", nargs="*", type=Path, metavar="PATH", help="folders of cached grids, or scenes")
    parser.add_argument("--out", type=Path, metavar="DIR", help="new folder for weights, logs and checkpoints")
    parser.add_argument(
        "--validation", type=Path, metavar="DIR", help="grids or scenes that stop early and choose thresholds"
    )
    parser.add_argument("--test", type=Path, metavar="DIR", help="grids or scenes for the scores of the card")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="replace a setting of the recipe")
    parser.add_argument("--config", type=Path, metavar="YAML", help="settings of the front ends (see avloc evaluate)")
    parser.add_argument(
        "--cache", type=Path, metavar="DIR", help="front ends of `avloc evaluate --cache`: what is there is not run again"
    )
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="of weights, shuffling and split (default: 0)")
    parser.add_argument("--resume", action="store_true", help="go on from the last checkpoint in --out")
    machine = parser.add_argument_group("machine")
    machine.add_argument("--device", default="auto", choices=("auto", "cpu", "gpu"), help="default: auto")
    machine.add_argument("--devices", type=int, default=1, metavar="N", help="GPUs per machine (default: 1)")
    machine.add_argument("--nodes", type=int, default=1, metavar="M", help="machines (default: 1)")
    machine.add_argument("--threads", type=int, default=0, metavar="N", help="of torch on a CPU (default: torch's own)")
    machine.add_argument("--jobs", type=int, default=1, metavar="N", help="recordings at once for grids (default: 1)")
    add_array_options(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Train; raises InputError on bad input."""
    from avloc_ros.training.recipes import shipped_recipes

    if options.recipe == "list":
        for name, path in shipped_recipes().items():
            console.print(f"{name:24} {_first_comment(path)}", soft_wrap=True)
        return 0
    _check(options)
    if options.recipe == "grids":
        _make_grids(options.paths, options.out, options)
        return 0
    if options.out.exists() and any(options.out.iterdir()) and not options.resume:
        raise InputError(f"{options.out} exists: name a new folder, or go on with --resume")
    made = train_everything(options, _audio, _fusion) if options.recipe == "dsw" else [_one_recipe(options)]
    for weights in filter(None, made):
        console.print(f"weights: {weights}", soft_wrap=True)
    return 0


def _one_recipe(options: argparse.Namespace) -> Path | None:
    from avloc_ros.training.any_array_recipe import AnyArrayRecipe
    from avloc_ros.training.audio_training import AudioRecipe
    from avloc_ros.training.recipes import load_recipe

    recipe = load_recipe(options.recipe, _overrides(options.set))
    if isinstance(recipe, AudioRecipe):
        return train_audio_recipe(recipe, options, _run_options(options), _command())
    if isinstance(recipe, AnyArrayRecipe):
        return _train_any_array(recipe, options)
    return _train_fusion(recipe, options)


def _train_any_array(recipe: AnyArrayRecipe, options: argparse.Namespace) -> Path | None:
    from avloc_ros.config import to_mapping
    from avloc_ros.training.any_array_recipe import gather, train_any_array
    from avloc_ros.training.cards import Provenance

    if len(options.paths) != 1:
        raise InputError("name one folder with speech/ (and events/, music/) that the any-array tracker learns from")
    console.print("gathering sounds and rooms; rooms are simulated once, about a second each")
    material = gather(recipe, options.paths[0], options.out)
    provenance = Provenance(to_mapping(recipe), material.facts, _command(), options.seed)
    return train_any_array(recipe, material, _run_options(options), provenance)


def _audio(options: argparse.Namespace) -> Path | None:
    """The audio half of `dsw`."""
    return _one_recipe(_with(options, recipe="dsw_audio", set=_of_half(options.set, "audio.")))


def _fusion(options: argparse.Namespace) -> Path | None:
    """The fusion half of `dsw`."""
    return _one_recipe(_with(options, recipe="dsw_fusion_spatial", set=_of_half(options.set, "fusion.")))


def _of_half(pairs: list[str], prefix: str) -> list[str]:
    """Of `audio.NAME=VALUE` and `fusion.NAME=VALUE` those of one half. Raises InputError on others."""
    wrong = [pair for pair in pairs if not pair.startswith(("audio.", "fusion."))]
    if wrong:
        raise InputError(f"--set {wrong[0]}: with `dsw`, names begin with audio. or fusion.")
    return [pair.removeprefix(prefix) for pair in pairs if pair.startswith(prefix)]


def _with(options: argparse.Namespace, **values: object) -> argparse.Namespace:
    return argparse.Namespace(**{**vars(options), **values})


def _train_fusion(recipe: FusionRecipe, options: argparse.Namespace) -> Path | None:
    from avloc_ros.config import to_mapping
    from avloc_ros.datasets.grid_split import GridSplit, split_recordings
    from avloc_ros.training.cards import Provenance
    from avloc_ros.training.fusion_product import make_fusion_weights

    if not options.paths:
        raise InputError("name the folder of cached grids (avloc train grids), or of scenes, that the fusion learns from")
    recordings = _recordings(options.paths, options)
    if (options.validation is None) != (options.test is None):
        raise InputError("--validation and --test belong together; without both, the recordings are split")
    if options.validation is not None:
        held_out = (tuple(_recordings([path], options)) for path in (options.validation, options.test))
        split = GridSplit(tuple(recordings), *held_out)
    else:
        split = split_recordings(recordings, recipe.split)
    provenance = Provenance(to_mapping(recipe), _data_facts(split), _command(), options.seed)
    return make_fusion_weights(recipe, split, _run_options(options), provenance)


def _recordings(paths: list[Path], options: argparse.Namespace) -> list[GridRecording]:
    """Cached grids as they are; scenes through the front ends first, into the folder `grids` of the output."""
    from avloc_ros.datasets.grid_recordings import load_grid_folder

    found: list[GridRecording] = []
    for path in paths:
        if not path.exists():
            raise InputError(f"{path}: no such folder")
        if not any(path.glob("*.npz")):
            place = zlib.crc32(str(path.resolve()).encode())  # two folders may have the same name
            cache = options.out / "grids" / f"{path.name}-{place:08x}"
            _make_grids([path], cache, options)
            path = cache
        found += load_grid_folder(path)
    return found


def _make_grids(paths: list[Path], out: Path, options: argparse.Namespace) -> None:
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from avloc_ros.cli.evaluate import chain_config
    from avloc_ros.datasets.grid_making import cache_grids

    if not paths:
        raise InputError("name the scenes (folders, or folders of them) whose grids are wanted")
    columns = TextColumn("grids"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    with Progress(*columns, console=error_console) as progress:
        task = progress.add_task("grids", total=None)
        files = cache_grids(
            paths,
            out,
            chain_config(options.config),
            jobs=options.jobs,
            cache=options.cache,
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


def _run_options(options: argparse.Namespace) -> RunOptions:
    from avloc_ros.training.trainer import RunOptions

    return RunOptions(
        options.out,
        options.seed,
        options.device,
        options.devices,
        options.nodes,
        options.threads,
        options.resume,
        show_progress=error_console.is_terminal,
    )


def _check(options: argparse.Namespace) -> None:
    if options.out is None:
        raise InputError("--out DIR is missing: the folder for what is made")
    for name in ("devices", "nodes", "jobs"):
        if getattr(options, name) < 1:
            raise InputError(f"--{name} is {getattr(options, name)}, need at least 1")


def _overrides(pairs: list[str]) -> dict[str, Any]:
    import yaml

    found = {}
    for pair in pairs:
        name, equals, text = pair.partition("=")
        if not equals or not name:
            raise InputError(f"--set {pair}: need NAME=VALUE, like network.refine_filters=64")
        found[name] = yaml.safe_load(text)
    return found


def _command() -> str:
    return shlex.join(["avloc", *sys.argv[1:]])


def _first_comment(path: Path) -> str:
    return path.read_text(encoding="utf-8").splitlines()[0].lstrip("# ")
