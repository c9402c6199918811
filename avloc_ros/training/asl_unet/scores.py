"""How well asl_unet does over a whole set of frames, and the thresholds that do best on a validation set."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch.utils.data import DataLoader

from avloc_ros.datasets.glasses.speaker_frames import SpeakerFrames
from avloc_ros.evaluation.metrics.mask_scores import Confusion, ProbabilityCounts
from avloc_ros.models.asl_unet.network import SpeakerUNet
from avloc_ros.training.asl_unet.recipe import Batch, SpeakerUNetRecipe, answer, answer_loss


@dataclass(frozen=True)
class Thresholds:
    """Probabilities above which a pixel is a speaker's, and the wearer speaks."""

    mask: float = 0.5
    wearer: float = 0.5


@dataclass(frozen=True)
class SpeakerUNetScore:
    """Over a whole set: the loss per frame, and counts of pixels and of the wearer's frames by probability."""

    loss: float
    pixels: ProbabilityCounts
    wearer_frames: ProbabilityCounts

    def masks(self, threshold: float) -> Confusion:
        """The confusion matrix of pixels."""
        return self.pixels.confusion(threshold)

    def best_thresholds(self) -> Thresholds:
        """Those with the highest F1 of pixels (which is also the highest IoU), and of the wearer's frames."""
        return Thresholds(self.pixels.best_threshold(), self.wearer_frames.best_threshold())

    def to_mapping(self, thresholds: Thresholds) -> dict[str, Any]:
        """Plain numbers for a report."""
        return {
            "loss": self.loss,
            "mask": self.pixels.confusion(thresholds.mask).to_mapping(),
            "wearer": self.wearer_frames.confusion(thresholds.wearer).to_mapping(),
        }


@torch.no_grad()
def score_frames(network: SpeakerUNet, frames: SpeakerFrames, recipe: SpeakerUNetRecipe) -> SpeakerUNetScore:
    """Loss and counts over all frames of a set; of the tasks that the recipe has."""
    network.eval()
    device = next(network.parameters()).device
    losses, pixels, wearer_frames = 0.0, ProbabilityCounts(), ProbabilityCounts()
    for batch in DataLoader(frames, recipe.batch_size):
        here: Batch = tuple(value.to(device) for value in batch)
        _, _, mask, wearer, _ = here
        found = answer(network, here, recipe)
        losses += float(answer_loss(found, here, recipe)) * len(mask)
        if recipe.task != "wearer":
            pixels += ProbabilityCounts.of(torch.sigmoid(found.mask).cpu().numpy(), mask.cpu().numpy() > 0)
        if recipe.task != "mask":
            speaking = torch.softmax(found.wearer, dim=1)[:, 1]
            wearer_frames += ProbabilityCounts.of(speaking.cpu().numpy(), wearer.cpu().numpy() == 1)
    return SpeakerUNetScore(losses / max(1, len(frames)), pixels, wearer_frames)
