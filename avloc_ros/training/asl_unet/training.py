"""Training asl_unet: mask of the active speakers and the wearer's activity, validated every mini-epoch."""

from __future__ import annotations

import copy
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import lightning
import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader

from avloc_ros.config import to_mapping
from avloc_ros.datasets.glasses.frame_changes import FrameChangesConfig
from avloc_ros.datasets.glasses.recording import EgocentricRecording, chosen_frames
from avloc_ros.datasets.glasses.speaker_frames import SpeakerFrames
from avloc_ros.models.asl_unet.network import SpeakerUNet
from avloc_ros.training.asl_unet.recipe import Batch, SpeakerUNetRecipe, answer, answer_loss
from avloc_ros.training.asl_unet.scores import Thresholds, score_frames
from avloc_ros.training.asl_unet.start import start_from
from avloc_ros.training.lightning_run import lightning_trainer, seeded
from avloc_ros.training.limited_time import rate_share
from avloc_ros.types import InputError


class SpeakerUNetModule(lightning.LightningModule):
    """Adam; scores the validation frames every mini-epoch, keeps the best weights, stops when it gets no better."""

    def __init__(self, recipe: SpeakerUNetRecipe, validation: SpeakerFrames) -> None:
        super().__init__()
        self.recipe, self.validation = recipe, validation
        self.network = SpeakerUNet(recipe.network)
        if recipe.start:
            start_from(self.network, Path(recipe.start))
        self.best_loss, self.since_best = float("inf"), 0
        self.best_weights = copy.deepcopy(self.network.state_dict())
        self.course: list[dict[str, Any]] = []

    def training_step(self, batch: Batch, _: int) -> Tensor:
        """Loss of one batch."""
        return answer_loss(answer(self.network, batch, self.recipe), batch, self.recipe)

    def on_train_batch_end(self, *_: Any) -> None:
        """Close the mini-epoch after its last step."""
        if self.global_step % self.recipe.mini_epoch_steps == 0:
            self.close_mini_epoch()

    def close_mini_epoch(self) -> None:
        """Score, keep the best, and stop where the patience is over."""
        score = score_frames(self.network, self.validation, self.recipe)
        self.network.train()
        self.course.append({"step": self.global_step, **score.to_mapping(Thresholds(mask=self.recipe.threshold))})
        best = score.to_mapping(score.best_thresholds())
        self.course[-1]["best_iou"], self.course[-1]["best_wearer_f1"] = best["mask"]["iou"], best["wearer"]["f1"]
        self.since_best += 1
        if score.loss < self.best_loss:
            self.best_loss, self.since_best = score.loss, 0
            self.best_weights = copy.deepcopy(self.network.state_dict())
        if self.since_best >= self.recipe.patience or len(self.course) >= self.recipe.mini_epochs:
            self.trainer.should_stop = True

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """AdamW (Adam where the decay is 0) over all weights that the task uses."""
        network, recipe = self.network, self.recipe
        parts = [network.audio, network.wearer] if recipe.task == "wearer" else [network]
        weights = [p for part in parts for p in part.parameters()]
        return torch.optim.AdamW(weights, recipe.learning_rate, weight_decay=recipe.weight_decay)

    def on_train_batch_start(self, *_: Any) -> None:
        """The learning rate of this step."""
        if self.recipe.falling_rate:
            share = rate_share(self.global_step / self.recipe.steps)
            for group in self.trainer.optimizers[0].param_groups:
                group["lr"] = self.recipe.learning_rate * share


def train(
    recipe: SpeakerUNetRecipe,
    out: Path,
    *,
    training: Sequence[EgocentricRecording],
    validation: Sequence[EgocentricRecording],
    test: Sequence[EgocentricRecording] = (),
    seed: int = 0,
    devices: int = 1,
    nodes: int = 1,
    accelerator: str = "auto",
    progress: bool = False,
) -> SpeakerUNet:
    """Train and write `asl_unet.pt` and `training.json` (recipe, course, thresholds, test scores) into `out`.

    Returns the network. Validation, which also chooses the thresholds, and test see every kind of frame, whatever the
    recipe trains on.
    """
    out.mkdir(parents=True, exist_ok=True)
    seeded(seed)
    rng = np.random.default_rng(seed)
    learned = chosen_frames(
        training, speakers_only=recipe.speakers_only, silent_per_speaker=recipe.silent_per_speaker, rng=rng
    )
    if not learned:
        raise InputError("no frame to learn from: the recordings have no speaker in the picture")
    module = SpeakerUNetModule(recipe, _validation(recipe, validation))
    loader = DataLoader(
        _frames(recipe, training, learned, recipe.changes),
        min(recipe.batch_size, len(learned)),
        shuffle=True,
        drop_last=True,
    )
    trainer = lightning_trainer(
        devices=devices, nodes=nodes, accelerator=accelerator, max_epochs=-1, progress=progress
    )
    trainer.fit(module, loader)
    module.network.load_state_dict(module.best_weights)
    network = module.network.eval()
    if trainer.is_global_zero:
        torch.save(network.state_dict(), out / "asl_unet.pt")
        validated = score_frames(network, module.validation, recipe)
        thresholds = validated.best_thresholds()
        record: dict[str, Any] = {
            "recipe": to_mapping(recipe),
            "seed": seed,
            "course": module.course,
            "thresholds": asdict(thresholds),
            "validation": validated.to_mapping(thresholds),
        }
        if test:
            record["test"] = score_frames(network, every_frame(recipe, test), recipe).to_mapping(thresholds)
        (out / "training.json").write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    return network


def every_frame(recipe: SpeakerUNetRecipe, recordings: Sequence[EgocentricRecording]) -> SpeakerFrames:
    """All frames of recordings as the recipe's network takes them."""
    return _frames(recipe, recordings, [(number, frame) for number, r in enumerate(recordings) for frame in range(r.frames)])


def _validation(recipe: SpeakerUNetRecipe, recordings: Sequence[EgocentricRecording]) -> SpeakerFrames:
    """The same frames in every validation of every run: an even share of all."""
    every = [(number, frame) for number, r in enumerate(recordings) for frame in range(r.frames)]
    if not every:
        raise InputError("no recordings to validate on")
    step = max(1, len(every) // recipe.validation_frames)
    return _frames(recipe, recordings, every[::step][: recipe.validation_frames])


def _frames(
    recipe: SpeakerUNetRecipe,
    recordings: Sequence[EgocentricRecording],
    frames: Sequence[tuple[int, int]],
    changes: FrameChangesConfig | None = None,
) -> SpeakerFrames:
    return SpeakerFrames(recordings, frames, recipe.network, recipe.audio, recipe.picture, changes)
