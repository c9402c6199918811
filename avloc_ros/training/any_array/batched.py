"""Training of the any-array networks where everything is on one device: mixtures, maps and networks, in large batches."""

from __future__ import annotations

import csv
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from avloc_ros.datasets.mixtures.any_array_batches import Batch, BatchMixer
from avloc_ros.features.inputs.any_array_layout import COLS, HOPS, ROWS
from avloc_ros.geometry import angles_from_direction, cell_centres, sphere_grid
from avloc_ros.models.any_array.batched_maps import BatchedMaps
from avloc_ros.models.any_array.maps import MaskedMaps
from avloc_ros.models.any_array.networks import AnyArrayNetworkConfig, ListeningNetwork, SphereNetwork
from avloc_ros.training.any_array.one_by_one import EVERY, MASK_LOSS, RISE_SHARE, VOICE_LOSS, WARM_FRAMES
from avloc_ros.training.any_array.scores import Answer, CellScores, frames_looked_at, score_probabilities
from avloc_ros.training.limited_time import Clock, RunningMean, rate_share, save_whole

AVERAGE_STAYS = 0.998  # in each step: the weights that are kept are a mean over about 500 steps
GRADIENT_CLIP = 5.0
WEIGHT_DECAY = 1e-3


@dataclass(frozen=True)
class BatchedPlan:
    """steps or most_seconds (0: no limit) end the training, whichever is over first; seconds between reports."""

    steps: int
    most_seconds: float
    rate: float
    pretrain_steps: int = 0
    validation_batches: int = 2
    report_every_s: float = 10.0
    keep_every_s: float = 45.0
    validate_every_s: float = 60.0


class AnyArrayNetworks(nn.Module):
    """Both networks and the arithmetic between them; named as in AnyArrayModule, which loads what this has learnt."""

    def __init__(self, config: AnyArrayNetworkConfig, frequencies_hz: np.ndarray, frames: int) -> None:
        super().__init__()
        self.listening, self.sphere = ListeningNetwork(config), SphereNetwork(config)
        self.maps = MaskedMaps(frequencies_hz, frames)
        self.config, self.frequencies_hz = config, frequencies_hz

    def listen(self, batch: Batch) -> tuple[Tensor, Tensor, Tensor]:
        """masks (examples, hops, LEARNT, BANDS), voice (examples, hops) logit, embedding (examples, hops, embedding)."""
        state = batch.levels.new_zeros(2, len(batch.levels), self.config.hidden)
        return self.listening(batch.levels, state)[:3]

    def look(self, batch: Batch, masks: Tensor, embedding: Tensor, at: Tensor) -> Tensor:
        """Logits (examples * n, ROWS, COLS) of the frames `at` (n,)."""
        batched = BatchedMaps(self.maps, torch.as_tensor(self.frequencies_hz))
        maps, facts = batched(batch.phases, masks, batch.positions_m, batch.pairs, batch.is_pair, at)
        heard = torch.cat([embedding[:, HOPS - 1 :: HOPS][:, at], facts], dim=2)
        return self.sphere(maps.flatten(0, 1), heard.flatten(0, 1))


def batched_targets(directions: Tensor, active: Tensor) -> Tensor:
    """1 in each cell within one cell width of an active talker: float32 (examples * frames, ROWS, COLS).

    directions (examples, talkers, 3), active bool (examples, talkers, frames). As training.any_array.one_by_one.cell_targets.
    """
    layout = sphere_grid(ROWS, COLS)
    azimuths, elevations = torch.as_tensor(
        cell_centres(layout).reshape(-1, 2).T, dtype=torch.float32, device=directions.device
    )
    azimuth = torch.atan2(directions[..., 1], directions[..., 0])[..., None]
    elevation = torch.asin(directions[..., 2].clamp(-1, 1))[..., None]
    apart = torch.remainder(azimuths - azimuth + math.pi, 2 * math.pi) - math.pi
    near = (apart.abs() * elevation.cos() <= layout.u_step) & ((elevations - elevation).abs() <= layout.v_step)
    talkers = torch.einsum("ekf,ekc->efc", active.float(), near.float())  # (examples, frames, cells)
    return (talkers > 0).float().flatten(0, 1).unflatten(1, (ROWS, COLS))


def batched_losses(networks: AnyArrayNetworks, batch: Batch, at: Tensor | None) -> dict[str, Tensor]:
    """Mean losses of a batch, as AnyArrayModule.losses has them; at: frames whose cells count, or None for no cells."""
    masks, voice, embedding = networks.listen(batch)
    anybody = batch.active.any(1).repeat_interleave(HOPS, 1).float()
    mask_loss = functional.binary_cross_entropy(masks[:, :, 0], batch.voice_share)
    voice_loss = functional.binary_cross_entropy_with_logits(voice, anybody)
    loss = MASK_LOSS * mask_loss + VOICE_LOSS * voice_loss
    result = {"mask": mask_loss, "voice": voice_loss}
    if at is not None:
        target = batched_targets(batch.directions, batch.active[:, :, at])
        logits = networks.look(batch, masks, embedding, at)
        cells = functional.binary_cross_entropy_with_logits(logits, target, reduction="sum") / len(target)
        result["cells"] = cells
        loss = loss * 0.25 + cells
    return result | {"loss": loss}


