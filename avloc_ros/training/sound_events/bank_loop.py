"""Trains a sound event network on a bank of scenes for a time of the clock, one GPU shared by several trainings.

No step waits for the device, and the rate falls with the share of the time that has passed, so that trainings which
run side by side end together, however fast the machine is.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from avloc_ros.training.limited_time import Clock, descend, rate_share, save_whole
from avloc_ros.training.sound_events.bank_batches import Batch

LARGEST_GRADIENT = 5.0
SMALLEST_DEVIATION = 1e-4


@dataclass(frozen=True)
class BankTime:
    """most_s: of the clock, all of it; warm_up: share of it in which the rate rises; validations: how many, spread evenly.

    of_processor: the time is that of the processor, for a CPU that is busy with other work too.
    """

    most_s: float
    learning_rate: float
    warm_up: float = 0.02
    validations: int = 8
    told_every_s: float = 10.0
    of_processor: bool = False

    def rate(self, share: float) -> float:
        """The learning rate when a share of the time has passed: a rise in a line, then half a cosine down to 0."""
        return self.learning_rate * rate_share(share, self.warm_up)


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
    clock = Clock(plan.most_s, of_processor=plan.of_processor)
    best, last, done, recent = math.inf, math.nan, 0, None
    network.train()
    for step in itertools.count():
        share = clock.share
        if (due := min(int(share * plan.validations), plan.validations)) > done or share >= 1.0:
            last = validation_loss(network, loss_of, held_out)
            save_whole(rounded(network), out / f"{name}.last.pt")
            if last < best:
                best = last
                save_whole(rounded(network), out / f"{name}.best.pt")
            done = due
            tell(f"{name}: {clock.seconds:.0f} s, step {step}, validation loss {last:.4f}, best {best:.4f}")
        if share >= 1.0:
            return BankRun(step, best, last, clock.seconds)
        loss = loss_of(next(batches))
        descend(optimizer, loss, plan.rate(share), LARGEST_GRADIENT)
        recent = loss.detach() if recent is None else recent.lerp(loss.detach(), 0.05)
        if clock.is_due("line", plan.told_every_s):
            tell(f"{name}: {clock.seconds:.0f} s, step {step + 1}, loss {recent.item():.4f}, rate {plan.rate(share):.2e}")
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
    """(mean, deviation) (channels, bins) of the features of `count` batches, on the device (features.spectra.scaler)."""
    total = squares = torch.zeros(())
    frames = 0
    for batch in itertools.islice(batches, count):
        values = features(batch["samples"]).double()  # (batch, channels, frames, bins)
        frames += values.shape[0] * values.shape[2]
        total, squares = total + values.sum((0, 2)).cpu(), squares + values.square().sum((0, 2)).cpu()
    mean = total / frames
    deviation = (squares / frames - mean.square()).clamp_min(0.0).sqrt().clamp_min(SMALLEST_DEVIATION)
    return mean.float(), deviation.float()


def rounded(network: nn.Module) -> dict[str, Tensor]:
    """The state dict with matrices of weights in 16 bits: copied into a network they are float32 again.

    What is scored, exported and shipped later has these rounded weights.
    """
    matrices = {name for name, value in network.named_parameters() if value.ndim > 1}
    return {name: value.half() if name in matrices else value for name, value in network.state_dict().items()}
