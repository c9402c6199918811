"""Hungarian networks of 3 x 3 to 5 x 5 slots in a given time, all side by side, and how many cases they solve.

usage: python benchmarks/diff_track_hungarian_timed.py --out DIR --seconds S [--slots 3 4 5] [--seed N] [--device cuda]

DIR/diff_track_hungarian_NxN.npz with a card: exact associations against scipy, by the number of references and predictions.
"""

from __future__ import annotations

import argparse
import shlex
import sys
from dataclasses import replace
from pathlib import Path

import torch

from avloc_ros.training.diff_track.hungarian import HungarianRecipe
from avloc_ros.training.diff_track.hungarian_timed import train_hungarians
from avloc_ros.training.recipes import load_recipe

HIDDEN = {2: 128, 3: 128, 4: 256, 5: 256}  # a larger matrix needs a wider network


def recipe_of(slots: int, batch: int) -> HungarianRecipe:
    """The shipped recipe of 3 x 3 for another number of slots."""
    base = load_recipe("diff_track_hungarian_3x3")
    return replace(
        base,
        name=f"diff_track_hungarian_{slots}x{slots}",
        network=replace(base.network, slots=slots, hidden=HIDDEN[slots]),
        cases=replace(base.cases, slots=slots),
        batch_size=batch,
    )


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--slots", type=int, nargs="+", default=[3, 4, 5])
    parser.add_argument("--batch", type=int, default=2048)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", default="cuda")
    options = parser.parse_args()
    recipes = [recipe_of(slots, options.batch) for slots in options.slots]
    command = shlex.join(["python", "benchmarks/diff_track_hungarian_timed.py", *sys.argv[1:]])
    steps = train_hungarians(
        recipes,
        options.out,
        seconds=options.seconds,
        seed=options.seed,
        device=torch.device(options.device),
        command=command,
        say=lambda text: print(text, flush=True),
    )
    print(f"hungarian: {steps} steps of {options.batch} cases each", flush=True)


if __name__ == "__main__":
    sys.exit(main())