def train_batched(
    networks: AnyArrayNetworks,
    training: BatchMixer,
    validation: BatchMixer,
    plan: BatchedPlan,
    out: Path,
    seed: int,
    report: Callable[[str], None],
) -> Path:
    """Train on the device of `networks`; returns the file of the best averaged weights (out/best.pt; out/last.pt, too).

    While the bank of training rooms is not full, each step adds one.
    """
    device = training.rooms.device
    torch.set_float32_matmul_precision("high")
    rng, noise = np.random.default_rng([seed, 3]), torch.Generator(device).manual_seed(seed)
    averaged = RunningMean(networks, AVERAGE_STAYS)
    optimizer = torch.optim.AdamW(
        networks.parameters(), plan.rate, weight_decay=WEIGHT_DECAY, fused=device.type == "cuda"
    )
    clock = Clock(plan.most_seconds, plan.steps)
    out.mkdir(parents=True, exist_ok=True)
    best = _judge(averaged.mean, validation, plan, clock, out, -1.0, report)  # what it starts from may be good already
    spoilt = torch.zeros((), dtype=torch.int64, device=device)  # steps with a gradient that was not finite
    while clock.share < 1.0:
        if not training.rooms.full:
            training.rooms.add()
        losses = _learn_from(networks, optimizer, training.batch(rng, noise), plan, clock, rng)
        spoilt += mend_gradients(networks)
        nn.utils.clip_grad_norm_(networks.parameters(), GRADIENT_CLIP)
        optimizer.step()
        averaged.update(networks)
        clock.step += 1
        if clock.is_due("report", plan.report_every_s) or clock.step == 1:
            report(_line(clock, losses, training, int(spoilt)))
        if clock.is_due("keep", plan.keep_every_s) or clock.step == 1:
            save_whole(averaged.mean.state_dict(), out / "last.pt")
        if clock.is_due("validate", plan.validate_every_s):
            best = _judge(averaged.mean, validation, plan, clock, out, best, report)
    save_whole(averaged.mean.state_dict(), out / "last.pt")
    _judge(averaged.mean, validation, plan, clock, out, best, report)
    return out / "best.pt"


def _learn_from(
    networks: AnyArrayNetworks, optimizer: torch.optim.Optimizer, batch: Batch, plan: BatchedPlan, clock: Clock,
    rng: np.random.Generator,
) -> dict[str, Tensor]:  # fmt: skip
    networks.train()
    for group in optimizer.param_groups:
        group["lr"] = plan.rate * rate_share(clock.share, RISE_SHARE)
    frames = batch.active.shape[-1]
    at = torch.arange(WARM_FRAMES + int(rng.integers(EVERY)), frames, EVERY, device=batch.levels.device)
    losses = batched_losses(networks, batch, at if clock.step >= plan.pretrain_steps else None)
    optimizer.zero_grad(set_to_none=True)
    losses["loss"].backward()
    return {name: loss.detach() for name, loss in losses.items()}


def mend_gradients(networks: nn.Module) -> Tensor:
    """Set what is not finite to 0, for one bad example in thousands must not end a training; bool (), whether there was any."""
    gradients = [parameter.grad for parameter in networks.parameters() if parameter.grad is not None]
    was_spoilt = ~torch.stack([gradient.isfinite().all() for gradient in gradients]).all()
    for gradient in gradients:
        gradient.nan_to_num_(0.0, 0.0, 0.0)
    return was_spoilt


@torch.no_grad()
def validate(networks: AnyArrayNetworks, validation: BatchMixer, batches: int) -> tuple[CellScores, float]:
    """Scores of peaks on the same batches every time, and their mean loss."""
    networks.eval()
    losses: list[Tensor] = []
    scores = score_probabilities(_answers(networks, validation, batches, losses))
    return scores, float(torch.stack(losses).mean())


def _answers(
    networks: AnyArrayNetworks, validation: BatchMixer, batches: int, losses: list[Tensor]
) -> Iterator[Answer]:
    rng, noise = np.random.default_rng(7), torch.Generator(validation.rooms.device).manual_seed(7)
    looked_at = frames_looked_at(validation.frames)
    at = torch.as_tensor(looked_at, device=validation.rooms.device)
    for _ in range(batches):
        batch = validation.batch(rng, noise)
        masks, _, embedding = networks.listen(batch)
        logits = networks.look(batch, masks, embedding, at)
        target = batched_targets(batch.directions, batch.active[:, :, at])
        losses.append(functional.binary_cross_entropy_with_logits(logits, target, reduction="sum") / len(target))
        probability = torch.sigmoid(logits).unflatten(0, (-1, len(at))).cpu().numpy()
        azimuths, _ = angles_from_direction(batch.directions.cpu().numpy())
        active = batch.active[:, :, at].cpu().numpy()
        yield from zip(probability, azimuths, active, strict=True)


def _judge(
    averaged: AnyArrayNetworks, validation: BatchMixer, plan: BatchedPlan, clock: Clock, out: Path, best: float,
    report: Callable[[str], None],
) -> float:  # fmt: skip
    """Validate, write down, keep what is best so far; the best F1."""
    scores, loss = validate(averaged, validation, plan.validation_batches)
    facts = {"seconds": round(clock.seconds, 1), "step": clock.step, "val_cells": round(loss, 3), **scores.facts()}
    report("validation " + " ".join(f"{name}={value}" for name, value in facts.items()))
    curve = out / "validation.csv"
    new = not curve.is_file()
    with curve.open("a", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(facts))
        if new:
            writer.writeheader()
        writer.writerow(facts)
    f1 = float(scores.facts()["f1"])
    if f1 > best:
        save_whole(averaged.state_dict(), out / "best.pt")
    return max(best, f1)


def _line(clock: Clock, losses: dict[str, Tensor], training: BatchMixer, spoilt: int) -> str:
    values = " ".join(f"{name}={float(loss):.3f}" for name, loss in losses.items())
    examples = clock.step * training.examples
    return f"{clock.seconds:.0f} s, step {clock.step}, {examples} examples, {training.rooms.count} rooms: {values}" + (
        f"; gradients not finite in {spoilt} steps, there taken as 0" if spoilt else ""
    )
