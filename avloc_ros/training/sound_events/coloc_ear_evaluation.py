"""What CoLoC on an ear tells of chunks that were heard, its thresholds, and how well each of its networks does."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from avloc_ros.decode.coloc_steps import (
    ColocStepsConfig,
    Localize,
    and_heard,
    find_directions,
    name_apart,
    search,
)
from avloc_ros.decode.multi_accdoa import MultiAccdoaConfig, decode_multi_accdoa
from avloc_ros.models.sound_events.coloc_ear import EarClassifier, EarLocalizer
from avloc_ros.training.sound_events.coloc_scores import ConditionedErrors, conditional_accuracy
from avloc_ros.training.sound_events.heard_chunks import HeardChunks
from avloc_ros.training.sound_events.recipes import ColocEarRecipe
from avloc_ros.training.sound_events.scores import ChunkEvents, chunk_scores

THRESHOLDS = (0.05, 0.1, 0.2, 0.3, 0.5)
CLASS_THRESHOLDS = (0.1, 0.25, 0.35)
NEARLY_BEST = 0.01  # a SELD score this near to the best one is as good: then more recall is better
FOUND_BATCH = 40


@torch.no_grad()
def found_of(localizer: EarLocalizer, heard: HeardChunks, recipe: ColocEarRecipe, threshold: float) -> Tensor:
    """Vectors (chunks, height, frames, 3), as long as they are sure, of all steps; zeros where the search had ended before."""
    steps = ColocStepsConfig(max_overlap=recipe.height, event_threshold=threshold, perturb_deg=0.0)
    parts = []
    for chosen in torch.arange(len(heard)).split(FOUND_BATCH):
        batch = heard.batch(chosen)
        frames = batch["vectors"].shape[1]
        found = search(localize_of(localizer, batch), len(chosen), frames, max(1, recipe.height - 1), steps)
        parts.append(torch.from_numpy(found[1]))
    return torch.cat(parts)


def localize_of(localizer: EarLocalizer, batch: dict[str, Tensor]) -> Localize:
    """The localizer as decode.coloc_steps asks it, of these chunks; the cells are made once for all steps."""
    vectors = batch["vectors"]
    cells = localizer.mean.cells(batch["features"], vectors.shape[1])

    def localize(told: np.ndarray, step: np.ndarray) -> np.ndarray:
        return localizer.next_direction(cells, vectors, torch.from_numpy(told), torch.from_numpy(step)).numpy()

    return localize


@torch.no_grad()
def told_of(
    localizer: EarLocalizer, classifier: EarClassifier, recipe: ColocEarRecipe, heard: HeardChunks, steps: ColocStepsConfig
) -> list[ChunkEvents]:
    """Events of all chunks with their scores, as the live system finds them."""
    told = []
    for item in range(len(heard)):
        batch = heard.batch(torch.tensor([item]))
        vectors, frames = batch["vectors"], batch["vectors"].shape[1]

        def classify(directions: np.ndarray, vectors: Tensor = vectors) -> np.ndarray:
            return classifier(vectors, torch.from_numpy(directions)).numpy()

        found = find_directions(localize_of(localizer, batch), frames, max(1, recipe.height - 1), steps)
        recording, first = heard.chunks.starts[item]
        named = name_apart(classify, found, recipe.classes, recipe.apart_deg)
        if recipe.heard_from:
            heard_here = decode_multi_accdoa(vectors[0].numpy(), recipe.classes, MultiAccdoaConfig(recipe.heard_from))
            named = and_heard(named, heard_here, steps.max_overlap)
        told.append((recording, first, named))
    return told


def surer_than(told: list[ChunkEvents], score: float) -> list[ChunkEvents]:
    """Only the events of such a score."""
    return [(number, first, [[e for e in frame if e.score >= score] for frame in events]) for number, first, events in told]


def choose_thresholds(
    localizer: EarLocalizer, classifier: EarClassifier, recipe: ColocEarRecipe, held_out: HeardChunks
) -> dict[str, float]:
    """`threshold` of a direction's length and `class_threshold` of a class' probability: of those with nearly the smallest micro
    SELD score the pair with the largest localization recall.
    """
    scored: dict[tuple[float, float], dict[str, float]] = {}
    for threshold in THRESHOLDS:
        steps = replace(recipe.steps, event_threshold=threshold)
        told = told_of(localizer, classifier, recipe, held_out, steps)
        for score in CLASS_THRESHOLDS:
            scores = chunk_scores(surer_than(told, score), held_out.chunks, recipe.classes)
            scored[threshold, score] = scores["micro"]
    best = min(one["seld"] for one in scored.values())
    good = [pair for pair, one in scored.items() if one["seld"] <= best + NEARLY_BEST]
    threshold, score = max(good, key=lambda pair: scored[pair]["lr_cd"])
    return {"threshold": threshold, "class_threshold": score}


def evaluate_coloc_ear(
    localizer: EarLocalizer,
    classifier: EarClassifier,
    recipe: ColocEarRecipe,
    heard: HeardChunks,
    threshold: float,
    class_threshold: float,
    told: dict[int, list[ChunkEvents]] | None = None,
) -> dict[str, Any]:
    """See coloc_evaluation.evaluate_coloc. Class right, given all true directions, also by the number of events.

    told: gets the events by max_overlap.
    """
    scores: dict[str, Any] = {}
    told = {} if told is None else told
    for overlap in (3, 2):
        steps = replace(recipe.steps, event_threshold=threshold, max_overlap=overlap)
        told[overlap] = surer_than(told_of(localizer, classifier, recipe, heard, steps), class_threshold)
        scores[f"max_overlap_{overlap}"] = chunk_scores(told[overlap], heard.chunks, recipe.classes)
    named, true, errors = [], [], ConditionedErrors()
    for chosen in torch.arange(len(heard)).split(FOUND_BATCH):
        batch = heard.batch(chosen)
        directions, classes = batch["directions"].transpose(1, 2), batch["classes"].transpose(1, 2)
        with torch.no_grad():
            named.append(classifier(batch["vectors"], directions)[..., : recipe.classes].argmax(-1).numpy())
        true.append(classes.numpy())
        for step in range(recipe.height):
            _judge(localizer, batch, directions, step, recipe, errors)
    answers, asked = np.concatenate(named), np.concatenate(true)
    events = (asked < recipe.classes).sum(1, keepdims=True) * np.ones_like(asked)
    of = {
        str(n): conditional_accuracy([answers[events == n]], [asked[events == n]], recipe.classes)
        for n in range(1, recipe.height + 1)
    }
    accuracy = conditional_accuracy([answers], [asked], recipe.classes)
    return scores | {"conditional_accuracy": accuracy, "conditional_accuracy_of": of, "doa_error_deg": errors.means_deg()}


@torch.no_grad()
def _judge(
    localizer: EarLocalizer,
    batch: dict[str, Tensor],
    stacked: Tensor,
    step: int,
    recipe: ColocEarRecipe,
    errors: ConditionedErrors,
) -> None:
    told = torch.zeros(len(stacked), max(1, recipe.height - 1), *stacked.shape[2:])
    told[:, :step] = stacked[:, :step]
    predicted = localizer(batch["features"], batch["vectors"], told, torch.full((len(stacked),), float(step)))
    for answer, rows in zip(predicted.numpy(), stacked.numpy(), strict=True):
        errors.add(answer, rows, step)
