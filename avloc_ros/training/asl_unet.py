"""Training asl_unet: mask of the active speakers and the wearer's activity, validated every mini-epoch."""

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
from torch.nn.functional import cross_entropy
from torch.utils.data import DataLoader

from avloc_ros.config import setting, to_mapping
from avloc_ros.datasets.egocentric import EgocentricRecording, chosen_frames
from avloc_ros.datasets.speaker_frames import PictureScaleConfig, SpeakerFrames
from avloc_ros.evaluation.mask_scores import Confusion
from avloc_ros.features.asl_unet_audio import SegmentAudioConfig
from avloc_ros.losses.segmentation import SegmentationLossConfig, segmentation_loss
from avloc_ros.models.asl_unet import SpeakerUNet, SpeakerUNetConfig
from avloc_ros.training.lightning_run import lightning_trainer, seeded
from avloc_ros.types import InputError

Batch = tuple[Tensor, Tensor, Tensor, Tensor]  # pictures, sound, mask, wearer


@dataclass(frozen=True)
class SpeakerUNetRecipe:
    """Everything that decides a training run but its data and its seed."""

    name: str = setting("asl_unet", "name of the weights")
    network: SpeakerUNetConfig = field(default_factory=SpeakerUNetConfig)
    audio: SegmentAudioConfig = field(default_factory=SegmentAudioConfig)
    picture: PictureScaleConfig = field(default_factory=PictureScaleConfig)
    loss: SegmentationLossConfig = field(default_factory=SegmentationLossConfig)
    task: str = setting("both", "what is learned", choices=("both", "mask", "wearer"))
    wearer_weight: float = setting(0.5, "task both: of the wearer's cross-entropy beside the mask's loss", low=0.0)
    speakers_only: bool = setting(False, "learn from frames with a speaker in the picture alone")
    silent_per_speaker: float = setting(
        1.0, "frames without a speaker per frame with one (down-sampling); negative: all", low=-1.0
    )
    batch_size: int = setting(16, "frames per step", low=1)
    learning_rate: float = setting(1e-3, "of Adam", low=1e-7, high=1.0)
    mini_epoch_steps: int = setting(50, "steps between two validations", low=1)
    mini_epochs: int = setting(200, "validations at most", low=1)
    patience: int = setting(20, "mini-epochs without a lower validation loss before training stops", low=1)
    validation_frames: int = setting(400, "frames per validation, drawn once", low=1)
    threshold: float = setting(0.5, "probability above which a pixel is a speaker's", low=0.0, high=1.0)

    def __post_init__(self) -> None:
        if self.network.audio_channels != self.audio.shape[0]:
            raise InputError(
                f"network.audio_channels is {self.network.audio_channels}, the sound has {self.audio.shape[0]} "
                f"feature channels ({self.audio.microphones} microphones, phase {self.audio.phase})"
            )


@dataclass(frozen=True)
class SpeakerUNetScore:
    """Over a whole set: the loss per frame, and the confusion of pixels and of the wearer's frames."""

    loss: float
    mask: Confusion
    wearer: Confusion

    def to_mapping(self) -> dict[str, Any]:
        """Plain numbers for a report."""
        return {"loss": self.loss, "mask": self.mask.to_mapping(), "wearer": self.wearer.to_mapping()}


