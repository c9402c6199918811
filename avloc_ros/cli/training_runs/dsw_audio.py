"""`avloc train dsw_audio`: the audio network of a microphone array, on rooms that are simulated for it."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from avloc_ros.cli.console import error_console
from avloc_ros.cli.training_runs.request import Request

if TYPE_CHECKING:
    from avloc_ros.training.dsw.audio_training import AudioRecipe


def add_array_options(parser: argparse.ArgumentParser) -> None:
    """Options of recipes that simulate an array."""
    group = parser.add_argument_group("for dsw_audio and dsw")
    group.add_argument("--array", metavar="NAME|FILE", help="microphone array: a shipped name, YAML or JSON")
    group.add_argument("--camera", metavar="FILE", help="camera YAML: width, height, fx, fy, cx, cy, position_m, yaw_rad, ...")
    group.add_argument("--speech", type=Path, metavar="DIR", help="folder of speech files (default: espeak-ng voices)")
    group.add_argument("--sample-rate", type=int, metavar="HZ", help="of the array (default: the recipe's)")
    group.add_argument("--scenes", type=int, default=120, metavar="N", help="scenes that dsw simulates (default: 120)")


def for_array(recipe: AudioRecipe, options: argparse.Namespace) -> AudioRecipe:
    """The recipe for the array, camera and rate of the command line; the input follows the number of microphones."""
    from avloc_ros.sources.arrays import named_array

    recipe = replace(recipe, array=options.array or recipe.array, camera=options.camera or recipe.camera)
    layout = replace(recipe.input, microphones=named_array(recipe.array).channels)
    if options.sample_rate and options.sample_rate != layout.sample_rate_hz:
        frame = round(options.sample_rate / layout.frame_rate_hz)
        fft_length = 1 << max(frame - 1, 1).bit_length()  # the next power of two: as many bins as can be pooled
        layout = replace(layout, sample_rate_hz=options.sample_rate, fft_length=fft_length, bins=fft_length // 2)
    return replace(recipe, input=layout)


def run(recipe: AudioRecipe, request: Request) -> list[Path]:
    """Simulate rooms, train the audio network, write its weights."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from avloc_ros.training.dsw.audio_product import make_audio_weights

    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    with Progress(*columns, console=error_console, transient=True) as progress:
        task = progress.add_task("rooms", total=None)

        def tell(what: str, done: int, total: int) -> None:
            progress.update(task, description=what, completed=done, total=total)
            if done == total:
                progress.stop()  # Lightning draws its own bar from here on
            elif done == 1:
                progress.start()

        options = request.options
        made = make_audio_weights(
            for_array(recipe, options), options.speech, request.run_options(), request.command, tell
        )
    return [made] if made else []
