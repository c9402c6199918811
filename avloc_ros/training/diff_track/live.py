"""A trained causal localizer as weights of the live audio tracker: the streaming network, its calibration, its card."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch

from avloc_ros.config import to_mapping
from avloc_ros.datasets.tracks.tracked_segments import TrackedSegments, true_frames
from avloc_ros.geometry import angle_between
from avloc_ros.models.diff_track.localizer import LocalizerNetwork
from avloc_ros.runtime.diff_track_network import SYSTEM
from avloc_ros.training.cards import Provenance, write_weights
from avloc_ros.training.diff_track.direction_calibration import (
    TrackOutcomes,
    best_threshold,
    fit_calibration,
    track_outcomes,
)
from avloc_ros.training.diff_track.localizer import LocalizerRecipe
from avloc_ros.training.network_export import export_live_localizer


def write_live(
    network: LocalizerNetwork,
    recipe: LocalizerRecipe,
    validation: TrackedSegments,
    path: Path,
    metrics: dict[str, Any],
    provenance: Provenance,
) -> Path:
    """Write the streaming network and its card; returns the path. Raises InputError for a network that looks ahead."""
    outcomes = outcomes_of(network, validation)
    calibration = fit_calibration(outcomes)
    array = recipe.data.load_arrays()[0]
    difference = export_live_localizer(network, path)
    card = {
        "name": path.stem,
        "system": SYSTEM,
        "features": to_mapping(recipe.data.features),
        "frames_per_label": recipe.network.time_pooling,
        "calibration": to_mapping(calibration),
        "threshold": best_threshold(outcomes, calibration, recipe.gate_deg),
        **({} if recipe.data.features.kind == "foa" else {"array": array.to_mapping()}),
        "metrics": metrics,
        "largest_difference_to_torch": {"fp32": difference},
    }
    return write_weights(path, path.read_bytes(), card, provenance)


@torch.no_grad()
def outcomes_of(network: LocalizerNetwork, segments: TrackedSegments) -> TrackOutcomes:
    """What became of every track of every label frame."""
    network.eval()
    logits: list[np.ndarray] = []
    angles_deg: list[np.ndarray] = []
    for index, segment in enumerate(segments.segments):
        found = network(segments[index][0][None])
        directions = found.directions[0].numpy()  # (frames, tracks, 3)
        logits += list(found.activity[0].numpy())
        for (_, true), tracks in zip(true_frames(segment), directions, strict=True):
            angles_deg.append(np.degrees(angle_between(true[:, None], tracks[None])))
    return track_outcomes(logits, angles_deg)
