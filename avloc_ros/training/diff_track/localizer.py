"""Training the localizer of diff_track: through the tracking loss, or by the baselines under the same recipe."""

from __future__ import annotations

import copy
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import lightning
import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader

from avloc_ros.config import cache_folder, setting, to_mapping
from avloc_ros.datasets.tracks.tracked_segments import (
    TrackedSegments,
    TrackedSegmentsConfig,
    tracked_segments,
)
from avloc_ros.evaluation.metrics.direction_tracks import (
    DirectionFrame,
    DirectionScore,
    localization_of,
    score_directions,
)
from avloc_ros.evaluation.metrics.segment_frames import direction_frames
from avloc_ros.losses.differentiable_tracking import References, TrackingLoss, TrackingLossConfig
from avloc_ros.losses.direction_regression import permutation_invariant_loss, slotwise_loss
from avloc_ros.models.diff_track.hungarian import HungarianNetwork, load_hungarian
from avloc_ros.models.diff_track.localizer import LocalizerNetwork, LocalizerNetworkConfig
from avloc_ros.runtime.weights import read_torch
from avloc_ros.training.lightning_run import lightning_trainer, seeded
from avloc_ros.types import InputError

Batch = tuple[Tensor, Tensor, Tensor]  # features, directions, active


@dataclass(frozen=True)
class LocalizerRecipe:
    """Everything that decides a training run but its seed. The losses differ in nothing else."""

    name: str = setting("diff_track_localizer", "name of the weights")
    network: LocalizerNetworkConfig = field(default_factory=LocalizerNetworkConfig)
    data: TrackedSegmentsConfig = field(default_factory=TrackedSegmentsConfig)
    tracking: TrackingLossConfig = field(default_factory=TrackingLossConfig)
    loss: str = setting("tracking", "what is made small", choices=("tracking", "mse", "pit_mse"))
    pit_per_frame: bool = setting(True, "pit_mse: a permutation per frame, else one per segment")
    hungarian: str = setting("", "weights of the Hungarian network (.npz); empty: those that are shipped")
    warm_up_epochs: int = setting(
        0, "tracking: epochs of pit_mse before, since a network that knows nothing has no tracks yet", low=0
    )
    start: str = setting("", "localizer.pt of a run to go on from; empty: start from nothing")
    epochs: int = setting(200, "epochs at most", low=1)
    batch_size: int = setting(64, "segments per step", low=1)
    learning_rate: float = setting(1e-3, "of Adam, at the start", low=1e-7, high=1.0)
    last_learning_rate_share: float = setting(
        1.0, "where its cosine schedule ends; 1: it stays", low=0.0, high=1.0
    )
    gradient_clip: float = setting(1.0, "largest norm of the gradient; 0: any", low=0.0)
    threshold: float = setting(0.5, "activity above which a track is reported", low=0.0, high=1.0)
    gate_deg: float = setting(20.0, "how far from the truth a report may be to count", low=1.0, high=180.0)

    def __post_init__(self) -> None:
        frames = self.data.features.sample_rate_hz / self.data.features.hop_length * self.data.sources.label_hop_s
        if abs(frames - self.network.time_pooling) > 1e-6:
            raise InputError(
                f"{frames:g} feature frames per label frame of {self.data.sources.label_hop_s} s, "
                f"but network.time_pooling is {self.network.time_pooling}"
            )
        if self.data.features.sample_rate_hz != self.data.sources.sample_rate_hz:
            raise InputError("data.features.sample_rate_hz and data.sources.sample_rate_hz must be equal")
        if self.data.sources.sources != self.network.tracks:
            raise InputError(
                f"data.sources.sources is {self.data.sources.sources}, network.tracks {self.network.tracks}: "
                "the losses compare as many references as tracks"
            )


