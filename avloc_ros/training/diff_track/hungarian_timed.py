"""Hungarian networks trained for a given time on cases that are drawn on the same device, several sizes side by side."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import torch

from avloc_ros.datasets.tracks.association_cases_batch import CaseDraw
from avloc_ros.losses.association import association_loss
from avloc_ros.models.diff_track.hungarian import HungarianNetwork, save_hungarian
from avloc_ros.training.diff_track.hungarian import HungarianRecipe, write_weights
from avloc_ros.training.limited_time import Clock, descend, rate_share

RISE_SHARE = 0.02
LARGEST_GRADIENT = 1.0


class HungarianLearner:
    """One size: its network, its cases and its optimiser."""

    def __init__(self, recipe: HungarianRecipe, seed: int, device: torch.device) -> None:
        torch.manual_seed(seed)
        self.recipe, self.seed = recipe, seed
        self.network = HungarianNetwork(recipe.network).to(device)
        self.draw = CaseDraw(recipe.cases, seed, device)
        rate = recipe.learning_rate
        self.optimiser = torch.optim.Adam(self.network.parameters(), rate, fused=device.type == "cuda")
        self.lately = torch.zeros((), device=device)

    def step(self, share: float) -> None:
        """One step on fresh cases, at a share of the time in [0, 1]."""
        distances, matrix = self.draw(self.recipe.batch_size)
        loss = association_loss(self.network(distances), matrix)
        descend(self.optimiser, loss, self.recipe.learning_rate * rate_share(share, RISE_SHARE), LARGEST_GRADIENT)
        self.lately = torch.lerp(self.lately, loss.detach(), 0.02)


def train_hungarians(
    recipes: Sequence[HungarianRecipe],
    out: Path,
    *,
    seconds: float,
    seed: int,
    device: torch.device,
    command: str,
    say: Callable[[str], None] = print,
    every_s: float = 10.0,
) -> int:
    """Train all of them in turn for so many seconds of wall-clock time; returns the steps of each.

    NAME.npz into `out` (replaced as it goes), with the card, against scipy's assignments, at the end.
    """
    out.mkdir(parents=True, exist_ok=True)
    learners = [HungarianLearner(recipe, seed, device) for recipe in recipes]
    clock = Clock(seconds)
    while (share := clock.share) < 1:
        for learner in learners:
            learner.step(share)
        clock.step += 1
        if clock.is_due("line", every_s):
            losses = " ".join(f"{one.recipe.name[-3:]} {one.lately.item():.4f}" for one in learners)
            say(f"hungarian step {clock.step} of share {share:.3f}: {losses}")
            for learner in learners:
                save_hungarian(learner.network, out / f"{learner.recipe.name}.npz")
    for learner in learners:
        write_weights(learner.network.cpu().eval(), learner.recipe, seed, out, f"{command} ({clock.step} steps)")
    return clock.step
