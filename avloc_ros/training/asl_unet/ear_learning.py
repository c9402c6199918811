"""Learning one part of a trained asl_unet alone, an ear: the rest stays as it is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from avloc_ros.config import setting
from avloc_ros.models.asl_unet.config import SpeakerUNetConfig
from avloc_ros.models.asl_unet.network import SpeakerUNet
from avloc_ros.training.limited_time import RunningMean, descend, rate_share
from avloc_ros.types import InputError

SAID_EVERY = 100  # steps


@dataclass(frozen=True)
class EarSteps:
    """How long and how fast an ear learns."""

    steps: int = setting(1000, "of batch_size moments", low=1)
    batch_size: int = setting(64, "moments per step", low=2)
    learning_rate: float = setting(0.004, "largest of AdamW, falling along a cosine", low=1e-7, high=1.0)
    rising: float = setting(0.0, "share of the steps in which it rises first", low=0.0, high=0.5)
    largest_gradient: float = setting(0.0, "norm that all gradients together are cut to; 0: any", low=0.0)
    weight_decay: float = setting(0.02, "of AdamW", low=0.0, high=1.0)
    average: float = setting(0.99, "of the running mean that is kept, what stays of it in each step", low=0.0, high=0.9999)


def with_fresh(part: str, weights: dict[str, Tensor], config: SpeakerUNetConfig) -> SpeakerUNet:
    """A network of a config with trained weights in all but a part, `wearer` or `directions`, which is fresh.

    Raises InputError where the weights are of another config.
    """
    network, prefix = SpeakerUNet(config), f"{part}."
    rest = {name: value for name, value in weights.items() if not name.startswith(prefix)}
    own = {name: value for name, value in network.state_dict().items() if not name.startswith(prefix)}
    if set(rest) != set(own) or any(rest[name].shape != own[name].shape for name in own):
        raise InputError("these weights are not those of this network: give the asl_unet.pt and the card of one run")
    network.load_state_dict(rest, strict=False)
    return network


def learn(ear: nn.Module, loss: Callable[[], Tensor], recipe: EarSteps, say: Callable[[str], None]) -> None:
    """Learn an ear in place from the loss of one batch after the other: in the end its weights are running means over steps."""
    ear.train()
    averaged, heard = RunningMean(ear, recipe.average), 0.0
    optimizer = torch.optim.AdamW(ear.parameters(), recipe.learning_rate, weight_decay=recipe.weight_decay)
    for step in range(recipe.steps):
        found = loss()
        rate = recipe.learning_rate * rate_share(step / recipe.steps, recipe.rising)
        descend(optimizer, found, rate, recipe.largest_gradient)
        averaged.update(ear)
        heard += float(found.detach())
        if (step + 1) % SAID_EVERY == 0:
            say(f"step {step + 1}: mean loss {heard / SAID_EVERY:.3f}")
            heard = 0.0
    ear.load_state_dict(averaged.mean.state_dict())
