"""Training of the network that weighs the candidates of the mixture tracker: mixtures, facts, a minute of learning, a file."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from avloc_ros.config import setting
from avloc_ros.datasets.mixtures.any_array_mix import WINDOW, MixDraws, Mixer, Mixture
from avloc_ros.datasets.mixtures.sounds import RATE_HZ
from avloc_ros.features.directions.talker_candidates import FACTS, Candidates
from avloc_ros.geometry import angles_from_direction, wrap_angle
from avloc_ros.models.any_array.candidates import CandidateNetwork, Weigh
from avloc_ros.runtime.any_array_network import load_any_array
from avloc_ros.runtime.engines import OnnxEngine
from avloc_ros.runtime.mixture_network import NAME, MixtureEngine
from avloc_ros.systems.any_array import AnyArrayConfig, AnyArrayTracker
from avloc_ros.systems.mixture import MixtureConfig, MixtureTracker
from avloc_ros.systems.mixture_evidence import MixtureEvidence
from avloc_ros.training.any_array.material import MaterialConfig
from avloc_ros.training.any_array.scores import CHOICE, frames_looked_at, score_probabilities
from avloc_ros.training.cards import Provenance, write_weights
from avloc_ros.training.onnx_export import export_onnx, largest_difference
from avloc_ros.types import AudioWindow

WARM_FRAMES = 5  # the first frames of a mixture have no past: they are not learnt from
NEAR_RAD = np.radians(12.0)  # a candidate this near to who speaks is that talker
# As any_array's mixtures, with more that is hard: more often nobody, more often other sounds, and louder ones.
DRAWS = MixDraws(((0, 0.16), (1, 0.32), (2, 0.30), (3, 0.16), (4, 0.06)), 0.7, (-6.0, 16.0))


@dataclass(frozen=True)
class MixtureRecipe(MaterialConfig):
    """Everything that makes the network."""

    name: str = setting(NAME, "name of the weights")
    any_array: str = setting("", "folder of the any_array weights to build on; empty: the shipped ones")
    mixtures: int = setting(1600, "mixtures to learn from", low=1, high=1000000)
    validation_mixtures: int = setting(160, "mixtures that validate", low=1, high=100000)
    hidden: int = setting(24, "units of the hidden layer", low=1, high=1024)
    epochs: int = setting(20, "passes over all candidates", low=1, high=10000)
    batch: int = setting(512, "candidates of one step", low=1, high=1000000)
    learning_rate: float = setting(3e-3, "the highest; it falls as a cosine", low=1e-6, high=1.0)


@dataclass(frozen=True)
class Labelled:
    """Candidates of many moments: facts float32 (n, FACTS), whether each is a talker who speaks (n,).

    missed: share of the talkers' frames for which there was no candidate.
    """

    facts: np.ndarray
    speaks: np.ndarray
    missed: float


def candidates_of(tracker: AnyArrayTracker, samples: np.ndarray) -> Iterator[Candidates]:
    """What the evidence says after each window of samples (n, channels)."""
    tracker.reset()
    evidence = MixtureEvidence(tracker.frequencies_hz)
    for window in windows_of(samples):
        yield evidence.hear(tracker.hear(window), window.duration_s)


def windows_of(samples: np.ndarray) -> Iterator[AudioWindow]:
    """Samples (n, channels) at RATE_HZ as the live tracker gets them."""
    for number in range(len(samples) // WINDOW):
        yield AudioWindow(number * 40_000_000, samples[number * WINDOW : (number + 1) * WINDOW], RATE_HZ)


def who_speaks(candidates: Candidates, azimuths_rad: np.ndarray) -> np.ndarray:
    """float32 (n,): 1 for the candidate that is nearest to a talker (azimuths of those who speak) and near enough."""
    speaks = np.zeros(len(candidates), np.float32)
    for azimuth in azimuths_rad if len(candidates) else ():
        off = np.abs(wrap_angle(candidates.azimuth_rad - azimuth))
        if off.min() < NEAR_RAD:
            speaks[off.argmin()] = 1.0
    return speaks


def labelled(mixer: Mixer, weights: str, count: int, seed: int) -> Labelled:
    """Candidates of `count` drawn mixtures."""
    rng, engines = np.random.default_rng(seed), load_any_array(weights)
    facts, speaks, talking = [], [], 0
    for _ in range(count):
        room = mixer.rooms[int(rng.integers(len(mixer.rooms)))]
        mixture = mixer.mix(rng, room)
        tracker = AnyArrayTracker(AnyArrayConfig(weights=weights), room.array, None, RATE_HZ, engines=engines)
        azimuths = azimuths_of(mixture)
        for frame, candidates in enumerate(candidates_of(tracker, mixture.samples)):
            if frame >= WARM_FRAMES:
                facts.append(candidates.facts)
                speaks.append(who_speaks(candidates, azimuths[mixture.active[:, frame]]))
                talking += int(mixture.active[:, frame].sum())
    found = np.concatenate(speaks)
    return Labelled(np.concatenate(facts), found, 1 - float(found.sum()) / max(talking, 1))


def labelled_by_processes(
    mixer: Mixer, weights: str, count: int, seed: int, jobs: int, report: Callable[[int], None]
) -> Labelled:
    """The same in parts of 20 mixtures by `jobs` processes; the parts do not depend on their number."""
    parts = [min(20, count - first) for first in range(0, count, 20)]
    done: list[Labelled] = []
    with ProcessPoolExecutor(jobs, initializer=_take, initargs=(mixer,)) as pool:
        tasks = [pool.submit(_part, weights, part, seed * 100003 + k) for k, part in enumerate(parts)]
        for task, part in zip(tasks, parts, strict=True):
            done.append(task.result())
            report(part)
    shares = np.array([part.missed for part in done])
    return Labelled(
        np.concatenate([part.facts for part in done]), np.concatenate([part.speaks for part in done]), float(shares.mean())
    )


_mixer: list[Mixer] = []  # of a process that makes parts: rooms and sounds are sent to it once


def _take(mixer: Mixer) -> None:
    _mixer[:] = [mixer]


def _part(weights: str, count: int, seed: int) -> Labelled:
    return labelled(_mixer[0], weights, count, seed)


def azimuths_of(mixture: Mixture) -> np.ndarray:
    """Azimuths (talkers,) in radians."""
    return angles_from_direction(mixture.directions)[0] if len(mixture.directions) else np.zeros(0)


def learn(
    recipe: MixtureRecipe, training: Labelled, validation: Labelled, seed: int
) -> tuple[CandidateNetwork, list[dict[str, float]]]:
    """The network at its best epoch by the loss on validation, and the curve."""
    torch.manual_seed(seed)
    facts, speaks = torch.as_tensor(training.facts), torch.as_tensor(training.speaks)
    network = CandidateNetwork(recipe.hidden)
    network.standardise(facts)
    optimizer = torch.optim.AdamW(network.parameters(), recipe.learning_rate, weight_decay=1e-3)
    steps = max(1, len(facts) // recipe.batch)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, recipe.epochs * steps)
    curve, best, kept = [], float("inf"), network.state_dict()
    for epoch in range(recipe.epochs):
        order = torch.randperm(len(facts))
        for chosen in order.split(recipe.batch)[:steps]:
            loss = functional.binary_cross_entropy_with_logits(network(facts[chosen]), speaks[chosen])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
        curve.append({"epoch": epoch, "train": _loss(network, facts, speaks), "validation": loss_on(network, validation)})
        if curve[-1]["validation"] < best:
            best, kept = curve[-1]["validation"], {name: value.clone() for name, value in network.state_dict().items()}
    network.load_state_dict(kept)
    return network, curve


def loss_on(network: CandidateNetwork, labelled: Labelled) -> float:
    """Mean cross-entropy per candidate."""
    return _loss(network, torch.as_tensor(labelled.facts), torch.as_tensor(labelled.speaks))


@torch.no_grad()
def _loss(network: CandidateNetwork, facts: Tensor, speaks: Tensor) -> float:
    return float(functional.binary_cross_entropy_with_logits(network(facts), speaks))


def write_mixture(
    network: CandidateNetwork, recipe: MixtureRecipe, mixer: Mixer, out: Path, facts: dict[str, Any], provenance: Provenance
) -> Path:
    """Choose the threshold on validation mixtures and write the network with its card; the file."""
    example = {"facts": torch.randn(4, len(FACTS), generator=torch.Generator().manual_seed(0))}
    weigh = Weigh(network)
    model = export_onnx(weigh, example, ("probability",), {"facts": {0: "candidates"}, "probability": {0: "candidates"}})
    scores = score_probabilities(_answers(recipe, mixer, model))
    card = {
        "name": recipe.name,
        "system": NAME,
        "threshold": scores.threshold,
        "threshold_choice": CHOICE,
        "metrics": {"validation": scores.facts() | facts},
        "largest_difference_to_torch": {"fp32": largest_difference(weigh, model, example)},
    }
    return write_weights(out / f"{recipe.name}.onnx", model, card, provenance)


def _answers(recipe: MixtureRecipe, mixer: Mixer, model: bytes) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Probabilities over the sphere, azimuths and activity of every fifth frame of 40 validation mixtures."""
    rng, engine = np.random.default_rng(11), MixtureEngine(OnnxEngine(model, "cpu"), 0.5)
    for _ in range(min(40, recipe.validation_mixtures)):
        room = mixer.rooms[int(rng.integers(len(mixer.rooms)))]
        mixture = mixer.mix(rng, room)
        tracker = MixtureTracker(
            MixtureConfig(), AnyArrayConfig(weights=recipe.any_array), room.array, None, RATE_HZ, engine=engine
        )
        grids = [tracker.step(window).sphere.probability for window in windows_of(mixture.samples)]
        at = frames_looked_at(len(grids))
        yield np.stack([grids[k] for k in at]), azimuths_of(mixture), mixture.active[:, at]


def train_mixture(
    recipe: MixtureRecipe, training: Mixer, validation: Mixer, out: Path, seed: int, jobs: int, provenance: Provenance,
    report: Callable[[int], None] = lambda _: None,
) -> Path:  # fmt: skip
    """From mixers to the file."""
    started = time.perf_counter()
    learnt_from = labelled_by_processes(training, recipe.any_array, recipe.mixtures, seed + 1, jobs, report)
    judged_on = labelled_by_processes(
        validation, recipe.any_array, recipe.validation_mixtures, seed + 500, jobs, report
    )
    network, curve = learn(recipe, learnt_from, judged_on, seed)
    best = min(curve, key=lambda row: row["validation"])
    facts = {
        "loss_per_candidate": round(best["validation"], 4),
        "training_loss": round(best["train"], 4),
        "epoch": best["epoch"],
        "candidates": len(learnt_from.speaks),
        "validation_candidates": len(judged_on.speaks),
        "talkers_without_candidate": round(judged_on.missed, 3),
        "seconds": round(time.perf_counter() - started, 1),
    }
    return write_mixture(network, recipe, validation, out, facts, provenance)

