"""models.sound_events.direction_query goes on to learn at the questions that systems ask of it (path_questions)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

from avloc_ros.models.sound_events.direction_query import DirectionQuery
from avloc_ros.training.limited_time import Clock, descend
from avloc_ros.training.sound_events.bank_batches import Batch
from avloc_ros.training.sound_events.bank_loop import LARGEST_GRADIENT, BankTime
from avloc_ros.training.sound_events.batched_features import BatchedStft
from avloc_ros.training.sound_events.direction_query import DirectionQueryRecipe

RECENT = 0.03  # of a step in the loss that is told


def tune_direction_query(
    network: DirectionQuery,
    recipe: DirectionQueryRecipe,
    batches: Iterator[Batch],
    plan: BankTime,
    tell: Callable[[str], None] = print,
) -> int:
    """Changes the network in place; how many steps it made. Its normalisation stays: hard questions are not like all."""
    foa = recipe.features
    stft = BatchedStft(foa.fft_length, foa.window_length, foa.hop_length)
    network.train()
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.eval()
    optimizer = torch.optim.Adam(network.parameters(), lr=plan.learning_rate)
    clock, recent = Clock(plan.most_s, of_processor=plan.of_processor), 0.0
    while (share := clock.share) < 1.0:
        batch = next(batches)
        with torch.no_grad():
            spectra = stft(batch["samples"])[:, :, : batch["asked"].shape[2] * recipe.analysis_frames]
            evidence = network.evidence(
                torch.cat([spectra.real, spectra.imag], 1), batch["asked"], batch["rivals"]
            )
        losses = binary_cross_entropy_with_logits(
            network.of_evidence(evidence), batch["heard"], reduction="none"
        )
        loss = (losses * batch["counts"]).sum() / batch["counts"].sum()
        descend(optimizer, loss, plan.rate(share), LARGEST_GRADIENT)
        recent += (RECENT if clock.step else 1.0) * (loss.item() - recent)
        clock.step += 1
        if clock.is_due("line", plan.told_every_s):
            tell(f"{clock.seconds:.0f} s, step {clock.step}, loss {recent:.4f}")
    network.eval()
    return clock.step


def between(
    before: Mapping[str, Tensor], after: Mapping[str, Tensor], share: float = 0.5
) -> dict[str, Tensor]:
    """Weights on the way from those before to those after: half way a network still knows the many drawn questions."""
    return {
        name: torch.lerp(value.float(), after[name].float(), share) if value.is_floating_point() else value
        for name, value in before.items()
    }
