"""How well CoLoC's two networks do together, and each for itself (docs/papers.md: coloc)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from avloc_ros.datasets.events.event_chunks import EventChunks
from avloc_ros.decode.coloc_steps import ColocStepsConfig, find_directions, name_events
from avloc_ros.decode.frame_event import EventsByFrame
from avloc_ros.models.sound_events.coloc import Classifier, Localizer
from avloc_ros.training.sound_events.batched_features import BatchedColocFeatures
from avloc_ros.training.sound_events.coloc_scores import ConditionedErrors, conditional_accuracy
from avloc_ros.training.sound_events.recipes import ColocRecipe
from avloc_ros.training.sound_events.scores import ChunkEvents, chunk_scores

THRESHOLDS = (0.2, 0.3, 0.4, 0.5, 0.6)


@torch.no_grad()
def events_of_chunk(
    localizer: nn.Module,
    classifier: nn.Module,
    features: Tensor,
    frames: int,
    recipe: ColocRecipe,
    steps: ColocStepsConfig,
) -> EventsByFrame:
    """Events per frame of the features (1, channels, analysis frames, bins) of one chunk."""

    def localize(told: np.ndarray, step: np.ndarray) -> np.ndarray:
        return localizer(features, torch.from_numpy(told), torch.from_numpy(step)).numpy()

    def classify(directions: np.ndarray) -> np.ndarray:
        return classifier(features, torch.from_numpy(directions)).numpy()

    found = find_directions(localize, frames, max(1, recipe.height - 1), steps)
    return name_events(classify, found, recipe.classes, steps)


@torch.no_grad()
def choose_event_threshold(
    localizer: nn.Module,
    classifier: nn.Module,
    recipe: ColocRecipe,
    chunks: EventChunks,
    thresholds: tuple[float, ...] = THRESHOLDS,
) -> float:
    """The length from which a direction is an event, of `thresholds`, that gives validation the smallest micro SELD score.

    The report says 0.5. A network that has learnt for minutes is not sure of directions, and makes shorter ones.
    """
    make_features = BatchedColocFeatures(recipe.features)
    found: dict[float, list[Any]] = {threshold: [] for threshold in thresholds}
    for item in range(len(chunks)):
        chunk = chunks[item]
        features = make_features(torch.from_numpy(chunk["samples"])[None])
        for threshold, events in found.items():
            steps = replace(recipe.steps, event_threshold=threshold)
            heard = events_of_chunk(localizer, classifier, features, recipe.chunks.frames, recipe, steps)
            events.append((chunk["recording"], chunk["first_frame"], heard))
    return min(thresholds, key=lambda one: chunk_scores(found[one], chunks, recipe.classes)["micro"]["seld"])


@torch.no_grad()
def evaluate_coloc(
    localizer: Localizer,
    classifier: Classifier,
    recipe: ColocRecipe,
    chunks: EventChunks,
    event_threshold: float | None = None,
    told: dict[int, list[ChunkEvents]] | None = None,
) -> dict[str, Any]:
    """Scores with max_overlap 3 and 2 (`max_overlap_3`, `max_overlap_2`), conditional accuracy, and the report's Table 1.

    event_threshold: None: the recipe's. told: empty lists by max_overlap, for others than 3 and 2: filled with the events.
    """
    length = recipe.steps.event_threshold if event_threshold is None else event_threshold
    make_features = BatchedColocFeatures(recipe.features)
    predictions = {3: [], 2: []} if told is None else told
    errors, named, true = ConditionedErrors(), [], []
    for item in range(len(chunks)):
        chunk = chunks[item]
        features = make_features(torch.from_numpy(chunk["samples"])[None])
        for overlap, found in predictions.items():
            steps = replace(recipe.steps, max_overlap=overlap, event_threshold=length)
            events = events_of_chunk(localizer, classifier, features, recipe.chunks.frames, recipe, steps)
            found.append((chunk["recording"], chunk["first_frame"], events))
        _judge_localizer(localizer, features, chunk["directions"], recipe, errors)
        asked = torch.from_numpy(chunk["directions"])  # (rows, frames, 3): each row is one question
        answers = classifier(features.expand(len(asked), -1, -1, -1), asked)[..., : recipe.classes].argmax(-1)
        named.append(answers.numpy())
        true.append(chunk["classes"])
    scores: dict[str, Any] = {
        f"max_overlap_{overlap}": chunk_scores(found, chunks, recipe.classes)
        for overlap, found in predictions.items()
    }
    accuracy = conditional_accuracy(named, true, recipe.classes)
    return scores | {"conditional_accuracy": accuracy, "doa_error_deg": errors.means_deg()}


def _judge_localizer(
    localizer: Localizer,
    features: Tensor,
    stacked: np.ndarray,
    recipe: ColocRecipe,
    errors: ConditionedErrors,
) -> None:
    for told in range(recipe.height):
        known = np.zeros((1, max(1, recipe.height - 1), stacked.shape[1], 3), np.float32)
        known[0, :told] = stacked[:told]
        predicted = localizer(features, torch.from_numpy(known), torch.tensor([float(told)]))[0].numpy()
        errors.add(predicted, stacked, told)
