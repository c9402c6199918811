"""The losses of diff_track side by side on a GPU: equal batches, equal start, equal steps, in a given time.

usage: python benchmarks/diff_track_lockstep.py --speech speech.npz --out DIR --seconds S
       --what losses|live [--learners NAME ...] [--held held.npz] [--finish-by TIME] [--seed N]
       [--in-turn] [--device cuda]

losses: the localizer of config/train/diff_track_localizer_gpu.yaml by the losses of LEARNERS, all or those named, one seed.
live: config/train/diff_track_localizer_small.yaml (the live tracker), and a wider one, through the tracking loss.
speech.npz: datasets.mixtures.dry_speech, talkers of training. held.npz: features of the segments of validation and test.
DIR/NAME_SEED.npz: steps, and what each network says to them, replaced every 45 s; DIR/NAME_SEED.pt: weights in float16, of
all networks where held.npz is not given. benchmarks/diff_track_lockstep_table.py makes the scores of either.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from avloc_ros.config import to_mapping
from avloc_ros.datasets.mixtures.dry_speech import DrySpeech
from avloc_ros.datasets.tracks.moving_stock import MovingStock
from avloc_ros.training.diff_track.localizer import LocalizerRecipe
from avloc_ros.training.diff_track.lockstep import Learner, LockstepConfig, train_in_lockstep
from avloc_ros.training.limited_time import save_whole
from avloc_ros.training.recipes import load_recipe
from avloc_ros.types import InputError

PAPER = {
    "tracking.motp_weight": 1.0,
    "tracking.mota_weight": 1.0,
    "tracking.quiet_distance": 0.0,
    "tracking.association_frames": 1,
}
LEARNERS: dict[str, dict[str, Any]] = {
    "tracking": {"loss": "tracking"},
    "tracking_steady": {"loss": "tracking", "tracking.association_frames": 5},
    "tracking_paper": {"loss": "tracking", **PAPER},
    "pit_mse": {"loss": "pit_mse"},
    "mse": {"loss": "mse"},
}
LIVE: dict[str, dict[str, Any]] = {
    "live": {"loss": "tracking"},
    "live_pit": {"loss": "pit_mse"},
    "live_wide": {"loss": "tracking", "network.filters": 48, "network.recurrent": 128},
}
KEPT = ("tracking", "tracking_steady", "live", "live_pit", "live_wide")  # whose weights are written besides answers
WARM_UP_SHARE = 0.3
LAST_REPORT_S = 9.0  # what the last report takes
RECIPES = {"losses": "diff_track_localizer_gpu", "live": "diff_track_localizer_small"}


def recipes(what: str, names: Sequence[str] = ()) -> dict[str, LocalizerRecipe]:
    """Name -> recipe, of the losses or of the live networks, all or those named; all with the weights of the tracking loss of
    the GPU recipe."""
    weights = to_mapping(load_recipe("diff_track_localizer_gpu").tracking)
    same = {f"tracking.{key}": value for key, value in weights.items()}
    chosen = LEARNERS if what == "losses" else LIVE
    if unknown := set(names) - set(chosen):
        raise InputError(f"learners {', '.join(sorted(unknown))} are not of {what}: take of {', '.join(chosen)}")
    return {name: load_recipe(RECIPES[what], {**same, **chosen[name]}) for name in names or chosen}


class Keeper:
    """Writes what the networks say to the segments that are held out, and the weights of some."""

    def __init__(self, learners: dict[str, Learner], held: dict[str, torch.Tensor], out: Path, seed: int) -> None:
        self.learners, self.held, self.out, self.seed = learners, held, out, seed
        out.mkdir(parents=True, exist_ok=True)

    def __call__(self, step: int, share: float, last: bool) -> None:
        for name, learner in self.learners.items():
            said: dict[str, Any] = {"step": step, "share": share, "seed": self.seed, "last": last}
            for split, features in self.held.items():
                directions, activity = learner.answers(features)
                said[f"{split}_directions"] = directions.astype(np.float16)
                said[f"{split}_activity"] = activity.astype(np.float16)
            path = self.out / f"{name}_{self.seed}"
            part = path.with_suffix(".part.npz")
            np.savez_compressed(part, **said)
            part.replace(path.with_suffix(".npz"))
            if name in KEPT or not self.held:
                weights = learner.network.state_dict()
                small = {k: v.half() if v.is_floating_point() and name not in LIVE else v for k, v in weights.items()}
                save_whole(small, path.with_suffix(".pt"))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--speech", type=Path, required=True)
    parser.add_argument("--held", type=Path, default=None)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--finish-by", type=float, default=float("inf"), help="clock time (s since 1970) to be done at")
    parser.add_argument("--what", choices=("losses", "live"), default="losses")
    parser.add_argument("--learners", nargs="+", default=[], help="the names of some; else all")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--learning-rate", type=float, default=1e-3)
    parser.add_argument("--warm-up-share", type=float, default=WARM_UP_SHARE)
    parser.add_argument("--in-turn", action="store_true", help="no two learners at the same time on the GPU")
    parser.add_argument("--device", default="cuda")
    options = parser.parse_args()
    device = torch.device(options.device)
    torch.backends.cudnn.benchmark = True
    config = LockstepConfig(
        seconds=options.seconds,
        batch_size=options.batch,
        learning_rate=options.learning_rate,
        warm_up_share=options.warm_up_share,
        side_by_side=not options.in_turn,
    )
    if device.type == "cpu":
        small = replace(config.stock, rooms=2, first_rooms=1, sources=3, steps_per_room=1000)
        config = replace(config, stock=small)
    wanted = recipes(options.what, options.learners)
    data = next(iter(wanted.values())).data
    stock = MovingStock(data, DrySpeech.load(options.speech), config.stock, options.seed, device)
    learners = {name: Learner(recipe, config, options.seed, device) for name, recipe in wanted.items()}
    held: dict[str, torch.Tensor] = {}
    if options.held is not None:
        with np.load(options.held) as content:
            held = {split: torch.from_numpy(content[f"{split}_features"]).to(device) for split in ("val", "test")}
    left_s = options.finish_by - time.time() - LAST_REPORT_S  # after all that a start takes
    config = replace(config, seconds=max(min(options.seconds, left_s), 1.0))
    print(f"{options.what} {options.seed}: {', '.join(learners)} on {device} for {config.seconds:.0f} s", flush=True)
    keeper = Keeper(learners, held, options.out, options.seed)
    steps = train_in_lockstep(
        learners, stock, config, keeper, lambda text: print(f"{options.what} {options.seed} {text}", flush=True)
    )
    print(f"{options.what} {options.seed}: {steps} steps, {sum(one.drawn for one in stock.stocks)} rooms", flush=True)


if __name__ == "__main__":
    main()
