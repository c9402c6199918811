"""`avloc train dsw`: the audio network of an array, scenes with it, their grids, and the fusion on them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from avloc_ros.cli.console import console
from avloc_ros.cli.training_runs.request import Request
from avloc_ros.types import InputError

AUDIO_RECIPE, FUSION_RECIPE = "dsw_audio", "dsw_fusion_spatial"
SCENES = "scenes"  # folder of the output
TrainOne = Callable[[Request], list[Path]]


def train_everything(request: Request, train_one: TrainOne) -> list[Path]:
    """Both networks of the array of the command line; train_one runs the recipe that a request names."""
    options = request.options
    if not options.array:
        raise InputError("--array is missing: the microphone array that everything is trained for")
    halves = {prefix: of_half(options.set, prefix) for prefix in ("audio.", "fusion.")}
    console.print("1/3 audio network")
    audio = request.changed(recipe=AUDIO_RECIPE, set=halves["audio."], out=options.out / "audio")
    weights = train_one(audio)
    console.print("2/3 scenes")
    scenes = options.out / SCENES
    _simulate(request, scenes)
    console.print("3/3 fusion")
    fusion = request.changed(
        recipe=FUSION_RECIPE, set=halves["fusion."], out=options.out / "fusion", paths=[scenes]
    )
    return weights + train_one(fusion)


def of_half(pairs: list[str], prefix: str) -> list[str]:
    """Of `audio.NAME=VALUE` and `fusion.NAME=VALUE` those of one half. Raises InputError on others."""
    wrong = [pair for pair in pairs if not pair.startswith(("audio.", "fusion."))]
    if wrong:
        raise InputError(f"--set {wrong[0]}: with `dsw`, names begin with audio. or fusion.")
    return [pair.removeprefix(prefix) for pair in pairs if pair.startswith(prefix)]


def _simulate(request: Request, out: Path) -> None:
    """Scenes of the array by `avloc simulate`; those of a run that is resumed are kept."""
    from avloc_ros.cli.main import build_parser
    from avloc_ros.features.inputs.dsw_input import DswInputConfig

    options = request.options
    if out.exists() and options.resume:
        return
    arguments = ["simulate", "--out", str(out), "--count", str(options.scenes), "--array", options.array]
    arguments += ["--seed", str(options.seed), "--jobs", str(options.jobs)]
    arguments += ["--sample-rate", str(options.sample_rate or DswInputConfig().sample_rate_hz)]
    arguments += ["--speech", str(options.speech)] if options.speech else []
    simulate = build_parser().parse_args(arguments)
    simulate.run(simulate)
