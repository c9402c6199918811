"""Several localizers of diff_track trained side by side on the same batches for a given time: losses compared step by step.

All learners of a run see the same segments in the same order and take the same number of steps, whatever the machine.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from avloc_ros.config import setting
from avloc_ros.datasets.tracks.moving_stock import Batch, MovingStock, MovingStockConfig
from avloc_ros.losses.differentiable_tracking import References, TrackingLoss
from avloc_ros.losses.direction_regression import permutation_invariant_loss, slotwise_loss
from avloc_ros.models.diff_track.hungarian import load_hungarian
from avloc_ros.models.diff_track.localizer import LocalizerNetwork
from avloc_ros.training.diff_track.localizer import LocalizerRecipe
from avloc_ros.training.limited_time import Clock, descend, rate_share

SCALE_BATCHES = 4  # batches that the scale of the features is taken from


@dataclass(frozen=True)
class LockstepConfig:
    """The budget, equal for all learners."""

    seconds: float = setting(480.0, "wall-clock time of the steps, s", low=0.1)
    batch_size: int = setting(64, "segments per step", low=2)
    learning_rate: float = setting(1e-3, "of Adam, at its highest", low=1e-7, high=1.0)
    rise_share: float = setting(0.03, "share of the time in which the learning rate rises", low=0.0, high=0.5)
    warm_up_share: float = setting(0.0, "tracking: share of the time with pit_mse before", low=0.0, high=1.0)
    report_every_s: float = setting(45.0, "time from one report to the next, s", low=0.1)
    side_by_side: bool = setting(True, "on a GPU: learners take a step at the same time, else in turn; the same steps")
    stock: MovingStockConfig = field(default_factory=MovingStockConfig)


class Learner:
    """One network, its loss and its optimiser."""

    def __init__(self, recipe: LocalizerRecipe, config: LockstepConfig, seed: int, device: torch.device) -> None:
        torch.manual_seed(seed)  # learners of one seed begin with the same weights
        self.recipe, self.config, self.device = recipe, config, device
        self.network = LocalizerNetwork(recipe.network).to(device)
        if device.type == "cuda":
            self.network.convolutions.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        hungarian = load_hungarian(recipe.hungarian, recipe.network.tracks)
        self.tracking = TrackingLoss(hungarian, recipe.tracking).to(device)
        self.optimiser = torch.optim.Adam(
            self.network.parameters(), config.learning_rate, fused=device.type == "cuda"
        )
        self.lately = torch.zeros((), device=device)  # the loss, smoothed; stays on the device
        self._stream = torch.cuda.Stream(device) if config.side_by_side and device.type == "cuda" else None

    def start(self, batch: Batch, share: float) -> None:
        """A step as `step` takes it, on a GPU beside those of the other learners: the batch has to live until `join`."""
        if self._stream is None:
            self.step(batch, share)
            return
        self._stream.wait_stream(torch.cuda.current_stream(self.device))
        with torch.cuda.stream(self._stream):
            self.step(batch, share)

    def join(self) -> None:
        """What the GPU is told from here on comes after the step that was started; the host does not wait."""
        if self._stream is not None:
            torch.cuda.current_stream(self.device).wait_stream(self._stream)

    def step(self, batch: Batch, share: float) -> None:
        """One step at a share of the budget in [0, 1]."""
        features, directions, active = batch
        self.network.train()
        loss = self._loss(features, References(directions, active), share)
        rate = self.config.learning_rate * rate_share(share, self.config.rise_share)
        descend(self.optimiser, loss, rate, self.recipe.gradient_clip)
        self.lately = torch.lerp(self.lately, loss.detach(), 0.05)

    def _loss(self, features: Tensor, references: References, share: float) -> Tensor:
        on_gpu = self.device.type == "cuda"
        if on_gpu:
            features = features.contiguous(memory_format=torch.channels_last)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=on_gpu):
            maps = self.network.maps(features)
        found = self.network.followed(maps.float())  # directions need more digits than bfloat16 has
        recipe, weight = self.recipe, self.recipe.tracking.activity_weight
        if recipe.loss == "tracking" and share >= self.config.warm_up_share:
            return self.tracking(found.directions, found.activity, references).total
        if recipe.loss == "mse":
            return slotwise_loss(found.directions, found.activity, references, weight)
        return permutation_invariant_loss(
            found.directions, found.activity, references, weight, per_frame=recipe.pit_per_frame
        )

    @torch.no_grad()
    def answers(self, features: Tensor, at_once: int = 50) -> tuple[np.ndarray, np.ndarray]:
        """Directions float32 (segments, frames, tracks, 3) and activity logits (segments, frames, tracks)."""
        self.network.eval()
        found = [self.network(part.to(self.device).float()) for part in features.split(at_once)]
        directions, activity = (torch.cat([getattr(f, name) for f in found]) for name in ("directions", "activity"))
        return directions.cpu().numpy(), activity.cpu().numpy()


def feature_scale(stock: MovingStock, size: int) -> tuple[Tensor, Tensor]:
    """Mean and deviation (7, 1, bands) of some batches."""
    values = torch.cat([stock.batch(size)[0] for _ in range(SCALE_BATCHES)])
    mean, deviation = values.mean(dim=(0, 2)), values.std(dim=(0, 2))
    return mean[:, None], deviation[:, None].clamp(min=1e-4)


def train_in_lockstep(
    learners: Mapping[str, Learner],
    stock: MovingStock,
    config: LockstepConfig,
    report: Callable[[int, float, bool], None],
    say: Callable[[str], None] = print,
    say_every_s: float = 10.0,
) -> int:
    """Train until config.seconds are over; returns the steps. report(step, share, last) is called now and then, and at the end.

    On a GPU the learners take a step side by side, and the next batch is made meanwhile: the recurrent layers of one leave
    most of it idle. A learner whose step fails is left out from there on, and the others go on; the last failure is raised
    where none is left.
    """
    mean, deviation = feature_scale(stock, config.batch_size)
    for learner in learners.values():
        learner.network.mean.copy_(mean)
        learner.network.deviation.copy_(deviation)
    clock, going = Clock(config.seconds), dict(learners)
    batch = stock.batch(config.batch_size)
    while (share := clock.share) < 1:
        for name, learner in list(going.items()):
            try:
                learner.start(batch, share)
            except RuntimeError as error:
                say(f"{name} is left out from step {clock.step}: {error}")
                del going[name]
                if not going:
                    raise
        following = stock.batch(config.batch_size)
        for learner in learners.values():
            learner.join()
        batch = following  # only now: the memory of the one before may be used anew
        clock.step += 1
        if clock.is_due("line", say_every_s):  # the only place where the host waits for the device
            losses = " ".join(f"{name} {learner.lately.item():.3f}" for name, learner in going.items())
            say(f"step {clock.step} of share {share:.3f}: {losses}")
        if clock.is_due("report", config.report_every_s):
            report(clock.step, share, False)
            clock.done("report")
    report(clock.step, 1.0, True)
    return clock.step
