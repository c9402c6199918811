"""From histories of tracks to the weights of the speaking network: learning, threshold, file."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from avloc_ros.config import setting
from avloc_ros.models.speaking.network import Judge, SpeakingNetwork, SpeakingNetworkConfig
from avloc_ros.runtime.speaking_network import NAME
from avloc_ros.tracking.talk_facts import EVEN_READABLE, FACTS
from avloc_ros.training.cards import Provenance, write_weights
from avloc_ros.training.limited_time import RunningMean, descend, rate_share
from avloc_ros.training.onnx_export import export_onnx, largest_difference
from avloc_ros.training.speaking.histories import History, RecordingHistories
from avloc_ros.types import InputError

THRESHOLDS = np.round(np.arange(0.2, 0.81, 0.02), 2)
EVEN_RECALL = 0.002  # frame recalls this near to the best are as good
CHOICE = "of 0.2 .. 0.8 the nearest to 0.5 whose frame recall on validation scenes is within 0.002 of the best"
UNSEEN_WEIGHT = 0.2  # of moments in which a track is not reported, whoever speaks
AVERAGE_STAYS = 0.98  # in each step
RISE_SHARE = 0.05
GRADIENT_CLIP = 1.0
MOUTH_FACTS = {"mouth": 0.0, "is_mouth_known": 0.0, "others_mouth": 0.0, "readable": EVEN_READABLE}  # where none is seen


@dataclass(frozen=True)
class SpeakingRecipe:
    """Everything that makes the network."""

    name: str = setting(NAME, "name of the weights")
    epochs: int = setting(30, "passes over all tracks", low=1, high=10000)
    batch: int = setting(32, "tracks of one step", low=1, high=10000)
    learning_rate: float = setting(4e-3, "the highest; it falls as a cosine", low=1e-6, high=1.0)
    weight_decay: float = setting(1e-2, "of AdamW", low=0.0, high=1.0)
    slow_share: float = setting(0.25, "tracks of which every second moment is shown, as of a slower camera", low=0.0, high=1.0)
    mouthless_share: float = setting(0.15, "tracks without what mouths tell", low=0.0, high=1.0)
    network: SpeakingNetworkConfig = field(default_factory=SpeakingNetworkConfig)


@dataclass(frozen=True)
class Batch:
    """Tracks of unlike lengths, filled up behind: facts (tracks, moments, FACTS), speaks and weight (tracks, moments)."""

    facts: Tensor
    speaks: Tensor
    weight: Tensor


def train_speaking(
    recipe: SpeakingRecipe, training: Sequence[RecordingHistories], validation: Sequence[RecordingHistories], out: Path,
    seed: int, provenance: Provenance, systems: tuple[str, str],
) -> Path:  # fmt: skip
    """Learn, choose the threshold, and write the network with its card; the file.

    systems: of the ear and of the fusion that the histories are of.
    """
    started = time.perf_counter()
    network = learn(recipe, histories_in(training), seed)
    judged, chain = speaking_probabilities(network, validation), chain_probabilities(validation)
    threshold = best_threshold(validation, judged)
    facts = {
        "frame_recall": round(frame_recall(validation, judged, threshold), 4),
        "frame_recall_of_the_chain": round(frame_recall(validation, chain, 0.5), 4),
        "loss": round(cross_entropy(validation, judged), 4),
        "loss_of_the_chain": round(cross_entropy(validation, chain), 4),
        "scenes": len(validation),
    }
    card = {
        "threshold": threshold,
        "threshold_choice": CHOICE,
        "ear": systems[0],
        "fusion": systems[1],
        "metrics": {"validation": facts},
        "training": {"seconds": round(time.perf_counter() - started, 1), "tracks": len(histories_in(training))},
    }
    return write_speaking(network, recipe, out, card, provenance)


def histories_in(recordings: Sequence[RecordingHistories]) -> list[History]:
    """Of all recordings."""
    return [history for recording in recordings for history in recording.histories]


def best_threshold(recordings: Sequence[RecordingHistories], probabilities: Sequence[Sequence[np.ndarray]]) -> float:
    """See CHOICE: a probability of one half means what it says, unless another decides clearly better."""
    recalls = np.array([frame_recall(recordings, probabilities, threshold) for threshold in THRESHOLDS])
    good = THRESHOLDS[recalls >= recalls.max() - EVEN_RECALL]
    return float(good[np.argmin(np.abs(good - 0.5))])


def learn(recipe: SpeakingRecipe, histories: Sequence[History], seed: int) -> SpeakingNetwork:
    """The network after all epochs, its weights averaged over the last steps. Raises InputError without any track."""
    if not histories:
        raise InputError("no track was found in the recordings: there is nothing to learn from")
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    network = SpeakingNetwork(len(FACTS), recipe.network)
    network.standardise(torch.as_tensor(np.concatenate([history.facts for history in histories])))
    averaged = RunningMean(network, AVERAGE_STAYS)
    optimizer = torch.optim.AdamW(network.parameters(), recipe.learning_rate, weight_decay=recipe.weight_decay)
    steps, step = recipe.epochs * -(-len(histories) // recipe.batch), 0
    for _ in range(recipe.epochs):
        for batch in _batches(recipe, histories, rng):
            network.train()
            rate = recipe.learning_rate * rate_share(step / steps, RISE_SHARE)
            descend(optimizer, loss_of(network, batch), rate, GRADIENT_CLIP)
            averaged.update(network)
            step += 1
    return averaged.mean.eval()


def loss_of(network: SpeakingNetwork, batch: Batch) -> Tensor:
    """Mean cross-entropy per moment."""
    logits, _ = network(batch.facts, batch.facts.new_zeros(1, len(batch.facts), network.recurrent.hidden_size))
    losses = functional.binary_cross_entropy_with_logits(logits, batch.speaks, reduction="none")
    return (losses * batch.weight).sum() / batch.weight.sum()


def changed(history: History, recipe: SpeakingRecipe, rng: np.random.Generator) -> History:
    """As a slower camera, or one that sees no mouths, would have had it, in some cases."""
    facts, every = history.facts, slice(None)
    if rng.random() < recipe.slow_share and len(facts) > 2:
        every = slice(int(rng.integers(2)), None, 2)
        facts = facts[every].copy()
        facts[:, FACTS.index("duration")] *= 2
    if rng.random() < recipe.mouthless_share:
        facts = facts.copy()
        for name, value in MOUTH_FACTS.items():
            facts[:, FACTS.index(name)] = value
    return History(history.frames[every], facts, history.speaks[every], history.counts[every])


@torch.no_grad()
def speaking_probabilities(network: SpeakingNetwork, recordings: Sequence[RecordingHistories]) -> list[list[np.ndarray]]:
    """Per recording and track, (moments,)."""
    first = torch.zeros(1, 1, network.recurrent.hidden_size)
    return [
        [torch.sigmoid(network(torch.as_tensor(history.facts)[None], first)[0][0]).numpy() for history in recording.histories]
        for recording in recordings
    ]


def chain_probabilities(recordings: Sequence[RecordingHistories]) -> list[list[np.ndarray]]:
    """The same by the chain of turns and pauses."""
    chain = FACTS.index("chain")
    return [[1 / (1 + np.exp(-history.facts[:, chain])) for history in recording.histories] for recording in recordings]


def frame_recall(
    recordings: Sequence[RecordingHistories], probabilities: Sequence[Sequence[np.ndarray]], threshold: float
) -> float:
    """Share of the frames outside collars in which the number of talkers in the picture is right, mean over recordings."""
    shares = []
    for recording, of_tracks in zip(recordings, probabilities, strict=True):
        found = np.zeros(len(recording.talkers), int)
        for history, probability in zip(recording.histories, of_tracks, strict=True):
            np.add.at(found, history.frames[history.counts & (probability >= threshold)], 1)
        if recording.scored.any():
            shares.append(float((found == recording.talkers)[recording.scored].mean()))
    return float(np.mean(shares)) if shares else 0.0


def cross_entropy(recordings: Sequence[RecordingHistories], probabilities: Sequence[Sequence[np.ndarray]]) -> float:
    """Mean per moment of a reported track."""
    losses = []
    for recording, of_tracks in zip(recordings, probabilities, strict=True):
        for history, probability in zip(recording.histories, of_tracks, strict=True):
            p = np.clip(probability, 1e-6, 1 - 1e-6)
            losses.append(-np.log(np.where(history.speaks, p, 1 - p))[history.counts])
    return float(np.concatenate(losses).mean()) if losses else 0.0


def write_speaking(
    network: SpeakingNetwork, recipe: SpeakingRecipe, out: Path, card: dict[str, Any], provenance: Provenance
) -> Path:
    """The network as an ONNX file with its card; the file."""
    generator = torch.Generator().manual_seed(0)
    example = {
        "facts": torch.randn(3, len(FACTS), generator=generator),
        "memory": torch.randn(3, recipe.network.hidden, generator=generator) * 0.1,
    }
    judge = Judge(network)
    free = {name: {0: "tracks"} for name in ("facts", "memory", "probability", "next_memory")}
    model = export_onnx(judge, example, ("probability", "next_memory"), free)
    difference = {"fp32": largest_difference(judge, model, example)}
    own = {"name": recipe.name, "system": NAME, "largest_difference_to_torch": difference}
    return write_weights(out / f"{recipe.name}.onnx", model, own | card, provenance)


def _batches(recipe: SpeakingRecipe, histories: Sequence[History], rng: np.random.Generator) -> Iterator[Batch]:
    order = rng.permutation(len(histories))
    for first in range(0, len(order), recipe.batch):
        yield _batch([changed(histories[k], recipe, rng) for k in order[first : first + recipe.batch]])


def _batch(histories: Sequence[History]) -> Batch:
    most = max(len(history.facts) for history in histories)
    facts = np.zeros((len(histories), most, len(FACTS)), np.float32)
    speaks, weight = np.zeros((2, len(histories), most), np.float32)
    for row, history in enumerate(histories):
        moments = slice(len(history.facts))
        facts[row, moments], speaks[row, moments] = history.facts, history.speaks
        weight[row, moments] = np.where(history.counts, 1.0, UNSEEN_WEIGHT)
    return Batch(torch.as_tensor(facts), torch.as_tensor(speaks), torch.as_tensor(weight))
