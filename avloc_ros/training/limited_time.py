"""Training within a limit of time: the share of it that is over, the learning rate by that share, what is kept meanwhile."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Generic, TypeVar

import torch
from torch import Tensor, nn

LOWEST_RISE = 0.02  # of the largest learning rate, at the first step
Network = TypeVar("Network", bound=nn.Module)


class Clock:
    """How far a training has come, by the time since this was made or by its steps, and what is due when.

    most_s, most_steps: whichever is over first ends it; 0: no limit. `step` is counted by who trains.
    of_processor: the time is what this process computed, however busy the machine is with other work.
    """

    def __init__(self, most_s: float, most_steps: float = 0, of_processor: bool = False) -> None:
        self.most_s, self.most_steps, self.step = most_s, most_steps, 0
        self._now_s = time.process_time if of_processor else time.monotonic
        self._start_s = self._now_s()
        self._last_s: dict[str, float] = {}

    @property
    def seconds(self) -> float:
        """Since the start."""
        return self._now_s() - self._start_s

    @property
    def share(self) -> float:
        """What is over, 0 to 1."""
        of_time = self.seconds / self.most_s if self.most_s else 0.0
        of_steps = self.step / self.most_steps if self.most_steps else 0.0
        return min(1.0, max(of_time, of_steps))

    def is_due(self, what: str, every_s: float) -> bool:
        """Whether `every_s` have passed since `what` was due or done, or since the start; if so, it counts anew."""
        due = self.seconds - self._last_s.get(what, 0.0) >= every_s
        if due:
            self.done(what)
        return due

    def done(self, what: str) -> None:
        """Count anew for `what`, which took a while, so that it leaves time for the training."""
        self._last_s[what] = self.seconds


def rate_share(share: float, rise_share: float = 0.0) -> float:
    """Of the largest learning rate when a share of the training is over: up along a line, down along half a cosine to 0."""
    if share < rise_share:
        return max(LOWEST_RISE, share / rise_share)
    return 0.5 * (1 + math.cos(math.pi * min(1.0, (share - rise_share) / (1 - rise_share))))


def descend(optimizer: torch.optim.Optimizer, loss: Tensor, rate: float, largest_gradient: float = 0.0) -> None:
    """One step down a loss at a learning rate; largest_gradient: norm that all gradients together are cut to, 0: any."""
    for group in optimizer.param_groups:
        group["lr"] = rate
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    if largest_gradient:
        parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
        nn.utils.clip_grad_norm_(parameters, largest_gradient)
    optimizer.step()


class RunningMean(Generic[Network]):
    """The running mean of a module's parameters and of the statistics of its normalisation, over steps.

    stays: what stays of the mean in each step; less in the first ones, so that the first weights are soon forgotten.
    """

    def __init__(self, module: Network, stays: float) -> None:
        self.mean, self.stays = copy.deepcopy(module).eval(), stays
        self._steps = 0

    @torch.no_grad()
    def update(self, module: Network) -> None:
        """Take in the module's present values."""
        self._steps += 1
        weight = 1 - min(self.stays, self._steps / (self._steps + 10))
        own, new = ([v for v in m.state_dict().values() if v.is_floating_point()] for m in (self.mean, module))
        torch._foreach_lerp_(own, new, weight)


def save_whole(weights: Mapping[str, Tensor], path: Path) -> None:
    """Weights on the CPU as a file that is the old one or the new one, never a part, whenever the training is stopped."""
    unfinished = path.with_name(path.name + ".part")
    torch.save({name: value.detach().cpu() for name, value in weights.items()}, unfinished)
    unfinished.replace(path)


def chosen_device(name: str) -> torch.device:
    """What `--device` means: auto is a GPU where there is one."""
    return torch.device("cuda" if name in ("gpu", "cuda") or (name == "auto" and torch.cuda.is_available()) else "cpu")


def device_name(device: torch.device) -> str:
    """Of the GPU, or "cpu"."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else device.type