class SpeakerUNetModule(lightning.LightningModule):
    """Adam; scores the validation frames every mini-epoch, keeps the best weights, stops when it gets no better."""

    def __init__(self, recipe: SpeakerUNetRecipe, validation: SpeakerFrames) -> None:
        super().__init__()
        self.recipe, self.validation = recipe, validation
        self.network = SpeakerUNet(recipe.network)
        self.best_loss, self.since_best = float("inf"), 0
        self.best_weights = copy.deepcopy(self.network.state_dict())
        self.course: list[dict[str, Any]] = []

    def training_step(self, batch: Batch, _: int) -> Tensor:
        """Loss of one batch."""
        return recipe_loss(self.network, batch, self.recipe)

    def on_train_batch_end(self, *_: Any) -> None:
        """Close the mini-epoch after its last step."""
        if self.global_step % self.recipe.mini_epoch_steps == 0:
            self.close_mini_epoch()

    def close_mini_epoch(self) -> None:
        """Score, keep the best, and stop where the patience is over."""
        score = score_frames(self.network, self.validation, self.recipe)
        self.network.train()
        self.course.append({"step": self.global_step, **score.to_mapping()})
        self.since_best += 1
        if score.loss < self.best_loss:
            self.best_loss, self.since_best = score.loss, 0
            self.best_weights = copy.deepcopy(self.network.state_dict())
        if self.since_best >= self.recipe.patience or len(self.course) >= self.recipe.mini_epochs:
            self.trainer.should_stop = True

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """Adam over all weights that the task uses."""
        network = self.network
        parts = [network.audio, network.wearer] if self.recipe.task == "wearer" else [network]
        return torch.optim.Adam([p for part in parts for p in part.parameters()], self.recipe.learning_rate)


def recipe_loss(network: SpeakerUNet, batch: Batch, recipe: SpeakerUNetRecipe) -> Tensor:
    """Mask loss, wearer's cross-entropy, or both: a scalar."""
    pictures, sound, mask, wearer = batch
    if recipe.task == "wearer":
        return cross_entropy(network.wearer_logits(sound), wearer)
    found = network(pictures, sound)
    loss = segmentation_loss(found.mask, mask, recipe.loss)
    if recipe.task == "both":
        loss = loss + recipe.wearer_weight * cross_entropy(found.wearer, wearer)
    return loss


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
    """Train and write `asl_unet.pt` and `training.json` (recipe, course, test scores) into `out`; returns the network.

    Validation and test see every kind of frame, whatever the recipe trains on.
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
        _frames(recipe, training, learned),
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
        record: dict[str, Any] = {"recipe": to_mapping(recipe), "seed": seed, "course": module.course}
        if test:
            every = [(number, frame) for number, r in enumerate(test) for frame in range(r.frames)]
            record["test"] = score_frames(network, _frames(recipe, test, every), recipe).to_mapping()
        (out / "training.json").write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    return network


@torch.no_grad()
def score_frames(network: SpeakerUNet, frames: SpeakerFrames, recipe: SpeakerUNetRecipe) -> SpeakerUNetScore:
    """Loss and confusion matrices over all frames of a set."""
    network.eval()
    device = next(network.parameters()).device
    losses, mask_counts, wearer_counts = [], Confusion(), Confusion()
    for batch in DataLoader(frames, recipe.batch_size):
        pictures, sound, mask, wearer = (value.to(device) for value in batch)
        losses.append(float(recipe_loss(network, (pictures, sound, mask, wearer), recipe)) * len(mask))
        if recipe.task == "wearer":
            logits = network.wearer_logits(sound)
        else:
            found = network(pictures, sound)
            logits = found.wearer
            marked = torch.sigmoid(found.mask) > recipe.threshold
            mask_counts += Confusion.of(marked.cpu().numpy(), mask.cpu().numpy() > 0)
        if recipe.task != "mask":
            wearer_counts += Confusion.of(logits.argmax(dim=1).cpu().numpy() == 1, wearer.cpu().numpy() == 1)
    return SpeakerUNetScore(sum(losses) / max(1, len(frames)), mask_counts, wearer_counts)


def _validation(recipe: SpeakerUNetRecipe, recordings: Sequence[EgocentricRecording]) -> SpeakerFrames:
    """The same frames in every validation of every run: an even share of all."""
    every = [(number, frame) for number, r in enumerate(recordings) for frame in range(r.frames)]
    if not every:
        raise InputError("no recordings to validate on")
    step = max(1, len(every) // recipe.validation_frames)
    return _frames(recipe, recordings, every[::step][: recipe.validation_frames])


def _frames(
    recipe: SpeakerUNetRecipe, recordings: Sequence[EgocentricRecording], frames: Sequence[tuple[int, int]]
) -> SpeakerFrames:
    return SpeakerFrames(recordings, frames, recipe.network, recipe.audio, recipe.picture)
