"""`avloc train`: from scenes to weights with a card, by a recipe."""

from __future__ import annotations

import argparse
import importlib
import os
from pathlib import Path
from typing import Any

from avloc_ros.cli.console import console
from avloc_ros.cli.given_options import overrides_of
from avloc_ros.cli.output_folder import check_writable
from avloc_ros.cli.training_runs.dsw import train_everything
from avloc_ros.cli.training_runs.dsw_audio import add_array_options
from avloc_ros.cli.training_runs.dsw_fusion import make_grids
from avloc_ros.cli.training_runs.request import Request
from avloc_ros.types import InputError

EXAMPLES = """examples:
  avloc train grids scenes/train --out grids/train --jobs 2       what both front ends say, computed once
  avloc train dsw_fusion_spatial grids/train --out runs/spatial   fusion on cached grids (or on scenes directly)
  avloc train any_array KIT --out runs/any_array                  audio tracker for any array, from speech/ and events/
  avloc train dsw_audio --out runs/audio --array head_6mic --camera camera.yaml
  avloc train dsw --array mine.yaml --camera camera.yaml --out runs/mine    everything for your own array
  avloc train av_seld_small_audio scenes --out runs/events        sound events, from event scenes, STARSS or L3DAS
  avloc train asl_unet_small scenes --out runs/asl                who speaks before a wearer, from egocentric scenes or EasyCom
  avloc train diff_track_localizer_small --out runs/tracks        directions learned through tracking; draws its data
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
    parser.add_argument("paths", nargs="*", type=Path, metavar="PATH", help="what the recipe learns from (docs/training.md)")
    parser.add_argument("--out", type=Path, metavar="DIR", help="new folder for weights, logs and checkpoints")
    parser.add_argument(
        "--validation", type=Path, metavar="DIR", help="like PATH, to stop early, choose epochs and thresholds"
    )
    parser.add_argument("--test", type=Path, metavar="DIR", help="like PATH, for the scores of the card")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="replace a setting of the recipe")
    parser.add_argument("--config", type=Path, metavar="YAML", help="settings of the front ends (see avloc evaluate)")
    parser.add_argument(
        "--cache", type=Path, metavar="DIR", help="front ends of `avloc evaluate --cache`: what is there is not run again"
    )
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="of weights, shuffling and split (default: 0)")
    parser.add_argument("--resume", action="store_true", help="go on from the last checkpoint in --out")
    machine = parser.add_argument_group("machine")
    machine.add_argument("--device", default="auto", choices=("auto", "cpu", "gpu", "cuda"), help="default: auto")
    machine.add_argument("--devices", type=int, default=1, metavar="N", help="GPUs per machine (default: 1)")
    machine.add_argument("--nodes", type=int, default=1, metavar="M", help="machines (default: 1)")
    machine.add_argument("--threads", type=int, default=0, metavar="N", help="of torch on a CPU (default: torch's own)")
    machine.add_argument("--jobs", type=int, default=1, metavar="N", help="processes that make grids or rooms (default: 1)")
    add_array_options(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Train; raises InputError on bad input."""
    from avloc_ros.training.recipes import shipped_recipes

    if options.recipe == "list":
        for name, path in shipped_recipes().items():
            console.print(f"{name:26} {_first_comment(path)}", soft_wrap=True)
        return 0
    _check(options)
    request = Request(options, "scenes")
    if options.recipe == "grids":
        make_grids(options.paths, options.out, request)
        return 0
    if not _is_further_process() and options.out.exists() and any(options.out.iterdir()) and not options.resume:
        raise InputError(f"{options.out} exists: name a new folder, or go on with --resume")
    made = train_everything(request, _one_recipe) if options.recipe == "dsw" else _one_recipe(request)
    for weights in made:
        console.print(f"weights: {weights}", soft_wrap=True)
    return 0


def _one_recipe(request: Request) -> list[Path]:
    """Run the recipe that the request names; what was written, in the first of several processes."""
    from avloc_ros.training.recipes import load_recipe_and_kind

    recipe, kind = load_recipe_and_kind(request.options.recipe, overrides_of(request.options.set))
    family = importlib.import_module(f"avloc_ros.cli.training_runs.{kind.run}")
    return family.run(recipe, Request(request.options, kind.data))


def _is_further_process() -> bool:
    """Whether this is not the first process of a training on several GPUs or machines, which finds --out in use."""
    return any(os.environ.get(name, "0") != "0" for name in ("LOCAL_RANK", "NODE_RANK"))


def _check(options: argparse.Namespace) -> None:
    if options.out is None:
        raise InputError("--out DIR is missing: the folder for what is made")
    for name in ("devices", "nodes", "jobs"):
        if getattr(options, name) < 1:
            raise InputError(f"--{name} is {getattr(options, name)}, need at least 1")
    check_writable(options.out)
    if options.device in ("gpu", "cuda"):
        import torch

        if not torch.cuda.is_available():
            raise InputError(f"--device {options.device}, but torch sees no GPU here: take cpu or auto")


def _first_comment(path: Path) -> str:
    return path.read_text(encoding="utf-8").splitlines()[0].lstrip("# ")
