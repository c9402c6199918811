"""Questions for models.sound_events.direction_query, drawn on the device: where an event is, beside it, mirrored, or anywhere."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from avloc_ros.training.sound_events.bank_batches import Batch

EVENTS, ELSEWHERE = 3, 3  # questions per chunk of either kind
HEARD_DEG, UNHEARD_DEG = 17.0, 30.0  # an event this near is heard from a direction, one farther than that is not; between: either
SHAKE_DEG, WOBBLE_DEG = 12.0, 2.0  # of a whole path, and of each label frame
BESIDE_DEG = (20.0, 60.0)
LOWEST_RAD, HIGHEST_RAD = -0.6, 0.8  # elevation of directions that are drawn anywhere
PAIR_WEIGHT = 4.0  # how much rather a label frame with two of one class is asked about
JUMPS = 0.25  # share of the questions that go over to another direction on the way
TOLD, TOLD_IN_VAIN = 0.85, 0.15  # share of the right and of the wrong questions that count as told to the others
SLACK = 3  # label frames that a told direction lasts longer than its event


def drawn_questions(batch: Batch, count: int, chance: torch.Generator, elsewhere: int = ELSEWHERE) -> Batch:
    """samples, asked (batch, questions, frames, 3), rivals (batch, questions, frames), heard and counts (batch, questions,
    frames, classes): whether a class sounds there, and whether that is clear.

    elsewhere: how many of the ELSEWHERE kinds of other questions are asked about a chunk, drawn anew for each.
    batch: directions (batch, frames, slots, 3), classes and sources (batch, frames, slots), a slot of class `count` is empty.
    """
    draw = _Draw(chance)
    there = batch["classes"] < count
    weights = there.float() * (1.0 + (PAIR_WEIGHT - 1.0) * _has_pair(batch["classes"], count)[..., None])
    paths, present = [], []
    for _ in range(EVENTS):
        path, active, same = _path(batch, there, weights, chance)
        weights = weights * ~same
        paths.append(path)
        present.append(active)
    events = torch.stack(paths, 1)  # (batch, EVENTS, frames, 3)
    active = torch.stack(present, 1)  # (batch, EVENTS, frames)
    size, frames = len(events), events.shape[2]
    which = torch.randint(EVENTS, (2, size, 1, 1, 1), generator=chance, device=events.device)
    chosen = [events.gather(1, one.expand(-1, 1, frames, 3)) for one in which]
    beside = turned_aside(chosen[0], draw.between(*BESIDE_DEG, (size, 1, 1)), draw.normal((size, 1, 1, 3)))
    signs = 1.0 - 2.0 * torch.randint(2, (size, 1, 1, 3), generator=chance, device=events.device)
    mirrored = chosen[1] * torch.where((signs > 0).all(3, keepdim=True), -1.0, signs)
    azimuth, elevation = draw.between(-math.pi, math.pi, (size, 1)), draw.between(LOWEST_RAD, HIGHEST_RAD, (size, 1))
    level = elevation.cos()
    anywhere = torch.stack([azimuth.cos() * level, azimuth.sin() * level, elevation.sin()], 2)  # (batch, 1, 3)
    anywhere = anywhere[:, :, None].expand(-1, -1, frames, -1)
    others = torch.cat([beside, mirrored, anywhere], 1)
    if elsewhere < ELSEWHERE:
        kinds = draw.uniform((size, ELSEWHERE)).argsort(1)[:, :elsewhere, None, None]
        others = others.gather(1, kinds.expand(-1, -1, frames, 3))
    asked = torch.cat([events, others], 1)
    questions = EVENTS + elsewhere
    asked = turned_aside(asked, draw.between(0.0, SHAKE_DEG, (size, questions, 1)), draw.normal((size, questions, 1, 3)))
    wobble = draw.normal((size, questions, frames)).abs() * WOBBLE_DEG
    asked = turned_aside(asked, wobble, draw.normal((size, questions, frames, 3)))
    lasts = torch.nn.functional.max_pool1d(active.float(), 2 * SLACK + 1, 1, SLACK)
    lasts = torch.cat([lasts, torch.ones_like(lasts[:, :1]).expand(-1, elsewhere, -1)], 1)
    share = torch.tensor([TOLD] * EVENTS + [TOLD_IN_VAIN] * elsewhere, device=asked.device)
    rivals = (draw.uniform((size, questions)) < share)[..., None] * lasts
    on = 1 + (draw.uniform((size, questions)) * (questions - 1)).long()
    other = (torch.arange(questions, device=asked.device) + on) % questions
    jumps = draw.uniform((size, questions, 1)) < JUMPS
    after = jumps & (torch.arange(frames, device=asked.device) > draw.uniform((size, questions, 1)) * frames)
    rows = torch.arange(size, device=asked.device)[:, None]
    asked = torch.where(after[..., None], asked[rows, other], asked)
    rivals = torch.where(after, rivals[rows, other], rivals)
    heard, counts = answers(asked, batch, count)
    return {"samples": batch["samples"], "asked": asked, "rivals": rivals, "heard": heard, "counts": counts}


def answers(
    asked: Tensor, batch: Batch, count: int, heard_deg: float = HEARD_DEG, unheard_deg: float = UNHEARD_DEG
) -> tuple[Tensor, Tensor]:
    """heard and counts, see drawn_questions, of directions asked (batch, questions, frames, 3)."""
    cosines = torch.einsum("bqfi,bfsi->bqfs", asked, batch["directions"])
    classes = batch["classes"][:, None].expand(cosines.shape)
    nearest = cosines.new_full((*cosines.shape[:3], count + 1), -2.0).scatter_reduce(3, classes, cosines, "amax")[..., :count]
    heard = nearest > math.cos(math.radians(heard_deg))
    return heard.float(), (heard | (nearest < math.cos(math.radians(unheard_deg)))).float()


def turned_aside(directions: Tensor, angle_deg: Tensor, towards: Tensor) -> Tensor:
    """Directions (..., 3) turned by angles (...) to the side on which vectors `towards` (..., 3) lie."""
    side = towards - (towards * directions).sum(-1, keepdim=True) * directions
    side = side / side.norm(dim=-1, keepdim=True).clamp_min(1e-6)
    angle = torch.deg2rad(angle_deg)[..., None]
    return angle.cos() * directions + angle.sin() * side


class _Draw:
    """Random numbers of one generator on its device."""

    def __init__(self, chance: torch.Generator) -> None:
        self.chance = chance

    def uniform(self, size: tuple[int, ...]) -> Tensor:
        return torch.rand(size, generator=self.chance, device=self.chance.device)

    def between(self, low: float, high: float, size: tuple[int, ...]) -> Tensor:
        return low + (high - low) * self.uniform(size)

    def normal(self, size: tuple[int, ...]) -> Tensor:
        return torch.randn(size, generator=self.chance, device=self.chance.device)


def _has_pair(classes: Tensor, count: int) -> Tensor:
    """Whether two events of a label frame are of one class (batch, frames)."""
    slots = classes.shape[2]
    same = (classes[..., :, None] == classes[..., None, :]) & (classes < count)[..., None]
    return (same & torch.ones(slots, slots, dtype=torch.bool, device=classes.device).tril(-1)).any(3).any(2).float()


def _path(batch: Batch, there: Tensor, weights: Tensor, chance: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
    """Of an event that is drawn by its cells: its path (batch, frames, 3), where it ends standing still; whether it sounds
    (batch, frames); which cells are its (batch, frames, slots). Where there is none: straight ahead, never, none.
    """
    cell = torch.multinomial(weights.flatten(1) + 1e-6 * there.flatten(1) + 1e-12, 1, generator=chance)  # (batch, 1)
    source = batch["sources"].flatten(1).gather(1, cell)[..., None]
    found = there.flatten(1).gather(1, cell)[..., None]
    same = (batch["sources"] == source) & there & found  # (batch, frames, slots)
    active = same.any(2)
    own = (batch["directions"] * same[..., None]).sum(2)
    frames = torch.arange(active.shape[1], device=active.device)
    away = (frames[:, None] - frames).abs() + 1000 * ~active[:, None, :]
    path = own.gather(1, away.argmin(2)[..., None].expand_as(own))
    ahead = torch.tensor([1.0, 0.0, 0.0], device=path.device).expand_as(path)
    return torch.where(found, path, ahead), active, same
