"""Hungarian networks trained for a given time on cases that are drawn on the same device, several sizes side by side."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path

import torch

from avloc_ros.datasets.association_cases_batch import CaseDraw
from avloc_ros.losses.association import association_loss
from avloc_ros.models.diff_track_hungarian import HungarianNetwork, save_hungarian
from avloc_ros.training.diff_track_hungarian import HungarianRecipe, write_weights
from avloc_ros.training.diff_track_lockstep import rate_share

RISE_SHARE = 0.02


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
        for group in self.optimiser.param_groups:
            group["lr"] = self.recipe.learning_rate * rate_share(share, RISE_SHARE)
        distances, matrix = self.draw(self.recipe.batch_size)
        loss = association_loss(self.network(distances), matrix)
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
        self.optimiser.step()
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
    begin_s = said_s = time.monotonic()
    step = 0
    while (share := (time.monotonic() - begin_s) / seconds) < 1:
        for learner in learners:
            learner.step(share)
        step += 1
        if time.monotonic() - said_s > every_s:
            losses = " ".join(f"{one.recipe.name[-3:]} {one.lately.item():.4f}" for one in learners)
            say(f"hungarian step {step} of share {share:.3f}: {losses}")
            for learner in learners:
                save_hungarian(learner.network, out / f"{learner.recipe.name}.npz")
            said_s = time.monotonic()
    for learner in learners:
        write_weights(learner.network.cpu().eval(), learner.recipe, seed, out, f"{command} ({step} steps)")
    return step