class LocalizerModule(lightning.LightningModule):
    """Adam; keeps the weights with the lowest validation LE, over all pairs: a gate would hide the worst ones."""

    def __init__(self, recipe: LocalizerRecipe, validation: TrackedSegments, hungarian: HungarianNetwork) -> None:
        super().__init__()
        self.recipe, self.validation = recipe, validation
        self.network = LocalizerNetwork(recipe.network)
        self.tracking = TrackingLoss(hungarian, recipe.tracking)
        self.best_le_deg = np.inf
        self.best_weights = copy.deepcopy(self.network.state_dict())
        self.course: list[dict[str, Any]] = []

    def training_step(self, batch: Batch, _: int) -> Tensor:
        """Loss of one batch."""
        features, directions, active = batch
        found, references = self.network(features), References(directions, active)
        recipe = self.recipe
        if recipe.loss == "tracking" and self.current_epoch >= recipe.warm_up_epochs:
            return self.tracking(found.directions, found.activity, references).total
        weight = recipe.tracking.activity_weight
        if recipe.loss == "mse":
            return slotwise_loss(found.directions, found.activity, references, weight)
        return permutation_invariant_loss(
            found.directions, found.activity, references, weight, per_frame=recipe.pit_per_frame
        )

    def on_train_epoch_end(self) -> None:
        """Score the validation segments and keep the best weights."""
        recordings = located_frames(self.network, self.validation, self.recipe)
        self.network.train()
        score = score_directions(recordings, self.recipe.gate_deg)
        le_deg = localization_of([frame for frames in recordings for frame in frames], None).le_deg
        self.course.append({"epoch": self.current_epoch, "le_all_deg": le_deg, **score.to_mapping()})
        if le_deg is not None and le_deg < self.best_le_deg:
            self.best_le_deg, self.best_weights = le_deg, copy.deepcopy(self.network.state_dict())

    def configure_optimizers(self) -> Any:
        """Adam over the localizer alone, the learning rate falling along a cosine over all epochs."""
        recipe = self.recipe
        optimiser = torch.optim.Adam(self.network.parameters(), recipe.learning_rate)
        last = recipe.learning_rate * recipe.last_learning_rate_share
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, recipe.epochs, last)
        return {"optimizer": optimiser, "lr_scheduler": {"scheduler": schedule, "interval": "epoch"}}


def train(
    recipe: LocalizerRecipe,
    out: Path,
    *,
    seed: int = 0,
    devices: int = 1,
    nodes: int = 1,
    accelerator: str = "auto",
    progress: bool = False,
    data_folder: Path | None = None,
) -> DirectionScore:
    """Train, write `localizer.pt` and `training.json` (recipe, course, test scores) into `out`; returns the test score.

    data_folder: where drawn segments are kept; None: the cache folder.
    """
    out.mkdir(parents=True, exist_ok=True)
    splits = drawn_splits(recipe, ("train", "val", "test"), data_folder)
    network, course, first_process = fit(
        recipe, splits["train"], splits["val"], seed, devices, nodes, accelerator, progress
    )
    score = score_localizer(network, splits["test"], recipe)
    if first_process:
        torch.save(network.state_dict(), out / "localizer.pt")
        record = {"recipe": to_mapping(recipe), "seed": seed, "test": score.to_mapping(), "course": course}
        (out / "training.json").write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    return score


def drawn_splits(
    recipe: LocalizerRecipe, splits: Sequence[str], data_folder: Path | None = None
) -> dict[str, TrackedSegments]:
    """The segments of splits, drawn where the folder (None: the cache folder) does not have them yet."""
    folder = data_folder or cache_folder() / "tracked_segments"
    return {split: tracked_segments(recipe.data, split, folder) for split in splits}


def fit(
    recipe: LocalizerRecipe,
    training: TrackedSegments,
    validation: TrackedSegments,
    seed: int,
    devices: int = 1,
    nodes: int = 1,
    accelerator: str = "auto",
    progress: bool = False,
) -> tuple[LocalizerNetwork, list[dict[str, Any]], bool]:
    """The best network, its course over epochs, and whether this process is the one that writes files."""
    seeded(seed)
    module = LocalizerModule(recipe, validation, load_hungarian(recipe.hungarian, recipe.network.tracks))
    if recipe.start:
        module.network.load_state_dict(read_torch(recipe.start))  # with the scale of the features that it saw
    else:
        module.network.mean, module.network.deviation = training.feature_scale()
    loader = DataLoader(training, recipe.batch_size, shuffle=True)
    trainer = lightning_trainer(
        devices=devices,
        nodes=nodes,
        accelerator=accelerator,
        max_epochs=recipe.epochs,
        progress=progress,
        gradient_clip_val=recipe.gradient_clip or None,
    )
    trainer.fit(module, loader)
    if np.isfinite(module.best_le_deg):
        module.network.load_state_dict(module.best_weights)
    return module.network.eval(), module.course, trainer.is_global_zero


def score_localizer(network: LocalizerNetwork, segments: TrackedSegments, recipe: LocalizerRecipe) -> DirectionScore:
    """CLEAR MOT, HOTA, LE, LR, LP and LF of a network on segments; each segment is a recording of its own."""
    return score_directions(located_frames(network, segments, recipe), recipe.gate_deg)


@torch.no_grad()
def located_frames(
    network: LocalizerNetwork, segments: TrackedSegments, recipe: LocalizerRecipe
) -> list[list[DirectionFrame]]:
    """Truth beside the network's reports, per segment and label frame."""
    network.eval()
    device = next(network.parameters()).device
    recordings = []
    for index, segment in enumerate(segments.segments):
        found = network(segments[index][0][None].to(device))
        probability = torch.sigmoid(found.activity)[0].cpu().numpy()
        recordings.append(
            direction_frames(segment, found.directions[0].cpu().numpy(), probability, recipe.threshold)
        )
    return recordings
