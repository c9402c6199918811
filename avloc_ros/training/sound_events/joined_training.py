"""A network with eyes that point, made of an ear that is trained already: affordable on a core of a CPU.

First the eyes learn alone (eyes_training), then what joins them to the ear: the pointing, and fusion, head and glimpse
where there is time for them. The ear's encoder and the eyes stay as they are meanwhile: what they say of the bank is computed
once.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from avloc_ros.losses.adpit import adpit_loss
from avloc_ros.models.sound_events.av_seld import AvSeld
from avloc_ros.training.limited_time import Clock
from avloc_ros.training.sound_events.av_seld import make_network
from avloc_ros.training.sound_events.bank_batches import Batch
from avloc_ros.training.sound_events.bank_labels import batched_adpit
from avloc_ros.training.sound_events.bank_loop import BankRun, train_on_bank
from avloc_ros.training.sound_events.bank_training import BankPlace, note_training
from avloc_ros.training.sound_events.eyes_on_ear import KeptMaps, heard_chunks, kept_batch, kept_batches
from avloc_ros.training.sound_events.eyes_training import train_eyes_on_bank
from avloc_ros.training.sound_events.recipes import AvSeldRecipe
from avloc_ros.types import InputError

JOINED_RATE = 1e-3


@dataclass(frozen=True)
class JoinedPlan:
    """ear: network.pt of the recipe without eyes. eyes_share: of the time, in which the eyes learn alone; eyes: weights of a
    training in which they did, for the same time. scenes: how many are heard, 0: all; passes: how often each, turned otherwise.
    whole: fusion, head and glimpse learn too, not the pointing alone. seeing: false leaves the eyes closed, for comparison.
    """

    ear: Path
    eyes: Path | None = None
    eyes_share: float = 0.5
    scenes: int = 0
    passes: int = 2
    batch_size: int = 16
    whole: bool = True
    seeing: bool = True


def train_joined_on_bank(recipe: AvSeldRecipe, place: BankPlace, plan: JoinedPlan) -> BankRun:
    """Leaves eyes.*.pt, network.best.pt and network.last.pt in the place's folder; time is that of the processor.

    Raises InputError where the recipe's eyes do not point, or the ear is that of another recipe.
    """
    clock = Clock(place.time.most_s, of_processor=True)
    torch.manual_seed(place.seed)
    network = with_ear(recipe, plan.ear)
    assert network.seeing is not None
    alone = replace(place.time, most_s=place.time.most_s * plan.eyes_share)
    runs: dict[str, BankRun] = {}
    if plan.eyes is not None:
        network.seeing.eyes.load_state_dict(torch.load(plan.eyes, weights_only=True))
    elif plan.seeing:
        runs["eyes"] = train_eyes_on_bank(recipe, place.bank, place.held_out, place.out, place.seed, alone, place.tell)
        network.seeing.eyes.load_state_dict(torch.load(place.out / "eyes.last.pt", weights_only=True))
    rest_of_it = [network.fusion, network.head, *([network.seeing.glimpse] if plan.seeing else [])]
    learning = (rest_of_it if plan.whole else []) + ([network.seeing.pointing] if plan.seeing else [])
    network.requires_grad_(False)
    for part in learning:
        part.requires_grad_(True)
    network.eval()
    scenes, others = place.bank.shape.kept[: plan.scenes or None], place.held_out.shape.kept
    chunks = heard_chunks(network, recipe, place.bank, scenes, plan.passes, place.seed)
    held_out = heard_chunks(network, recipe, place.held_out, others, 0, place.seed)
    maps = KeptMaps(network.seeing, place.bank, scenes, recipe.chunks)
    held_out_maps = KeptMaps(network.seeing, place.held_out, others, recipe.chunks)
    kept = [kept_batch(held_out, held_out_maps, part) for part in torch.arange(len(held_out.scenes)).split(plan.batch_size)]

    def loss_of(batch: Batch) -> Tensor:
        network.eval()  # normalised as the ear learnt it: by the statistics of small batches it gets worse
        vectors = network.told_seeing(batch["embeddings"], batch["logits"], batch["places"])
        return adpit_loss(vectors, batched_adpit(batch["directions"], batch["classes"], recipe.classes))

    earlier_s = 0.0 if plan.eyes is None else alone.most_s
    left_s = max(1e-3, place.time.most_s - earlier_s - clock.seconds)
    rest = replace(place.time, most_s=left_s, learning_rate=JOINED_RATE)
    batches = kept_batches(chunks, maps, plan.batch_size, place.seed)
    runs["network"] = train_on_bank(network, loss_of, batches, kept, place.out, "network", rest, place.tell)
    note_training(recipe, "av_seld", place, runs, earlier_s + clock.seconds)
    return runs["network"]


def with_ear(recipe: AvSeldRecipe, ear: Path) -> AvSeld:
    """The recipe's network with the weights of an ear alone: it says what that ear says, whatever it sees.

    Raises InputError where the recipe's eyes do not point, or the ear is that of another recipe.
    """
    if recipe.network.visual != "seen":
        raise InputError(f"recipe '{recipe.name}' has network.visual {recipe.network.visual}: eyes that are joined are `seen`")
    network = make_network(recipe)
    assert isinstance(network, AvSeld)
    weights, own = torch.load(ear, weights_only=True), network.state_dict()
    wrong = [name for name, value in weights.items() if name not in own or own[name].shape != value.shape]
    missing = [name for name in own if name not in weights and not name.startswith("seeing.")]
    if wrong or missing:
        raise InputError(f"{ear} is no ear of recipe '{recipe.name}': {(wrong + missing)[0]} does not fit")
    network.load_state_dict(own | weights)
    return network
