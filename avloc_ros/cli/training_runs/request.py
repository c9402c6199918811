"""What the command line of `avloc train` asks for, and what every family of recipes does with it."""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from avloc_ros.cli.console import error_console
from avloc_ros.types import InputError

if TYPE_CHECKING:
    from avloc_ros.training.trainer import RunOptions

Item = TypeVar("Item")
HELD_OUT_EVERY = 5  # without --validation, of simulated scenes every fifth chooses the epoch


@dataclass(frozen=True)
class Request:
    """The options of `avloc train`, and the data that recipes of the kind learn from, in words."""

    options: argparse.Namespace
    data: str

    @property
    def out(self) -> Path:
        return self.options.out

    @property
    def paths(self) -> list[Path]:
        return self.options.paths

    @property
    def command(self) -> str:
        """The command line, for the card."""
        return shlex.join(["avloc", *sys.argv[1:]])

    @property
    def shows_progress(self) -> bool:
        return error_console.is_terminal

    def run_options(self) -> RunOptions:
        """Where and on what to train, as training.trainer wants it."""
        from avloc_ros.training.trainer import RunOptions

        options = self.options
        return RunOptions(
            options.out,
            options.seed,
            options.device,
            options.devices,
            options.nodes,
            options.threads,
            options.resume,
            options.jobs,
            show_progress=self.shows_progress,
        )

    def changed(self, **values: object) -> Request:
        """The same with some options replaced."""
        return replace(self, options=argparse.Namespace(**{**vars(self.options), **values}))

    def need_paths(self) -> None:
        """Raises InputError that says what is learned from where no PATH is given, or one does not exist."""
        if not self.paths:
            raise InputError(f"PATH is missing. '{self.options.recipe}' learns from: {self.data}")
        held_out = [path for path in (self.options.validation, self.options.test) if path is not None]
        for path in [*self.paths, *held_out]:
            if not path.exists():
                raise InputError(f"{path}: no such folder. '{self.options.recipe}' learns from: {self.data}")

    def refuse_paths(self) -> None:
        """Raises InputError where folders are given to a recipe that learns from none."""
        if self.paths or self.options.validation is not None or self.options.test is not None:
            raise InputError(f"no PATH, --validation or --test here: '{self.options.recipe}' learns from {self.data}")

    def refuse_resume(self) -> None:
        """Raises InputError where a training is to go on that can only start."""
        if self.options.resume:
            raise InputError(f"--resume: a training of '{self.options.recipe}' starts from nothing; name a new --out")

    def loop(self) -> dict[str, Any]:
        """Arguments of the trainings of diff_track and asl_unet; sets the threads of torch."""
        import torch

        options = self.options
        if options.threads:
            torch.set_num_threads(options.threads)
        return {
            "seed": options.seed,
            "devices": options.devices,
            "nodes": options.nodes,
            "accelerator": options.device,
            "progress": self.shows_progress,
        }


def held_out_apart(items: Sequence[Item], what: str) -> tuple[list[Item], list[Item]]:
    """(to learn from, to validate on): every fifth validates, one at least. Raises InputError where there is only one."""
    if len(items) < 2:
        raise InputError(f"{len(items)} {what}: need two at least, one of them to validate on, or --validation DIR")
    chosen = set(range(HELD_OUT_EVERY - 1, len(items), HELD_OUT_EVERY)) or {len(items) - 1}
    return [items[k] for k in range(len(items)) if k not in chosen], [items[k] for k in sorted(chosen)]
