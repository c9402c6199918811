"""Trains a sound event network on a bank of scenes for a time of the clock, one GPU shared by several trainings.

No step waits for the device, and the rate falls with the share of the time that has passed, so that trainings which
run side by side end together, however fast the machine is.
"""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from avloc_ros.training.bank_batches import Batch

LARGEST_GRADIENT = 5.0
SMALLEST_DEVIATION = 1e-4


@dataclass(frozen=True)
class BankTime:
    """most_s: of the clock, all of it; warm_up: share of it in which the rate rises; validations: how many, spread evenly."""

    most_s: float
    learning_rate: float
    warm_up: float = 0.02
    validations: int = 8
    told_every_s: float = 10.0

    def rate(self, share: float) -> float:
        """The learning rate when a share of the time has passed: a rise in a line, then half a cosine down to 0."""
        if share < self.warm_up:
            return self.learning_rate * (share + 1e-3) / (self.warm_up + 1e-3)
        left = min(1.0, (share - self.warm_up) / (1.0 - self.warm_up))
        return self.learning_rate * (0.5 + 0.5 * math.cos(math.pi * left))


@dataclass(frozen=True)
class BankRun:
    """steps that were made, the smallest validation loss, that at the end, and seconds."""

    steps: int
    best: float
    last: float
    seconds: float


def train_on_bank(
    network: nn.Module,
    loss_of: Callable[[Batch], Tensor],
    batches: Iterator[Batch],
    held_out: Sequence[Batch],
    out: Path,
    name: str,
    plan: BankTime,
    tell: Callable[[str], None] = print,
) -> BankRun:
    """Train until the time is over; `out` gets NAME.best.pt (smallest validation loss) and NAME.last.pt, on the CPU.

    Both are replaced whole at each validation: whoever stops this loses what was learnt since. loss_of: of one batch.
    """
    parameters = [value for value in network.parameters() if value.requires_grad]
    fused = parameters[0].device.type == "cuda"
    optimizer = torch.optim.Adam(parameters, lr=plan.learning_rate, fused=fused)
    started = told = time.monotonic()
    best, last, done, recent = math.inf, math.nan, 0, None
    network.train()
    for step in itertools.count():
        passed_s = time.monotonic() - started
        share = passed_s / plan.most_s
        if (due := min(int(share * plan.validations), plan.validations)) > done or share >= 1.0:
            last = validation_loss(network, loss_of, held_out)
            save_whole(network, out / f"{name}.last.pt")
            if last < best:
                best = last
                save_whole(network, out / f"{name}.best.pt")
            done = due
            tell(f"{name}: {passed_s:.0f} s, step {step}, validation loss {last:.4f}, best {best:.4f}")
        if share >= 1.0:
            return BankRun(step, best, last, passed_s)
        for group in optimizer.param_groups:
            group["lr"] = plan.rate(share)
        loss = loss_of(next(batches))
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(parameters, LARGEST_GRADIENT)
        optimizer.step()
        recent = loss.detach() if recent is None else recent.lerp(loss.detach(), 0.05)
        if time.monotonic() - told > plan.told_every_s:
            told = time.monotonic()
            tell(f"{name}: {told - started:.0f} s, step {step + 1}, loss {recent.item():.4f}, rate {plan.rate(share):.2e}")
    raise AssertionError("unreachable")


@torch.no_grad()
def validation_loss(network: nn.Module, loss_of: Callable[[Batch], Tensor], held_out: Sequence[Batch]) -> float:
    """Mean of the losses of batches, the network evaluating meanwhile."""
    network.eval()
    value = torch.stack([loss_of(batch) for batch in held_out]).mean().item()
    network.train()
    return value


@torch.no_grad()
def bank_scaler(features: nn.Module, batches: Iterator[Batch], count: int = 8) -> tuple[Tensor, Tensor]:
    """(mean, deviation) (channels, bins) of the features of `count` batches, on the device (features.scaler)."""
    total = squares = torch.zeros(())
    frames = 0
    for batch in itertools.islice(batches, count):
        values = features(batch["samples"]).double()  # (batch, channels, frames, bins)
        frames += values.shape[0] * values.shape[2]
        total, squares = total + values.sum((0, 2)).cpu(), squares + values.square().sum((0, 2)).cpu()
    mean = total / frames
    deviation = (squares / frames - mean.square()).clamp_min(0.0).sqrt().clamp_min(SMALLEST_DEVIATION)
    return mean.float(), deviation.float()


def save_whole(network: nn.Module, path: Path) -> None:
    """The state dict on the CPU, matrices of weights in 16 bits; a file of that name is the old one or the new one, never a part.

    Copied into a network it is float32 again; what is scored, exported and shipped later has these rounded weights.
    """
    matrices = {name for name, value in network.named_parameters() if value.ndim > 1}
    state = {
        name: value.detach().to("cpu", torch.float16 if name in matrices else value.dtype, copy=True)
        for name, value in network.state_dict().items()
    }
    unfinished = path.with_suffix(".part")
    torch.save(state, unfinished)
    unfinished.rename(path)
